#pragma once
#include "core/bytes.h"

namespace parley {

/**
 * Maps extended incoming counters to a gapless outgoing row while some values are taken out and the
 * source changes. Losses stay visible as gaps; what was left out on purpose does not.
 */
class SequenceMap {
 public:
  /** From `in` on, `in` becomes `out`. Anything before is refused. */
  void Sync(int64_t in, int64_t out) {
    count_ = 0;
    highest_ = in - 1;
    Push(in, out - in);
  }
  void Reset() { count_ = 0; }
  bool synced() const { return count_ > 0; }
  /**
   * Takes a value out of the row. Only what is newer than all mapped ones closes the gap.
   * @returns false for others: the row has a place for them.
   */
  bool Drop(int64_t in) {
    if (count_ == 0) return true;
    if (in <= highest_) return false;
    highest_ = in;
    // What goes in one piece is one change, however long it is.
    if (Last().from == in) {
      changes_[newest_] = {in + 1, Last().offset - 1};
    } else {
      Push(in + 1, Last().offset - 1);
    }
    return true;
  }
  /** Makes room for values of our own behind all that came. @returns the first. To be called when synced. */
  int64_t Insert(int64_t count) {
    int64_t first = highest_ + 1 + Last().offset;
    Push(highest_ + 1, Last().offset + count);
    return first;
  }
  /** @returns -1 for values before the row or too old to tell. */
  int64_t Map(int64_t in) {
    if (count_ == 0) return -1;
    if (in > highest_) highest_ = in;
    for (size_t i = 0; i < count_; i++) {
      const Change& change = changes_[(newest_ + kChanges - i) % kChanges];
      if (in >= change.from) return in + change.offset;
    }
    return -1;
  }
  int64_t highest() const { return highest_; }

 private:
  static constexpr size_t kChanges = 64;
  struct Change {
    int64_t from = 0;
    int64_t offset = 0;
  };
  const Change& Last() const { return changes_[newest_]; }
  void Push(int64_t from, int64_t offset) {
    if (count_ > 0 && Last().from == from) {
      changes_[newest_].offset = offset;
      return;
    }
    newest_ = count_ == 0 ? 0 : (newest_ + 1) % kChanges;
    changes_[newest_] = {from, offset};
    if (count_ < kChanges) count_++;
  }
  Change changes_[kChanges];
  size_t newest_ = 0;
  size_t count_ = 0;
  int64_t highest_ = 0;
};

}  // namespace parley
