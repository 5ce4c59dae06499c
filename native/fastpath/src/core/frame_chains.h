#pragma once
#include <algorithm>

#include "core/packet.h"

namespace parley {

/**
 * Follows the chains of one source (AV1 RTP payload specification 1.0.0, appendix A): which spatial layers lost a frame
 * for good that all later ones stand on, until their chain begins anew. A frame with packets that are still asked for
 * is not lost, and without a packet given up nothing is: a layer that is not sent has no loss.
 */
class FrameChains {
 public:
  /** A packet will not come any more. */
  void OnLost(int64_t sequence) { lostAt_ = std::max(lostAt_, sequence); }
  /** Takes each packet with a descriptor and tells `brokenSpatials`. `awaited`: the oldest that may still come, -1: none. */
  void Take(Packet& packet, int64_t awaited);

 private:
  struct Frame {
    static constexpr uint32_t kNone = ~uint32_t(0);
    uint32_t number = kNone;
    int64_t first = -1;
    int64_t last = -1;
    /** The newest of its packets. */
    int64_t newest = -1;
    uint16_t packets = 0;
    bool Whole() const { return first >= 0 && last >= first && packets == last - first + 1; }
  };
  /** A frame that was not whole when a later one of its chain began. */
  struct Link {
    uint16_t number;
    /** What is before this packet and still asked for may belong to it. */
    int64_t before;
  };
  struct Chain {
    static constexpr size_t kMostOpen = 16;
    Link open[kMostOpen];
    size_t count = 0;
    /** The last packet that is known to be of an unbroken chain. */
    int64_t soundUpTo = -1;
    int64_t begunAt = -1;
    bool broken = false;
    /** The first and the last packet that is known to stand on what is lost. */
    int64_t brokenFrom = -1;
    int64_t brokenTo = -1;
    void Restart(int64_t sequence);
    void Follow(uint16_t number, const Frame* frame, int64_t before);
  };

  /** Distances in chains have 8 bits. */
  static constexpr size_t kRemembered = 256;
  const Frame* Find(uint16_t number) const {
    const Frame& frame = frames_[number % kRemembered];
    return frame.number == number ? &frame : nullptr;
  }
  void Count(const Packet& packet);
  void Settle(Chain& chain, int64_t awaited);

  Frame frames_[kRemembered];
  Chain chains_[kMostSpatial];
  int64_t lostAt_ = -1;
};

}  // namespace parley
