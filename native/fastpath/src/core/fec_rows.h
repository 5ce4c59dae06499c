#pragma once
#include <cstdint>

namespace parley {

/** What one packet of protection covers, and what of it is known to be lost. */
struct FecRow {
  int64_t fec = -1;
  int64_t base = 0;
  uint64_t mask = 0;
  /** Asked for once or more. */
  uint64_t lost = 0;
  /** Not answered, as the receiver has what brings it back. */
  uint64_t left = 0;
  bool fecLost = false;

  bool Covers(int64_t sequence) const {
    return sequence >= base && sequence < base + 64 && (mask >> (sequence - base) & 1);
  }
};

/** The last rows of one stream. */
class FecRows {
 public:
  void Put(const FecRow& row) { rows_[next_++ % kRows] = row; }
  FecRow* Find(int64_t sequence) {
    for (FecRow& row : rows_) {
      if (row.fec >= 0 && (row.fec == sequence || row.Covers(sequence))) return &row;
    }
    return nullptr;
  }

 private:
  static constexpr size_t kRows = 128;
  FecRow rows_[kRows];
  size_t next_ = 0;
};

}  // namespace parley
