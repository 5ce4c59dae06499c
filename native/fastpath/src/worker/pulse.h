#pragma once
#include "core/bytes.h"

namespace parley {

/**
 * What the packet thread shows of itself without anybody's help: that it gets on, and how much of the time it did not
 * wait for something to do. Belongs to that thread.
 */
class Pulse {
 public:
  /** A connected socket that gets a byte a quarter of a second, 0 to 100: busy percent since the last; -1 for none. */
  explicit Pulse(int fd) : fd_(fd) {}

  void Begin(Micros now) { begun_ = lastBeat_ = now; }
  /** When the next byte is due; -1 when there is nobody to tell. */
  Micros deadline() const { return fd_ < 0 ? -1 : lastBeat_ + kEvery; }
  /** The thread had nothing to do in between. */
  void Waited(Micros from, Micros to);
  /** To be called at every step forward, also within a long turn. Never blocks: what finds no room is left out. */
  void Beat(Micros now);
  /** Time since `Begin` that was not waited. */
  Micros Busy(Micros now) const { return now - begun_ - waited_; }

 private:
  static constexpr Micros kEvery = 250'000;

  int fd_;
  Micros begun_ = 0;
  Micros lastBeat_ = 0;
  Micros waited_ = 0;
  Micros waitedSinceBeat_ = 0;
};

}  // namespace parley
