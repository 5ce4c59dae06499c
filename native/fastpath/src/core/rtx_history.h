#pragma once
#include <vector>

#include "core/packet.h"

namespace parley {

/** A shared packet with what makes it this subscriber's: enough to write it again byte for byte. */
struct Rewritten {
  PacketRef packet;
  int64_t sequence = -1;
  Micros created = 0;
  Micros sentAt = -1;
  Micros resentAt = -1;
  uint32_t timestamp = 0;
  uint32_t absSendTime = 0;
  uint32_t playoutDelay = 0;
  uint16_t transportSequence = 0;
  uint16_t pictureId = 0;
  uint16_t frameNumber = 0;
  /** Decode targets that are said to be active; 0: as the publisher says. */
  uint32_t targets = 0;
  uint16_t payloadAt = 0;
  uint16_t payloadSize = 0;
  uint8_t payloadType = 0;
  uint8_t rtxPayloadType = 0;
  /** Around it as the one block of RED; 0: none. */
  uint8_t redPayloadType = 0;
  uint8_t tl0 = 0;
  /** Bytes of padding that sound left with; a repetition is the same packet. */
  uint8_t padding = 0;
  /** Rounds of answers: to requests, or because feedback told that it is missing. */
  uint8_t asked = 0;
  /** How often it left, while feedback tells what became of that. */
  uint8_t transmissions = 0;
  /** Of how many of these feedback told. */
  uint8_t judged = 0;
  /** Feedback told that one of them arrived. */
  bool arrived = false;
  /** It was asked for all the same. */
  bool doubted = false;
  /** It was asked for. */
  bool missed = false;
  bool hasPlayoutDelay = false;
  bool patchDescriptor = false;
  bool patchFrameNumber = false;
  /** It protects others. */
  bool fec = false;
  bool marker = false;
};

/** What a subscriber may ask for again, bounded by age and count; memory follows the packet rate. */
class RtxHistory {
 public:
  RtxHistory(Micros keep, size_t most) : keep_(keep), most_(most) {}

  Rewritten* Find(int64_t sequence) {
    if (ring_.empty() || sequence < 0) return nullptr;
    Rewritten& entry = ring_[size_t(sequence) & (ring_.size() - 1)];
    return entry.packet && entry.sequence == sequence ? &entry : nullptr;
  }

  /** @returns the stored entry, valid until the next call. */
  Rewritten& Put(Rewritten entry, Micros now) {
    if (ring_.empty()) ring_.resize(16);
    Expire(now);
    for (;;) {
      Rewritten& slot = ring_[size_t(entry.sequence) & (ring_.size() - 1)];
      if (!slot.packet || slot.sequence > entry.sequence || ring_.size() >= most_) break;
      Grow();
    }
    Rewritten& slot = ring_[size_t(entry.sequence) & (ring_.size() - 1)];
    if (slot.packet && slot.sequence > entry.sequence) {
      late_ = std::move(entry);
      return late_;
    }
    slot = std::move(entry);
    if (slot.sequence > newest_) newest_ = slot.sequence;
    if (oldest_ < 0 || slot.sequence < oldest_) oldest_ = slot.sequence;
    return slot;
  }

  /** Forgets what is older than the bound; keeps freed memory for the same rate. */
  void Expire(Micros now) {
    if (oldest_ < newest_ - int64_t(ring_.size())) oldest_ = newest_ - int64_t(ring_.size()) + 1;
    while (oldest_ >= 0 && oldest_ <= newest_) {
      Rewritten& slot = ring_[size_t(oldest_) & (ring_.size() - 1)];
      if (slot.packet && slot.sequence == oldest_) {
        if (now - slot.created <= keep_) return;
        slot.packet = PacketRef();
      }
      oldest_++;
    }
  }

  Rewritten* Newest() { return Find(newest_); }

 private:
  void Grow() {
    std::vector<Rewritten> old(ring_.size() * 2);
    old.swap(ring_);
    for (Rewritten& entry : old) {
      if (entry.packet) ring_[size_t(entry.sequence) & (ring_.size() - 1)] = std::move(entry);
    }
  }
  std::vector<Rewritten> ring_;
  Rewritten late_;
  Micros keep_;
  size_t most_;
  int64_t newest_ = -1;
  int64_t oldest_ = -1;
};

}  // namespace parley
