// Not a fuzzer: 10,000 joins with handshake, tracks, media and leaves under the leak checker.
#include <cstdio>
#include <cstdlib>

#include "harness.h"

using namespace parley;

int main(int argc, char** argv) {
  int cycles = argc > 1 ? atoi(argv[1]) : 10'000;
  Pair pair;
  pair.Join(1);
  pair.sfu.CreateTrack(2, 1, TestTrack(true, Codec::kVp8, 96, 0x01010100));
  size_t joined = 0;
  uint16_t sequence = 0;
  for (int i = 0; i < cycles; i++) {
    uint32_t id = uint32_t(1000 + i * 2);
    pair.now += 3000;
    if (pair.Join(id) && pair.sfu.FindTransport(id)->ready()) joined++;
    pair.sfu.CreateStream(id + 1, id, 2, TestStream(true, 96, 0x02020200 + id));
    for (int n = 0; n < 3; n++) {
      PacketRef packet = pair.sfu.pool().Take();
      uint8_t* p = packet->data;
      std::memset(p, 0, 40);
      p[0] = 0x80;
      p[1] = 96;
      Put16(p + 2, sequence++);
      Put32(p + 8, 0x01010100);
      p[12] = 0x10;
      if (Transport* publisher = pair.sfu.FindTransport(1)) publisher->HandleRtp(std::move(packet), 40, pair.now);
    }
    pair.sfu.Advance(pair.now);
    pair.client.Advance(pair.now);
    if (i % 3 == 0) {
      pair.sfu.CloseTransport(id);
      pair.client.CloseTransport(id);
    } else {
      pair.Leave(id);
    }
    Bytes keep = Binding("user1:x", "password-password-password", 1);
    pair.sfu.OnDatagram(View(keep), TestPath(2), pair.now);
    pair.client.OnDatagram(View(keep), TestPath(2), pair.now);
    pair.Drain();
  }
  std::printf("%zu of %d joined, %zu buffers in use\n", joined, cycles, pair.sfu.pool().in_use());
  return joined == size_t(cycles) && pair.sfu.pool().in_use() == 0 ? 0 : 1;
}
