// Authenticated but hostile RTP and RTCP, through rewriting, history, repair and sealing.
#include "harness.h"

using namespace parley;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static Pair* pair = nullptr;
  static int uses = 0;
  static uint32_t viewers = 0;
  if (!pair || ++uses > 300) {
    delete pair;
    // Every other pair holds the packets of a frame together.
    static bool holds = false;
    holds = !holds;
    CoreOptions options;
    options.frameHold = holds ? 1000 : 0;
    pair = new Pair(options);
    uses = 0;
    pair->Join(1);
    pair->Join(2);
    const Codec codecs[] = {Codec::kVp8, Codec::kVp9, Codec::kH264, Codec::kAv1, Codec::kRed};
    for (uint32_t i = 0; i < 5; i++) {
      bool video = codecs[i] != Codec::kRed;
      uint8_t payloadType = uint8_t(90 + i * 2);
      pair->sfu.CreateTrack(10 + i, 1, TestTrack(video, codecs[i], payloadType, 0x01010100 + i * 0x10));
      pair->sfu.CreateStream(20 + i, 2, 10 + i, TestStream(video, payloadType, 0x02020200 + i * 0x10));
      EgressStreamOptions viewer = TestStream(video, payloadType, 0x02030200 + i * 0x10);
      viewer.startFromCache = PictureCache::kOldest;
      pair->sfu.CreateStream(30 + i, 2, 10 + i, viewer);
      RepairOptions repair;
      repair.fecShare = i % 2 ? 1 : 0.3;
      repair.bursts = i % 2 == 0;
      pair->sfu.SetRepair(20 + i, repair);
    }
  }
  size_t at = 0;
  while (at + 2 < size) {
    uint8_t control = data[at];
    size_t length = size_t(data[at + 1]) + 1;
    at += 2;
    if (length > size - at) length = size - at;
    pair->now += Micros(control >> 4) * 1000;
    pair->sfu.SetNow(pair->now);
    View bytes(data + at, length);
    Transport* publisher = pair->sfu.FindTransport(1);
    Transport* subscriber = pair->sfu.FindTransport(2);
    if (!publisher || !subscriber) break;
    if (control & 1) {
      (control & 2 ? publisher : subscriber)->HandleRtcp(bytes, pair->now);
    } else {
      PacketRef packet = pair->sfu.pool().Take();
      std::memcpy(packet->data, data + at, length);
      if (control & 4 && length >= 12) {
        // Steered to a known stream so that depth is reached quickly.
        uint32_t which = control >> 3 & 3;
        packet->data[0] = uint8_t(0x80 | (packet->data[0] & 0x30));
        packet->data[1] = uint8_t((packet->data[1] & 0x80) | (90 + which * 2));
        Put32(packet->data + 8, 0x01010100 + which * 0x10);
      }
      publisher->HandleRtp(std::move(packet), length, pair->now);
    }
    at += length;
    pair->sfu.SelectLayer(20 + (control >> 3 & 3), 0, control & 3, control >> 6);
    if ((control & 0xf0) == 0xf0) {
      // Somebody leaves and another begins from what is kept; the gate closes in between.
      uint32_t which = control >> 1 & 3;
      EgressStreamOptions viewer = TestStream(true, uint8_t(90 + which * 2), 0x02040200 + (++viewers << 4));
      viewer.startFromCache = PictureCache::kOldest;
      pair->sfu.CloseStream(30 + which);
      if (control & 1) pair->sfu.SetTrackGate(10 + which, (viewers & 1) != 0);
      pair->sfu.CreateStream(30 + which, 2, 10 + which, viewer);
    }
    pair->sfu.Advance(pair->now);
    pair->sfu.Work(pair->now);
  }
  pair->now += 60'000;
  pair->sfu.Advance(pair->now);
  pair->sfu.Work(pair->now);
  pair->Drain();
  return 0;
}
