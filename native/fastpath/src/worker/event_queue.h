#pragma once
#include <mutex>
#include <vector>

#include "core/record.h"

namespace parley {

/**
 * Events on their way from the packet thread to a reader that may be slow. Bounded: beyond `kMaxBytes` what waits and
 * loses its worth by waiting gives way (what was sent and its feedback, levels, application data, which its protocol
 * repeats). What happened to a transport, track or stream is always told. Thread-safe.
 */
class EventQueue {
 public:
  static constexpr size_t kMaxBytes = 8 << 20;

  /** @returns whether the reader must be woken: nothing waited since its last `Take`. */
  bool Push(std::vector<Record> events);
  /** All that waits, in order. */
  std::vector<Record> Take();
  uint64_t dropped() const;

 private:
  void DropPerishable();

  mutable std::mutex mutex_;
  std::vector<Record> events_;
  size_t perishableBytes_ = 0;
  bool woken_ = false;
  uint64_t dropped_ = 0;
};

}  // namespace parley
