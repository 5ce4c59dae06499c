#include "core/sound_wave.h"

#include <algorithm>

#include "core/core.h"
#include "core/egress.h"
#include "core/ingress.h"
#include "core/transport.h"

namespace parley {

namespace {

/** With fewer the wait would be shorter than a slot of the clock that ends it. */
constexpr size_t kLeastSubscribers = 200;
constexpr Micros kWaitForEach = 10;
/** Half a frame of sound. */
constexpr Micros kMostWait = 10'000;
/** Two speak at once when their packets come within this time, some frames of 20 ms. */
constexpr Micros kCompany = 100'000;
constexpr size_t kEqual = 16;
/** Rather another call than more padding. */
constexpr size_t kMostPadding = 64;

size_t RoundUp(size_t size) { return (size + kEqual - 1) / kEqual * kEqual; }

}  // namespace

bool SoundWave::Wanted(const IngressTrack& track, size_t subscribers, Micros now) {
  if (subscribers < kLeastSubscribers) return false;
  if (lastAt_ >= 0 && lastTrack_ != track.id && now - lastAt_ < kCompany) companyAt_ = now;
  lastTrack_ = track.id;
  lastAt_ = now;
  return companyAt_ >= 0 && now - companyAt_ < kCompany;
}

void SoundWave::Join(IngressTrack& track, size_t subscribers, Micros now) {
  if (std::find(tracks_.begin(), tracks_.end(), &track) != tracks_.end()) return;
  tracks_.push_back(&track);
  if (!timer_.armed()) core_.wheel().Arm(timer_, now + std::min(kMostWait, Micros(subscribers) * kWaitForEach));
}

void SoundWave::Forget(IngressTrack& track) {
  tracks_.erase(std::remove(tracks_.begin(), tracks_.end(), &track), tracks_.end());
}

// Only the last segment of a call may be shorter, so the largest goes first.
void SoundWave::Leave(Micros now) {
  std::vector<IngressTrack*> tracks;
  tracks.swap(tracks_);
  std::stable_sort(tracks.begin(), tracks.end(),
                   [](IngressTrack* a, IngressTrack* b) { return a->LargestHeld() > b->LargestHeld(); });
  size_t reached = 0;
  for (IngressTrack* track : tracks) {
    for (EgressStream* stream : track->streams()) {
      int32_t& place = stream->transport.waveAt;
      if (place < 0) {
        place = int32_t(reached++);
        if (parts_.size() < reached) parts_.emplace_back();
      }
      parts_[size_t(place)].push_back({stream, track});
    }
  }
  for (size_t at = 0; at < reached; at++) {
    std::vector<Part>& parts = parts_[at];
    parts.front().stream->transport.waveAt = -1;
    segment_ = 0;
    following_ = parts.size();
    for (const Part& part : parts) {
      following_--;
      part.track->Deliver(part.track->held(), *part.stream, now);
    }
    parts.clear();
  }
  for (IngressTrack* track : tracks) track->ForgetHeld();
}

uint8_t SoundWave::PaddingFor(size_t size) {
  if (following_ == 0) return 0;
  if (size > segment_ || segment_ - size > kMostPadding) segment_ = RoundUp(size);
  return uint8_t(segment_ - size);
}

}  // namespace parley
