// What is asked of publishers: lost packets again, and key frames.
#include "core/ingress.h"

#include <algorithm>

#include "core/core.h"
#include "core/transport.h"

namespace parley {

namespace {

// Packets overtake each other by a little; a gap is asked for only when it lasts.
constexpr Micros kReorderAllowance = 5'000;
constexpr Micros kNackDefault = 40'000;
constexpr Micros kNackLeast = 20'000;
constexpr Micros kNackMost = 1'000'000;
constexpr Micros kNackMostUnknown = 500'000;
constexpr int kMaxNacks = 10;
constexpr size_t kMaxMissing = 1000;
constexpr Micros kPliThrottle = 500'000;
constexpr int kMaxUnansweredPlis = 20;

}  // namespace

// What waits for a repetition must not keep a new gap waiting.
void IngressStream::AskAt(Micros due) {
  if (nackTimer_.armed() && nackDue_ <= due) return;
  nackDue_ = due;
  track.core.wheel().Arm(nackTimer_, due);
}

void IngressStream::NoticeGap(int64_t from, int64_t to, Micros now) {
  if (to - from > int64_t(kMaxMissing)) {
    missing_.clear();
    if (chains_) chains_->OnLost(to - 1);
    RequestKeyFrame(now);
    return;
  }
  for (int64_t s = from; s < to; s++) missing_[s] = Missing{now};
  while (missing_.size() > kMaxMissing) {
    Abandon(missing_.begin()->first);
    missing_.erase(missing_.begin());
  }
  AskAt(now + kReorderAllowance);
}

void IngressStream::Abandon(int64_t sequence) {
  abandoned_++;
  if (chains_) chains_->OnLost(sequence);
}

void IngressStream::FollowChains(Packet& p) {
  if (!chains_) chains_ = std::make_unique<FrameChains>();
  chains_->Take(p, missing_.empty() ? -1 : missing_.begin()->first);
}

void IngressStream::OnAnswer(const Missing& missing, Micros now) {
  // Which of several requests was answered cannot be told; the first one gives at least a bound.
  if (missing.tries > 1 && AnswerTime() >= 0) return;
  Micros sample = now - missing.firstAsked;
  rtt_ = rtt_ < 0 ? sample : (rtt_ * 7 + sample) / 8;
}

Micros IngressStream::AnswerTime() const { return std::max(rtt_, track.transport.roundTrip()); }

// An answer that takes a little longer is not to be asked for twice; requests that are lost are to be soon repeated.
Micros IngressStream::NackInterval(int tries) const {
  Micros answer = AnswerTime();
  if (answer < 0) return std::min(kNackDefault << (tries - 1), kNackMostUnknown);
  Micros base = std::max<Micros>(answer + answer / 4 + kReorderAllowance, kNackLeast);
  return std::min(base + base / 4 * (tries - 1), kNackMost);
}

void IngressStream::OnNackTimer(Micros now) {
  std::vector<uint16_t> ask;
  Micros next = -1;
  for (auto at = missing_.begin(); at != missing_.end();) {
    Missing& m = at->second;
    Micros due = m.tries == 0 ? m.noticed + kReorderAllowance : m.asked + NackInterval(m.tries);
    if (due <= now) {
      if (m.tries >= kMaxNacks) {
        Abandon(at->first);
        at = missing_.erase(at);
        continue;
      }
      if (m.tries++ == 0) m.firstAsked = now;
      m.asked = now;
      due = now + NackInterval(m.tries);
      if (ask.size() < 256) ask.push_back(uint16_t(at->first));
    }
    if (next < 0 || due < next) next = due;
    ++at;
  }
  if (!ask.empty()) {
    Bytes out;
    AppendNack(out, track.transport.rtcpSsrc(), options.ssrc, ask);
    track.transport.SendRtcp(out, now);
    nacks_ += ask.size();
  }
  if (next >= 0) AskAt(next);
}

void IngressStream::RequestKeyFrame(Micros now) {
  if (!track.options.pli || options.ssrc == 0) return;
  keyFrameWanted_ = true;
  if (pliTimer_.armed()) return;
  if (lastPli_ >= 0 && now - lastPli_ < kPliThrottle) {
    track.core.wheel().Arm(pliTimer_, lastPli_ + kPliThrottle);
    return;
  }
  unansweredPlis_ = 0;
  SendPli(now);
}

void IngressStream::SendPli(Micros now) {
  Bytes out;
  AppendPli(out, track.transport.rtcpSsrc(), options.ssrc);
  track.transport.SendRtcp(out, now);
  plis_++;
  lastPli_ = now;
  // PLIs get lost too. A source that only draws on change answers late, so the pace slows down.
  if (++unansweredPlis_ < kMaxUnansweredPlis) {
    track.core.wheel().Arm(pliTimer_, now + kPliThrottle * std::min(unansweredPlis_, 4));
  }
}

void IngressStream::OnPliTimer(Micros now) {
  if (keyFrameWanted_) SendPli(now);
}

}  // namespace parley
