#pragma once
#include "core/packet.h"

namespace parley {

enum class Codec : uint8_t { kOther, kOpus, kRed, kPcmu, kPcma, kG722, kVp8, kVp9, kH264, kAv1 };

inline bool IsVideo(Codec codec) { return codec >= Codec::kVp8; }

/**
 * Reads what the SFU needs from a payload: frame starts, key frames, layers, picture ids, sizes.
 * @returns false when the payload is malformed.
 */
bool ReadPayload(Codec codec, View payload, FrameInfo* info);

/** Primary block of an RFC 2198 payload. Redundant blocks come before it. */
struct RedPayload {
  static constexpr size_t kMaxBlocks = 32;
  struct Block {
    uint8_t payloadType;
    uint16_t timestampOffset;  // 0 for the primary
    View data;
  };
  Block blocks[kMaxBlocks];
  size_t count = 0;
  /** @returns false when the headers run past the payload. The primary block is the last one. */
  bool Parse(View payload);
  const Block& primary() const { return blocks[count - 1]; }
};

}  // namespace parley
