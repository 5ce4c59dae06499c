#pragma once
#include <deque>
#include <vector>

#include "core/packet.h"

namespace parley {

class EgressStream;
class IngressTrack;

/** A packet on its way to the streams of a track. */
struct HeldPacket {
  /** Empty: a number without a packet. */
  PacketRef packet;
  uint8_t layer;
  int64_t sequence;
};

/**
 * Pictures on their way to many subscribers, in pieces: between two of them the packet thread takes what came, so
 * that sound does not wait for a picture to reach a thousand subscribers.
 */
class FanOut {
 public:
  /** Behind what is on its way already. */
  void Add(IngressTrack& track, std::vector<HeldPacket> packets, Micros now);
  /** Hands on about `most` packets, and all of them when they wait too long. */
  void Work(size_t most, Micros now);
  /** All that is on its way from one track, at once. */
  void Finish(IngressTrack& track, Micros now);
  void Forget(IngressTrack& track);
  /** The stream at this place is about to go; those behind it move up. */
  void OnDetach(IngressTrack& track, size_t place);
  bool pending() const { return !jobs_.empty(); }

 private:
  struct Job {
    IngressTrack* track;
    std::vector<HeldPacket> packets;
    Micros since;
    size_t next = 0;
  };
  /** @returns the packets handed on. */
  size_t Continue(Job& job, size_t most, Micros now);

  std::deque<Job> jobs_;
};

}  // namespace parley
