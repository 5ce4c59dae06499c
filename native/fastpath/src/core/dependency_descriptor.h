#pragma once
#include <memory>

#include "core/packet.h"

namespace parley {

/**
 * Reads the AV1 dependency descriptor (AV1 RTP payload specification 1.0.0, appendix A) of one source. Keeps the
 * structure that came with the last key frame, which the frames after it refer to.
 */
class DependencyReader {
 public:
  DependencyReader();
  ~DependencyReader();
  /**
   * Fills in layers, dependencies and where a decoder may go up. @returns false when the descriptor is malformed or
   * belongs to a structure that never came; then nothing is filled in.
   */
  bool Read(View descriptor, FrameInfo* info);
  /** Decode targets within these layers, a bit each. */
  uint32_t TargetsWithin(int spatial, int temporal) const;
  void Reset();

 private:
  struct Structure;
  std::unique_ptr<Structure> structure_;
};

/**
 * Writes a descriptor again with another frame number and, unless `targets` is 0, another bitmask of active decode
 * targets. `out` holds at least `descriptor.size + 5` bytes. @returns bytes written, 0 when it would pass 255.
 */
size_t RewriteDescriptor(View descriptor, const FrameInfo& info, uint16_t frameNumber, uint32_t targets, uint8_t* out);

}  // namespace parley
