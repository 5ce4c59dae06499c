#include <algorithm>

#include "core/core.h"
#include "core/egress.h"
#include "core/transport.h"

namespace parley {

namespace {

// Asked again before the last answer can have arrived.
constexpr Micros kResendGuard = 15'000;
constexpr Micros kCopyDistance = 20'000;
// Of a round that the same feedback is to tell of.
constexpr Micros kAnswerDistance = 1'000;
// Nothing told for longer says nothing about what was lost.
constexpr Micros kFeedbackLives = 400'000;
constexpr int kMostCopies = 6;
constexpr int kMostAnswers = 16;
constexpr size_t kMostDelayed = 2048;
// Of the budget, what is kept for answers: copies of what others stand on, and of all else, take from the rest.
constexpr double kKeptFromCopies = 0.4;
constexpr double kKeptFromUpperCopies = 0.7;
constexpr double kKeptFromUpperAnswers = 0.2;

}  // namespace

void EgressStream::SetRepair(const RepairOptions& repair) {
  repair_ = repair;
  if (repair_.fecShare <= 0) ForgetFec();
}

bool EgressStream::TooLate(const Rewritten& entry, Micros now) const {
  Micros way = rtt_ > 0 ? rtt_ / 2 : 0;
  return repair_.deadline > 0 && now + way > entry.created + repair_.deadline;
}

bool EgressStream::Resend(Rewritten& entry, double kept, Micros now) {
  if (entry.sentAt < 0) return false;
  if (TooLate(entry, now)) {
    lateRepairs_++;
    return false;
  }
  size_t size = entry.fec && entry.rtxPayloadType != 0 ? 0 : entry.payloadSize;
  if (!transport.TakeRepair(size + 40u, kept, now)) {
    refusedRepairs_++;
    return false;
  }
  entry.resentAt = now;
  repairBytes_ += size;
  transport.Dispatch(*this, entry, true, now);
  return true;
}

void EgressStream::OnNack(uint16_t sequence, Micros now) {
  nacks_++;
  int64_t extended = Extend16(lastSequence_, sequence);
  Rewritten* entry = history_.Find(extended);
  if (!entry || now - entry->created > options.historyTime) {
    misses_++;
    return;
  }
  if (!entry->missed) missed_++;
  entry->missed = true;
  // The packets that follow hold the sound as well.
  if (!options.video && repair_.redDepth > 0) return;
  // Receivers ask once for what came as a copy, ahead of what they knew of.
  if (entry->arrived && !entry->doubted) {
    entry->doubted = true;
    return;
  }
  // What was sent less than a round trip ago may be there by now.
  Micros way = repair_.bursts ? rtt_ : rtt_ / 2;
  Micros guard = std::max(kResendGuard, rtt_ > 0 ? std::min<Micros>(way, 100'000) : 0);
  if (entry->sentAt < 0 || (entry->resentAt >= 0 && now - entry->resentAt < guard)) return;
  if (!LeftToFec(extended, now)) Answer(*entry, now);
}

void EgressStream::OnVerdict(int64_t sequence, uint8_t transmission, bool arrived, Micros now) {
  Rewritten* entry = history_.Find(sequence);
  if (!entry || entry->arrived) return;
  entry->arrived = arrived;
  entry->judged++;
  lastVerdict_ = now;
  // Of several copies the last one decides: those before it are told of sooner.
  if (arrived || paused_ || !repair_.bursts || transmission != entry->transmissions) return;
  // What protection may bring back is the receiver's to ask for.
  if (entry->fec || (transmission == 1 && fec_ && fec_->rows.Find(sequence))) return;
  Answer(*entry, now);
}

void EgressStream::Answer(Rewritten& entry, Micros now) {
  if (!Resend(entry, 0, now) || !repair_.bursts || entry.fec) return;
  // A path that loses at random loses answers as well: each round has more packets than the last.
  int round = ++entry.asked;
  int packets = std::min(repair_.answers > 0 ? round * repair_.answers : round + 1, kMostAnswers);
  int copies = packets - 1;
  if (copies == 0) return;
  Micros spread = std::max<Micros>(kCopyDistance / 4, rtt_ > 0 ? rtt_ / 2 / copies : kCopyDistance);
  Micros distance = repair_.answers > 0 ? kAnswerDistance : spread;
  ResendLater(entry, copies, distance, IsUpper(entry) ? kKeptFromUpperAnswers : 0, now);
}

void EgressStream::CopyAhead(const Rewritten& entry, Micros now) {
  if (options.video && entry.rtxPayloadType == 0) return;
  Micros distance = options.video && repair_.answers > 0 ? kAnswerDistance : repair_.copyDistance;
  double kept = IsUpper(entry) ? kKeptFromUpperCopies : kKeptFromCopies;
  ResendLater(entry, std::min(repair_.copies, kMostCopies), distance, kept, now);
  if (options.video && repair_.attempts > 0) Delay(now + repair_.attemptsWithin, {entry.sequence, 0, true});
}

void EgressStream::Insist(Rewritten& entry, Micros now) {
  // Where no feedback comes, this would be for packets that arrived.
  if (now - lastVerdict_ > kFeedbackLives) return;
  int onTheWay = entry.transmissions - entry.judged;
  int left = std::min(repair_.attempts - onTheWay, kMostAnswers);
  double kept = IsUpper(entry) ? kKeptFromUpperAnswers : 0;
  if (left <= 0 || !Resend(entry, kept, now)) return;
  ResendLater(entry, left - 1, kAnswerDistance, kept, now);
}

bool EgressStream::IsUpper(const Rewritten& entry) const {
  return options.video && entry.packet->frame.temporal > 0;
}

void EgressStream::ResendLater(const Rewritten& entry, int times, Micros distance, double kept, Micros now) {
  for (int copy = 1; copy <= times; copy++) Delay(now + copy * distance, {entry.sequence, kept, false});
}

void EgressStream::Delay(Micros due, Delayed delayed) {
  if (delayed_.size() >= kMostDelayed) return;
  delayed_.emplace(due, delayed);
  if (!repairTimer_.armed() || due < repairDue_) {
    repairDue_ = due;
    core_.wheel().Arm(repairTimer_, due);
  }
}

void EgressStream::OnRepairTimer(Micros now) {
  while (!delayed_.empty() && delayed_.begin()->first <= now) {
    Delayed delayed = delayed_.begin()->second;
    delayed_.erase(delayed_.begin());
    if (paused_ || !transport.ready()) continue;
    Rewritten* entry = history_.Find(delayed.sequence);
    if (!entry || entry->arrived) continue;
    if (delayed.insists) Insist(*entry, now);
    else Resend(*entry, delayed.kept, now);
  }
  if (delayed_.empty()) return;
  repairDue_ = delayed_.begin()->first;
  core_.wheel().Arm(repairTimer_, repairDue_);
}

PacketRef EgressStream::AsRed(const PacketRef& packet, int depth, const EgressPayload** payload) {
  IngressStream* source = source_->Layer(packet->layer);
  const EgressPayload* red = nullptr;
  uint8_t block = 0;
  for (const EgressPayload& candidate : options.payloads) {
    const IngressPayload* from = source_->PayloadOf(candidate.from);
    if (!from || candidate.stripRed) continue;
    if (from->codec == Codec::kRed) red = &candidate;
    if (from->codec == Codec::kOpus) block = candidate.payloadType;
  }
  if (!red || block == 0 || !source) return PacketRef();
  PacketRef made = source->red.Make(core_.pool(), *packet, depth, block);
  if (made) *payload = red;
  return made;
}

}  // namespace parley
