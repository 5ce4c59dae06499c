#pragma once
#include <vector>

#include "core/bytes.h"

namespace parley {

class EgressStream;

/**
 * Which packet left under which transport-wide sequence number, for as long as feedback about it can come. Costs
 * nothing until the first packet is noted.
 */
class TransmissionLog {
 public:
  static constexpr size_t kMost = 4096;

  struct Entry {
    EgressStream* stream = nullptr;
    int64_t sequence = -1;
    uint32_t number = 0;
    /** The how manyth time the packet was sent. */
    uint8_t transmission = 0;
    /** Feedback that should have told of it did not. */
    bool presumedLost = false;
    Micros at = 0;
  };

  void Note(uint32_t number, EgressStream& stream, int64_t sequence, uint8_t transmission, Micros now) {
    if (entries_.empty()) entries_.resize(kMost);
    entries_[number % kMost] = {&stream, sequence, number, transmission, false, now};
    newest_ = number;
  }

  /** @returns the packet and forgets it: each is judged once. Empty when nothing is known of it. */
  Entry Take(uint16_t number) {
    if (entries_.empty()) return {};
    Entry& kept = entries_[number % kMost];
    if (!kept.stream || uint16_t(kept.number) != number) return {};
    Entry taken = kept;
    kept.stream = nullptr;
    return taken;
  }

  /**
   * Feedback ends at the last packet that arrived. What left after `number`, but early enough to have arrived before the
   * feedback was made, is lost as well; each is visited once, and may still be taken when a later feedback tells otherwise.
   */
  template <typename Visit>
  void PresumeLost(uint16_t number, Micros sentBefore, Visit visit) {
    if (entries_.empty()) return;
    uint16_t behind = uint16_t(newest_ - number);
    if (behind >= kMost) return;
    for (uint32_t next = newest_ - behind + 1; next != newest_ + 1; next++) {
      Entry& entry = entries_[next % kMost];
      if (!entry.stream || entry.number != next) continue;
      if (entry.at > sentBefore) break;
      if (entry.presumedLost) continue;
      entry.presumedLost = true;
      visit(entry);
    }
  }

  void Forget(const EgressStream& stream) {
    for (Entry& entry : entries_) {
      if (entry.stream == &stream) entry.stream = nullptr;
    }
  }

  bool empty() const { return entries_.empty(); }

 private:
  std::vector<Entry> entries_;
  uint32_t newest_ = 0;
};

/**
 * Reads which packets a transport-wide feedback names as received and which not
 * (draft-holmer-rmcat-transport-wide-cc-extensions-01, section 3.1). `fci` begins at the base sequence number; what is
 * cut off ends the reading.
 */
template <typename Visit>
void VisitTransportVerdicts(View fci, Visit visit) {
  if (fci.size < 8) return;
  uint16_t number = Get16(fci.data);
  size_t left = Get16(fci.data + 2);
  auto tell = [&](int symbol) {
    visit(number++, symbol != 0);
    left--;
  };
  for (size_t at = 8; left > 0 && at + 2 <= fci.size; at += 2) {
    uint16_t chunk = Get16(fci.data + at);
    if (!(chunk & 0x8000)) {
      for (size_t run = chunk & 0x1fff; run > 0 && left > 0; run--) tell(chunk >> 13 & 3);
    } else if (chunk & 0x4000) {
      for (int shift = 12; shift >= 0 && left > 0; shift -= 2) tell(chunk >> shift & 3);
    } else {
      for (int shift = 13; shift >= 0 && left > 0; shift--) tell(chunk >> shift & 1);
    }
  }
}

}  // namespace parley
