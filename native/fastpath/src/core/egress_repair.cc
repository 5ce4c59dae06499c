#include <algorithm>

#include "core/core.h"
#include "core/egress.h"
#include "core/transport.h"

namespace parley {

namespace {

// Asked again before the last answer can have arrived.
constexpr Micros kResendGuard = 15'000;
constexpr Micros kCopyDistance = 20'000;
constexpr int kMostCopies = 6;
constexpr size_t kMostDelayed = 2048;
// Of the budget, what is kept for answers: copies of what others stand on, and of all else, take from the rest.
constexpr double kKeptFromCopies = 0.4;
constexpr double kKeptFromUpperCopies = 0.7;

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
  // Of several copies the last one decides: those before it are told of sooner.
  if (arrived || paused_ || !repair_.bursts || transmission != entry->transmissions) return;
  // What protection may bring back is the receiver's to ask for.
  if (entry->fec || (transmission == 1 && fec_ && fec_->rows.Find(sequence))) return;
  Answer(*entry, now);
}

void EgressStream::Answer(Rewritten& entry, Micros now) {
  if (!Resend(entry, 0, now) || !repair_.bursts || entry.fec) return;
  // A path that loses at random loses answers as well: each round has one copy more than the last.
  int copies = std::min<int>(++entry.asked, kMostCopies);
  Micros distance = std::max<Micros>(kCopyDistance / 4, rtt_ > 0 ? rtt_ / 2 / copies : kCopyDistance);
  for (int copy = 1; copy <= copies; copy++) ResendLater(entry.sequence, now + copy * distance);
}

void EgressStream::CopyAhead(const Rewritten& entry, Micros now) {
  if (repair_.copies <= 0) return;
  if (options.video && entry.rtxPayloadType == 0) return;
  for (int copy = 1; copy <= std::min(repair_.copies, kMostCopies); copy++) {
    ResendLater(entry.sequence, now + copy * kCopyDistance);
  }
}

void EgressStream::ResendLater(int64_t sequence, Micros due) {
  if (delayed_.size() >= kMostDelayed) return;
  delayed_.emplace(due, sequence);
  if (!repairTimer_.armed() || due < repairDue_) {
    repairDue_ = due;
    core_.wheel().Arm(repairTimer_, due);
  }
}

void EgressStream::OnRepairTimer(Micros now) {
  while (!delayed_.empty() && delayed_.begin()->first <= now) {
    int64_t sequence = delayed_.begin()->second;
    delayed_.erase(delayed_.begin());
    if (paused_ || !transport.ready()) continue;
    Rewritten* entry = history_.Find(sequence);
    if (!entry || entry->arrived) continue;
    bool upper = options.video && entry->packet->frame.temporal > 0;
    Resend(*entry, upper ? kKeptFromUpperCopies : kKeptFromCopies, now);
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
