#include "core/fan_out.h"

#include <algorithm>

#include "core/ingress.h"

namespace parley {

namespace {

/** Who cannot keep up is to see it in the socket, where FAST-68 measures it, not here. */
constexpr Micros kMostWait = 20'000;

}  // namespace

void FanOut::Add(IngressTrack& track, std::vector<HeldPacket> packets, Micros now) {
  jobs_.push_back({&track, std::move(packets), now});
}

void FanOut::Work(size_t most, Micros now) {
  if (pending() && now - jobs_.front().since > kMostWait) most = SIZE_MAX;
  while (pending() && most > 0) {
    Job& job = jobs_.front();
    most -= std::min(most, Continue(job, most, now));
    if (job.next >= job.track->streams().size()) jobs_.pop_front();
  }
}

size_t FanOut::Continue(Job& job, size_t most, Micros now) {
  const std::vector<EgressStream*>& streams = job.track->streams();
  size_t done = 0;
  while (job.next < streams.size() && done < most) {
    job.track->Deliver(job.packets, *streams[job.next++], now);
    done += job.packets.size();
  }
  if (job.next >= streams.size()) job.track->Remember(job.packets, now);
  return done;
}

void FanOut::Finish(IngressTrack& track, Micros now) {
  for (Job& job : jobs_) {
    if (job.track == &track) Continue(job, SIZE_MAX, now);
  }
  Forget(track);
}

void FanOut::OnDetach(IngressTrack& track, size_t place) {
  for (Job& job : jobs_) {
    if (job.track == &track && place < job.next) job.next--;
  }
}

void FanOut::Forget(IngressTrack& track) {
  jobs_.erase(std::remove_if(jobs_.begin(), jobs_.end(), [&](const Job& job) { return job.track == &track; }), jobs_.end());
}

}  // namespace parley
