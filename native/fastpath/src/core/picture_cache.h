#pragma once
#include <algorithm>
#include <vector>

#include "core/packet.h"

namespace parley {

/**
 * What was forwarded of one layer since its last key frame, for viewers who begin in between. Bounded in packets (2 KiB
 * each, shared with the histories) and in age: past either bound it is empty until the next key frame.
 */
class PictureCache {
 public:
  static constexpr size_t kMostPackets = 512;
  static constexpr Micros kOldest = 1'500'000;

  struct Entry {
    /** Empty: a number without a packet, so that no hole is seen. */
    PacketRef packet;
    int64_t sequence;
  };

  /** Somebody starts from what is so old, at most `kOldest`. */
  void Reach(Micros age) { oldest_ = std::max(oldest_, std::min(age, kOldest)); }

  void Add(const PacketRef& packet, Micros now) {
    const Packet& p = *packet;
    bool begins = p.frame.startOfKeyFrame && !p.recovered && (entries_.empty() || p.timestamp != timestamp_);
    if (begins) {
      // One that arrives late is older than what is here.
      if (!entries_.empty() && p.sequence < entries_.front().sequence) return;
      entries_.clear();
      begun_ = now;
      timestamp_ = p.timestamp;
    } else if (entries_.empty() || p.sequence < entries_.front().sequence) {
      return;
    }
    Push({packet, p.sequence}, now);
  }

  void Skip(int64_t sequence, Micros now) {
    if (!entries_.empty()) Push({PacketRef(), sequence}, now);
  }

  const std::vector<Entry>& Entries(Micros now) {
    if (now - begun_ > oldest_) Clear();
    return entries_;
  }

  void Clear() { entries_.clear(); }

 private:
  void Push(Entry entry, Micros now) {
    if (entries_.size() >= kMostPackets || now - begun_ > oldest_) return Clear();
    entries_.push_back(std::move(entry));
  }

  std::vector<Entry> entries_;
  Micros begun_ = 0;
  Micros oldest_ = 0;
  uint32_t timestamp_ = 0;
};

}  // namespace parley
