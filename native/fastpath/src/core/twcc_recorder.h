#pragma once
#include <vector>

#include "core/bytes.h"

namespace parley {

/**
 * Arrival times by transport-wide sequence number, told to the sender as
 * draft-holmer-rmcat-transport-wide-cc-extensions-01 feedback. A packet that arrives after its
 * neighbours were reported is reported again from there on, so nothing stays lost that came late.
 */
class TwccRecorder {
 public:
  static constexpr int64_t kWindow = 8192;
  static constexpr Micros kLateness = 500'000;

  TwccRecorder();
  void OnPacket(uint16_t sequence, Micros now);
  bool pending() const { return pending_; }
  /** Appends one or more complete feedback packets for everything that arrived since the last call. */
  size_t AppendFeedback(Bytes& out, uint32_t sender, uint32_t media, Micros now);

 private:
  bool AppendOne(Bytes& out, uint32_t sender, uint32_t media);
  Micros& At(int64_t sequence) { return arrivals_[size_t(sequence & (kWindow - 1))]; }
  bool Arrived(int64_t sequence) { return sequence >= first_ && At(sequence) >= 0; }

  std::vector<Micros> arrivals_;
  int64_t first_ = 0;   // oldest remembered
  int64_t next_ = 0;    // first not yet reported
  int64_t newest_ = -1;
  bool started_ = false;
  bool pending_ = false;
  uint8_t count_ = 0;
};

}  // namespace parley
