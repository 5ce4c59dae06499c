#include "core/ulp_fec.h"

#include <algorithm>

namespace parley {

namespace {

constexpr size_t kRtpHeader = 12;
constexpr size_t kFecHeader = 10;
constexpr int kShortMask = 16;
// What comes back long after its frame is not shown any more. So a frame has its protection at once when half of what that
// costs is there, which those after it pay for; small frames wait for each other, and after this time for less.
constexpr double kEnough = 0.5;
constexpr Micros kPatience = 100'000;
constexpr double kEnoughThen = 0.25;

}  // namespace

void UlpFec::Add(int64_t sequence, View packet, double share, Micros now) {
  if (packet.size < kRtpHeader || packet.size > kMostPacket) return;
  if (!held_.empty() && sequence - held_.front().sequence >= kMostSpan) {
    // Receivers keep as many packets as a mask spans, so the oldest are lost to both sides.
    auto fits = [&](const Held& held) { return sequence - held.sequence < kMostSpan; };
    held_.erase(held_.begin(), std::find_if(held_.begin(), held_.end(), fits));
    size_t gone = held_.empty() ? bytes_.size() : held_.front().at;
    bytes_.erase(bytes_.begin(), bytes_.begin() + long(gone));
    for (Held& held : held_) held.at -= gone;
  }
  if (held_.empty()) began_ = now;
  held_.push_back({sequence, bytes_.size(), packet.size});
  bytes_.insert(bytes_.end(), packet.data, packet.data + packet.size);
  credit_ += share;
}

int UlpFec::Due(Micros now) const {
  if (held_.empty()) return 0;
  int due = std::min(int(std::max(credit_, 0.0) + kEnough), int(held_.size()));
  if (due == 0 && now - began_ >= kPatience && credit_ >= kEnoughThen) due = 1;
  return due;
}

std::vector<UlpFec::Made> UlpFec::Make(PacketPool& pool, int count) {
  std::vector<Made> made;
  for (int row = 0; row < count && row < int(held_.size()); row++) {
    made.push_back(MakeRow(pool, size_t(row), size_t(count)));
  }
  // What is owed is paid by the next; what was saved up does not come back all at once.
  double left = std::min(credit_ - double(made.size()), 0.999);
  Clear();
  credit_ = left;
  return made;
}

UlpFec::Made UlpFec::MakeRow(PacketPool& pool, size_t row, size_t rows) const {
  Made made;
  made.packet = pool.Take();
  Packet& out = *made.packet;
  made.base = held_[row].sequence;
  size_t longest = 0;
  for (size_t i = row; i < held_.size(); i += rows) {
    made.mask |= uint64_t(1) << (held_[i].sequence - made.base);
    longest = std::max(longest, held_[i].size - kRtpHeader);
  }
  bool wide = made.mask >> kShortMask != 0;
  size_t head = kFecHeader + (wide ? 8 : 4);
  uint8_t* fec = out.data;
  std::memset(fec, 0, head + longest);
  uint32_t length = 0;
  for (size_t i = row; i < held_.size(); i += rows) {
    const uint8_t* packet = bytes_.data() + held_[i].at;
    size_t size = held_[i].size - kRtpHeader;
    fec[0] ^= packet[0];
    fec[1] ^= packet[1];
    for (int at = 4; at < 8; at++) fec[at] ^= packet[at];
    length ^= uint32_t(size);
    for (size_t at = 0; at < size; at++) fec[head + at] ^= packet[kRtpHeader + at];
  }
  // E is 0, L tells the longer mask; the rest of the byte are P, X and CC.
  fec[0] = uint8_t((fec[0] & 0x3f) | (wide ? 0x40 : 0));
  Put16(fec + 2, uint32_t(made.base & 0xffff));
  Put16(fec + 8, length);
  Put16(fec + 10, uint32_t(longest));
  // The first number is the highest bit.
  for (int bit = 0; bit < (wide ? kMostSpan : kShortMask); bit++) {
    if (made.mask >> bit & 1) fec[12 + bit / 8] |= uint8_t(0x80 >> bit % 8);
  }
  out.payloadAt = 0;
  out.payloadSize = out.size = uint16_t(head + longest);
  return made;
}

void UlpFec::Clear() {
  held_.clear();
  bytes_.clear();
  credit_ = std::min(credit_, 0.0);
}

}  // namespace parley
