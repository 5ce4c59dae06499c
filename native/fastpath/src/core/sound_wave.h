#pragma once
#include <vector>

#include "core/packet.h"
#include "core/timer_wheel.h"

namespace parley {

class Core;
class EgressStream;
class IngressTrack;
class Transport;

/**
 * Several speakers before a large audience: what they say within a short time leaves together, one subscriber after
 * the other, so that a subscriber costs one system call instead of one for each speaker. The wait is as long as the
 * fan-out itself takes anyway, and there is none for a single speaker or a few subscribers.
 */
class SoundWave {
 public:
  explicit SoundWave(Core& core) : core_(core) {}

  /** Whether a packet that this track is about to send should wait for those of others. */
  bool Wanted(const IngressTrack& track, size_t subscribers, Micros now);
  /** The track has something to send with the next wave. */
  void Join(IngressTrack& track, size_t subscribers, Micros now);
  /** It sends by itself what it has. */
  void Forget(IngressTrack& track);
  /** Bytes of padding that make a packet of `size` bytes a segment of equal size. */
  uint8_t PaddingFor(size_t size);

 private:
  struct Part {
    EgressStream* stream;
    IngressTrack* track;
  };
  void Leave(Micros now);

  Core& core_;
  std::vector<IngressTrack*> tracks_;
  OwnerTimer<SoundWave, &SoundWave::Leave> timer_{this};
  uint32_t lastTrack_ = 0;
  Micros lastAt_ = -1;
  Micros companyAt_ = -1;
  /** Of each subscriber that is reached by the wave that leaves. */
  std::vector<std::vector<Part>> parts_;
  /** While a wave leaves: segments after the next one, and their size. */
  size_t following_ = 0;
  size_t segment_ = 0;
};

}  // namespace parley
