#pragma once
#include <deque>

#include "core/rtx_history.h"
#include "core/timer_wheel.h"

namespace parley {

class EgressStream;
class Transport;

/**
 * Spreads a subscriber's bursts: audio leaves at once, then retransmissions, then video within the
 * rate, then probe padding. Bounded; what does not fit is dropped and can be asked for again.
 */
class Pacer {
 public:
  Pacer(Transport& transport, TimerWheel& wheel, uint64_t bitrate, size_t limit)
      : transport_(transport), wheel_(wheel), bitrate_(bitrate), limit_(limit) {}

  void SetBitrate(uint64_t bitrate, Micros now);
  void Take(EgressStream& stream, Rewritten& entry, bool rtx, Micros now);
  void Probe(size_t bytes, uint64_t bitrate, Micros now);
  /** @returns whether a packet of it waited that had not left before. */
  bool Forget(EgressStream& stream);
  size_t queued() const { return retransmissions_.size() + video_.size(); }
  uint64_t drops = 0;
  uint64_t padding = 0;

 private:
  struct Waiting {
    EgressStream* stream;
    Rewritten entry;
  };
  void Refill(Micros now);
  void OnTimer(Micros now);

  Transport& transport_;
  TimerWheel& wheel_;
  uint64_t bitrate_;
  size_t limit_;
  double tokens_ = 0;  // bytes
  Micros refilled_ = -1;
  std::deque<Waiting> retransmissions_;
  std::deque<Waiting> video_;
  double probeLeft_ = 0;
  double probeTokens_ = 0;
  Micros probedAt_ = 0;
  uint64_t probeBitrate_ = 0;
  OwnerTimer<Pacer, &Pacer::OnTimer> timer_{this};
};

}  // namespace parley
