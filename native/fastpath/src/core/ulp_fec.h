#pragma once
#include <vector>

#include "core/packet.h"

namespace parley {

/**
 * Makes ULPFEC (RFC 5109, one level) of the packets of one row of frames. Packets are gathered frame by frame; each brings
 * a share of a packet of protection, and when a frame ends with enough of it, so many packets are made. Each protects every
 * n-th packet of what was gathered, so that n lost in a row cost each of them one: what it can bring back.
 */
class UlpFec {
 public:
  /** What the mask of a packet spans. */
  static constexpr int kMostSpan = 48;
  /** Larger packets go without: theirs would not fit every path. */
  static constexpr size_t kMostPacket = 1360;

  struct Made {
    PacketRef packet;
    /** First protected number, and a bit for each number from there on, the lowest for the first. */
    int64_t base = 0;
    uint64_t mask = 0;
  };

  /**
   * Takes a whole RTP packet as the receiver sees it behind RED: with the media's payload type, and zeros for what is
   * written as it leaves. `share` is its part of a packet of protection. Numbers ascend.
   */
  void Add(int64_t sequence, View packet, double share, Micros now);
  /** How many packets are due when a frame has ended. */
  int Due(Micros now) const;
  /** Makes so many packets of all that was gathered, and begins anew. Blocks of RED with this payload type. */
  std::vector<Made> Make(PacketPool& pool, int count);
  void Clear();
  bool empty() const { return held_.empty(); }

 private:
  struct Held {
    int64_t sequence;
    size_t at;
    size_t size;
  };
  Made MakeRow(PacketPool& pool, size_t row, size_t rows) const;
  std::vector<Held> held_;
  Bytes bytes_;
  double credit_ = 0;
  Micros began_ = 0;
};

}  // namespace parley
