#include "core/twcc_recorder.h"

#include <algorithm>

namespace parley {

namespace {

constexpr Micros kDeltaUnit = 250;
constexpr Micros kReferenceUnit = 64'000;
constexpr size_t kMaxStatuses = 2000;

enum Symbol : uint8_t { kNotReceived = 0, kSmall = 1, kLarge = 2 };

// Chunks of section 3.1.3 and 3.1.4: run lengths where 7 or more are equal, else 7 two-bit or 14
// one-bit symbols.
void AppendChunks(Writer& w, const std::vector<uint8_t>& symbols) {
  size_t at = 0;
  while (at < symbols.size()) {
    size_t run = 1;
    while (at + run < symbols.size() && symbols[at + run] == symbols[at] && run < 0x1fff) run++;
    if (run >= 14 || at + run == symbols.size()) {
      w.U16(uint32_t(symbols[at]) << 13 | uint32_t(run));
      at += run;
      continue;
    }
    size_t span = std::min<size_t>(14, symbols.size() - at);
    bool large = false;
    for (size_t i = 0; i < span; i++) large |= symbols[at + i] == kLarge;
    if (!large) {
      uint32_t chunk = 0x8000;
      for (size_t i = 0; i < span; i++) chunk |= uint32_t(symbols[at + i]) << (13 - i);
      w.U16(chunk);
      at += span;
      continue;
    }
    if (run >= 7) {
      w.U16(uint32_t(symbols[at]) << 13 | uint32_t(run));
      at += run;
      continue;
    }
    span = std::min<size_t>(7, symbols.size() - at);
    uint32_t chunk = 0xc000;
    for (size_t i = 0; i < span; i++) chunk |= uint32_t(symbols[at + i]) << (12 - 2 * i);
    w.U16(chunk);
    at += span;
  }
}

}  // namespace

TwccRecorder::TwccRecorder() : arrivals_(size_t(kWindow), -1) {}

void TwccRecorder::OnPacket(uint16_t sequence, Micros now) {
  if (!started_) {
    started_ = true;
    newest_ = first_ = next_ = sequence;
    At(newest_) = now;
    pending_ = true;
    return;
  }
  int64_t extended = Extend16(newest_, sequence);
  if (extended > newest_) {
    if (extended - newest_ >= kWindow) {
      std::fill(arrivals_.begin(), arrivals_.end(), -1);
      first_ = next_ = extended;
    } else {
      for (int64_t s = newest_ + 1; s <= extended; s++) At(s) = -1;
      if (extended - first_ >= kWindow) first_ = extended - kWindow + 1;
      next_ = std::max(next_, first_);
    }
    newest_ = extended;
    At(extended) = now;
    pending_ = true;
    return;
  }
  if (extended < first_) {
    if (newest_ - extended >= kWindow || extended < 0) return;
    // Reordered before the very first packet.
    for (int64_t s = extended; s < first_; s++) At(s) = -1;
    first_ = extended;
  }
  if (At(extended) >= 0) return;
  At(extended) = now;
  next_ = std::min(next_, extended);
  pending_ = true;
}

size_t TwccRecorder::AppendFeedback(Bytes& out, uint32_t sender, uint32_t media, Micros now) {
  // What arrived long ago is not told again.
  while (next_ <= newest_ && At(next_) >= 0 && now - At(next_) > kLateness) next_++;
  size_t packets = 0;
  while (pending_ && next_ <= newest_ && packets < 8) {
    if (!AppendOne(out, sender, media)) break;
    packets++;
  }
  pending_ = next_ <= newest_;
  return packets;
}

bool TwccRecorder::AppendOne(Bytes& out, uint32_t sender, uint32_t media) {
  int64_t anchor = next_;
  while (anchor <= newest_ && !Arrived(anchor)) anchor++;
  if (anchor > newest_) {
    next_ = newest_ + 1;
    return false;
  }
  // The base is the first unreported number, so that losses in front of the first arrival are told too.
  int64_t base = next_;
  if (anchor - base > int64_t(kMaxStatuses) / 2) base = anchor;
  Micros reference = At(anchor) / kReferenceUnit;
  Micros clock = reference * kReferenceUnit;
  std::vector<uint8_t> symbols;
  Bytes deltas;
  Writer d(deltas);
  int64_t sequence = base;
  for (; sequence <= newest_ && symbols.size() < kMaxStatuses && deltas.size() < 800; sequence++) {
    if (!Arrived(sequence)) {
      symbols.push_back(kNotReceived);
      continue;
    }
    // Rounded against the running clock, so errors do not add up.
    Micros away = At(sequence) - clock;
    int64_t ticks = away >= 0 ? (away + kDeltaUnit / 2) / kDeltaUnit : -((-away + kDeltaUnit / 2) / kDeltaUnit);
    if (ticks < -32768 || ticks > 32767) break;
    clock += ticks * kDeltaUnit;
    if (ticks >= 0 && ticks <= 255) {
      symbols.push_back(kSmall);
      d.U8(uint32_t(ticks));
    } else {
      symbols.push_back(kLarge);
      d.U16(uint32_t(uint16_t(int16_t(ticks))));
    }
  }
  next_ = sequence;
  // Trailing losses may still arrive; they are the next packet's matter.
  while (!symbols.empty() && symbols.back() == kNotReceived) {
    symbols.pop_back();
    next_--;
  }
  size_t at = out.size();
  Writer w(out);
  w.U8(0x80 | 15);
  w.U8(205);
  w.U16(0);
  w.U32(sender);
  w.U32(media);
  w.U16(uint32_t(base) & 0xffff);
  w.U16(uint32_t(symbols.size()));
  w.U24(uint32_t(reference) & 0xffffff);
  w.U8(count_++);
  AppendChunks(w, symbols);
  w.Append(deltas.data(), deltas.size());
  size_t padding = (4 - (out.size() - at) % 4) % 4;
  if (padding) {
    out[at] |= 0x20;
    for (size_t i = 1; i < padding; i++) w.U8(0);
    w.U8(uint32_t(padding));
  }
  Put16(out.data() + at + 2, uint32_t((out.size() - at) / 4 - 1));
  return true;
}

}  // namespace parley
