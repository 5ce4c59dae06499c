#pragma once
#include <algorithm>
#include <vector>

#include "core/bytes.h"
#include "core/packet.h"
#include "core/payload_descriptor.h"

namespace parley {

/** The last frames of one sound, and RED packets (RFC 2198) made of them: one for all subscribers of the same depth. */
class RedHistory {
 public:
  static constexpr int kMostDepth = 17;
  /** What all blocks of a packet may take, so that it fits every path. */
  static constexpr size_t kMostPayload = 1100;

  void Put(int64_t sequence, const PacketRef& packet, View frame, uint32_t timestamp, uint8_t payloadType) {
    frames_[size_t(sequence) % kFrames] = {packet, frame, sequence, timestamp, payloadType};
    made_.clear();
  }

  /**
   * The frame of `packet` with up to `depth` frames before it. `payloadType` is the one of its blocks.
   * Empty when the frame is not kept.
   */
  PacketRef Make(PacketPool& pool, const Packet& packet, int depth, uint8_t payloadType) {
    const Frame& primary = frames_[size_t(packet.sequence) % kFrames];
    if (!primary.packet || primary.sequence != packet.sequence) return PacketRef();
    for (Made& made : made_) {
      if (made.sequence == packet.sequence && made.depth == depth && made.payloadType == payloadType) return made.packet;
    }
    const Frame* chosen[kMostDepth];
    int count = 0;
    size_t size = 1 + primary.bytes.size;
    for (int back = 1; back <= std::min(depth, kMostDepth) && packet.sequence >= back; back++) {
      const Frame& frame = frames_[size_t(packet.sequence - back) % kFrames];
      if (!frame.packet || frame.sequence != packet.sequence - back) continue;
      uint32_t offset = primary.timestamp - frame.timestamp;
      // A gap in the sound (DTX) is no time that fits; 14 and 10 bits are what the header has.
      if (offset == 0 || offset > 0x3fff) break;
      if (frame.bytes.size > 0x3ff || frame.bytes.size == 0) continue;
      if (size + 4 + frame.bytes.size > kMostPayload) break;
      size += 4 + frame.bytes.size;
      chosen[count++] = &frame;
    }
    PacketRef out = pool.Take();
    Packet& p = *out;
    p.arrival = packet.arrival;
    p.sequence = packet.sequence;
    p.timestamp = packet.timestamp;
    p.ssrc = packet.ssrc;
    p.payloadType = packet.payloadType;
    p.marker = packet.marker;
    p.layer = packet.layer;
    p.hasLevel = packet.hasLevel;
    p.level = packet.level;
    p.payloadAt = 0;
    uint8_t* at = p.data;
    for (int i = count - 1; i >= 0; i--) {
      *at = uint8_t(0x80 | payloadType);
      Put24(at + 1, (primary.timestamp - chosen[i]->timestamp) << 10 | uint32_t(chosen[i]->bytes.size));
      at += 4;
    }
    *at++ = payloadType;
    for (int i = count - 1; i >= 0; i--) at = Copy(at, chosen[i]->bytes);
    at = Copy(at, primary.bytes);
    p.payloadSize = p.size = uint16_t(at - p.data);
    made_.push_back({out, packet.sequence, depth, payloadType});
    return out;
  }

 private:
  static constexpr size_t kFrames = kMostDepth + 1;
  struct Frame {
    PacketRef packet;
    View bytes;
    int64_t sequence = -1;
    uint32_t timestamp = 0;
    uint8_t payloadType = 0;
  };
  struct Made {
    PacketRef packet;
    int64_t sequence;
    int depth;
    uint8_t payloadType;
  };
  static uint8_t* Copy(uint8_t* at, View bytes) {
    std::memcpy(at, bytes.data, bytes.size);
    return at + bytes.size;
  }
  Frame frames_[kFrames];
  std::vector<Made> made_;
};

}  // namespace parley
