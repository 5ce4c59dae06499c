#include <algorithm>

#include "core/core.h"
#include "core/egress.h"
#include "core/transport.h"

namespace parley {

namespace {

// Of the budget, what is kept for answers.
constexpr double kKeptFromFec = 0.4;
constexpr double kKeyFrameWeight = 2;
constexpr double kUpperWeight = 0.5;
constexpr size_t kPacketOverhead = 60;

int CountOf(uint64_t mask) {
  int count = 0;
  for (; mask; mask &= mask - 1) count++;
  return count;
}

}  // namespace

// Receivers skip the numbers that protection takes only where pictures have numbers of their own, in the payload or in
// the dependency descriptor.
bool EgressStream::Protects(const Packet& packet) const {
  if (repair_.fecShare <= 0 || options.fecPayloadType == 0 || options.redPayloadType == 0 || !source_) return false;
  const IngressPayload* payload = source_->PayloadOf(packet.payloadType);
  bool numbered = packet.frame.pictureIdBits > 0 || (packet.descriptorAt && extensions_.Id(Extension::kDependencyDescriptor));
  return payload && (payload->codec == Codec::kVp8 || payload->codec == Codec::kVp9) && numbered;
}

void EgressStream::Protect(const Rewritten& entry, Micros now) {
  if (!fec_) fec_ = std::make_unique<Fec>();
  const FrameInfo& frame = entry.packet->frame;
  bool upper = frame.temporal > 0;
  if (frame.startOfKeyFrame) {
    fec_->keyTimestamp = entry.timestamp;
    fec_->hadKey = true;
  }
  bool key = fec_->hadKey && entry.timestamp == fec_->keyTimestamp;
  double weight = key ? kKeyFrameWeight : upper ? kUpperWeight : 1;
  fec_->rtxPayloadType = entry.rtxPayloadType;
  uint8_t bytes[kMaxPacket];
  size_t size = WriteProtected(entry, bytes);
  (upper ? fec_->upper : fec_->base).Add(entry.sequence, View(bytes, size), weight * repair_.fecShare, now);
}

size_t EgressStream::WriteProtected(const Rewritten& entry, uint8_t* out) const {
  if (entry.payloadSize + 400u > kMaxPacket) return 0;
  out[0] = 0x80;
  out[1] = uint8_t((entry.marker ? 0x80 : 0) | entry.payloadType);
  Put16(out + 2, uint32_t(entry.sequence & 0xffff));
  Put32(out + 4, entry.timestamp);
  Put32(out + 8, options.ssrc);
  // The receiver sets to zero what is written as a packet leaves.
  size_t extensionSize = WriteExtensions(entry, 0, 0, out + 12);
  if (extensionSize) out[0] |= 0x10;
  size_t size = 12 + extensionSize;
  PayloadParts parts;
  WritePayload(entry, true, &parts);
  if (parts.padded) out[0] |= 0x20;
  for (size_t i = 0; i < parts.count; i++) {
    std::memcpy(out + size, parts.views[i].data, parts.views[i].size);
    size += parts.views[i].size;
  }
  return size;
}

// A number within a frame that is no part of it would keep the receiver from putting it together.
void EgressStream::SendFec(Micros now) {
  if (!fec_ || !sequences_.synced()) return;
  for (UlpFec* rows : {&fec_->base, &fec_->upper}) {
    int due = rows->Due(now);
    if (due == 0) continue;
    for (UlpFec::Made& made : rows->Make(core_.pool(), due)) {
      if (!transport.TakeRepair(made.packet->payloadSize + kPacketOverhead, kKeptFromFec, now)) {
        refusedRepairs_++;
        continue;
      }
      Rewritten entry;
      entry.sequence = lastSequence_ = sequences_.Insert(1);
      entry.created = now;
      entry.timestamp = lastTimestamp_;
      entry.payloadType = options.fecPayloadType;
      entry.redPayloadType = options.redPayloadType;
      entry.rtxPayloadType = fec_->rtxPayloadType;
      entry.payloadSize = made.packet->payloadSize;
      entry.fec = true;
      entry.packet = std::move(made.packet);
      FecRow row;
      row.fec = entry.sequence;
      row.base = made.base;
      row.mask = made.mask;
      fec_->rows.Put(row);
      fecPackets_++;
      fecBytes_ += entry.payloadSize;
      if (options.historyPackets > 0) {
        transport.Dispatch(*this, history_.Put(std::move(entry), now), false, now);
      } else {
        transport.Dispatch(*this, entry, false, now);
      }
    }
  }
}

void EgressStream::ForgetFec() {
  if (!fec_) return;
  fec_->base.Clear();
  fec_->upper.Clear();
}

bool EgressStream::LeftToFec(int64_t sequence, Micros now) {
  FecRow* row = fec_ ? fec_->rows.Find(sequence) : nullptr;
  if (!row) return false;
  if (sequence == row->fec) {
    row->fecLost = true;
    AnswerLeft(*row, now);
    return false;
  }
  uint64_t bit = uint64_t(1) << (sequence - row->base);
  bool again = row->lost & bit;
  row->lost |= bit;
  if (row->left & bit) {
    // It did not come back all the same.
    row->left &= ~bit;
    fecFailures_++;
  }
  if (again) return false;
  if (row->fecLost || CountOf(row->lost) > 1) {
    AnswerLeft(*row, now);
    return false;
  }
  row->left |= bit;
  leftToFec_++;
  return true;
}

void EgressStream::AnswerLeft(FecRow& row, Micros now) {
  for (int at = 0; row.left; at++) {
    uint64_t bit = uint64_t(1) << at;
    if (!(row.left & bit)) continue;
    row.left &= ~bit;
    fecFailures_++;
    if (Rewritten* entry = history_.Find(row.base + at)) Answer(*entry, now);
  }
}

}  // namespace parley
