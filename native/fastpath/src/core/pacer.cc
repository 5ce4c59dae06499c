#include "core/pacer.h"

#include <algorithm>

#include "core/egress.h"
#include "core/transport.h"

namespace parley {

namespace {

// What may leave back to back: 10 ms of the rate, at least a few packets.
constexpr double kBurstSeconds = 0.010;
constexpr double kLeastBurst = 4800;
// A thread that was held up longer makes a burst of the rest of a probe no more than this long.
constexpr Micros kLongestProbeStep = 10'000;

}  // namespace

void Pacer::SetBitrate(uint64_t bitrate, Micros now) {
  Refill(now);
  bitrate_ = bitrate;
  if (queued() && !timer_.armed()) wheel_.Arm(timer_, now + TimerWheel::kSlot);
}

void Pacer::Refill(Micros now) {
  double burst = std::max(kLeastBurst, double(bitrate_) / 8 * kBurstSeconds);
  if (refilled_ < 0) {
    tokens_ = burst;
  } else {
    tokens_ = std::min(burst, tokens_ + double(now - refilled_) * double(bitrate_) / 8e6);
  }
  refilled_ = now;
}

void Pacer::Take(EgressStream& stream, Rewritten& entry, bool rtx, Micros now) {
  if (!stream.options.video || bitrate_ == 0) {
    stream.Transmit(entry, rtx, now);
    return;
  }
  Refill(now);
  auto& queue = rtx ? retransmissions_ : video_;
  if (tokens_ > 0 && queue.empty() && (rtx || retransmissions_.empty())) {
    tokens_ -= double(stream.Transmit(entry, rtx, now));
    return;
  }
  if (queued() >= limit_) {
    drops++;
    return;
  }
  queue.push_back({&stream, entry});
  if (!timer_.armed()) wheel_.Arm(timer_, now + TimerWheel::kSlot);
}

void Pacer::Probe(size_t bytes, uint64_t bitrate, Micros now) {
  probeLeft_ = double(std::min<size_t>(bytes, 1'000'000));
  probeBitrate_ = bitrate;
  probeTokens_ = 0;
  probedAt_ = now;
  if (probeLeft_ > 0 && bitrate > 0) wheel_.Arm(timer_, now + TimerWheel::kSlot);
}

bool Pacer::Forget(EgressStream& stream) {
  size_t before = video_.size();
  for (auto* queue : {&retransmissions_, &video_}) {
    queue->erase(std::remove_if(queue->begin(), queue->end(), [&](const Waiting& w) { return w.stream == &stream; }),
                 queue->end());
  }
  return video_.size() < before;
}

void Pacer::OnTimer(Micros now) {
  Refill(now);
  for (auto* queue : {&retransmissions_, &video_}) {
    bool rtx = queue == &retransmissions_;
    while (!queue->empty() && (tokens_ > 0 || bitrate_ == 0)) {
      Waiting waiting = std::move(queue->front());
      queue->pop_front();
      tokens_ -= double(waiting.stream->TransmitQueued(waiting.entry, rtx, now));
    }
  }
  if (probeLeft_ > 0) {
    probeTokens_ += double(probeBitrate_) / 8 * (double(std::min(now - probedAt_, kLongestProbeStep)) / 1e6);
    probedAt_ = now;
    while (probeTokens_ > 0 && probeLeft_ > 0) {
      size_t sent = transport_.SendPadding(now);
      if (sent == 0) {
        probeLeft_ = 0;
        break;
      }
      padding += sent;
      probeTokens_ -= double(sent);
      probeLeft_ -= double(sent);
    }
  }
  if (queued() || probeLeft_ > 0) wheel_.Arm(timer_, now + TimerWheel::kSlot);
}

}  // namespace parley
