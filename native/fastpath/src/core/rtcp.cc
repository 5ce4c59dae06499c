#include "core/rtcp.h"

namespace parley {

namespace {

// Block types of RFC 3611.
constexpr uint8_t kReferenceTime = 4;
constexpr uint8_t kReferenceAnswers = 5;

size_t Begin(Bytes& out, uint8_t count, uint8_t type, uint32_t ssrc) {
  size_t at = out.size();
  Writer w(out);
  w.U8(0x80 | count);
  w.U8(type);
  w.U16(0);
  w.U32(ssrc);
  return at;
}

void End(Bytes& out, size_t at) { Put16(out.data() + at + 2, uint32_t((out.size() - at) / 4 - 1)); }

}  // namespace

ReportBlock ReportBlock::Read(const uint8_t* p) {
  ReportBlock b;
  b.ssrc = Get32(p);
  b.fractionLost = p[4];
  b.lost = int32_t(Get24(p + 5) << 8) >> 8;
  b.highest = Get32(p + 8);
  b.jitter = Get32(p + 12);
  b.lastSr = Get32(p + 16);
  b.delay = Get32(p + 20);
  return b;
}

void ReportBlock::Append(Writer& w) const {
  w.U32(ssrc);
  w.U8(fractionLost);
  int32_t clamped = lost > 0x7fffff ? 0x7fffff : lost < -0x800000 ? -0x800000 : lost;
  w.U24(uint32_t(clamped) & 0xffffff);
  w.U32(highest);
  w.U32(jitter);
  w.U32(lastSr);
  w.U32(delay);
}

void AppendSenderReport(Bytes& out, uint32_t ssrc, const SenderInfo& info) {
  size_t at = Begin(out, 0, RtcpPacket::kSr, ssrc);
  Writer w(out);
  w.U32(uint32_t(info.ntp >> 32));
  w.U32(uint32_t(info.ntp));
  w.U32(info.rtp);
  w.U32(info.packets);
  w.U32(info.bytes);
  End(out, at);
}

void AppendReceiverReport(Bytes& out, uint32_t ssrc, const std::vector<ReportBlock>& blocks) {
  size_t count = blocks.size() > 31 ? 31 : blocks.size();
  size_t at = Begin(out, uint8_t(count), RtcpPacket::kRr, ssrc);
  Writer w(out);
  for (size_t i = 0; i < count; i++) blocks[i].Append(w);
  End(out, at);
}

void AppendCname(Bytes& out, uint32_t ssrc, const char* cname, size_t size) {
  if (size > 255) size = 255;
  size_t at = Begin(out, 1, RtcpPacket::kSdes, ssrc);
  Writer w(out);
  w.U8(1);
  w.U8(uint32_t(size));
  w.Append(cname, size);
  do {
    w.U8(0);
  } while ((out.size() - at) % 4);
  End(out, at);
}

void AppendPli(Bytes& out, uint32_t sender, uint32_t media) {
  size_t at = Begin(out, 1, RtcpPacket::kPayloadFeedback, sender);
  Writer(out).U32(media);
  End(out, at);
}

void AppendNack(Bytes& out, uint32_t sender, uint32_t media, const std::vector<uint16_t>& sequences) {
  size_t at = Begin(out, 1, RtcpPacket::kRtpFeedback, sender);
  Writer w(out);
  w.U32(media);
  for (size_t i = 0; i < sequences.size();) {
    uint16_t first = sequences[i++];
    uint16_t mask = 0;
    while (i < sequences.size()) {
      uint16_t distance = uint16_t(sequences[i] - first);
      if (distance == 0 || distance > 16) break;
      mask |= uint16_t(1 << (distance - 1));
      i++;
    }
    w.U16(first);
    w.U16(mask);
  }
  End(out, at);
}

void AppendRemb(Bytes& out, uint32_t sender, uint64_t bitrate, const std::vector<uint32_t>& ssrcs) {
  size_t at = Begin(out, 15, RtcpPacket::kPayloadFeedback, sender);
  Writer w(out);
  w.U32(0);
  w.Append("REMB", 4);
  uint32_t exponent = 0;
  while (bitrate > 0x3ffff) {
    bitrate >>= 1;
    exponent++;
  }
  w.U8(uint32_t(ssrcs.size()));
  w.U24(exponent << 18 | uint32_t(bitrate));
  for (uint32_t ssrc : ssrcs) w.U32(ssrc);
  End(out, at);
}

void AppendBye(Bytes& out, uint32_t ssrc) {
  size_t at = Begin(out, 1, RtcpPacket::kBye, ssrc);
  End(out, at);
}

void AppendReferenceTime(Bytes& out, uint32_t sender, uint64_t ntp) {
  size_t at = Begin(out, 0, RtcpPacket::kXr, sender);
  Writer w(out);
  w.U8(kReferenceTime);
  w.U8(0);
  w.U16(2);
  w.U32(uint32_t(ntp >> 32));
  w.U32(uint32_t(ntp));
  End(out, at);
}

bool ReadReferenceAnswer(const RtcpPacket& packet, uint32_t ssrc, ReferenceAnswer* answer) {
  const View& body = packet.body;
  for (size_t at = 0; at + 4 <= body.size;) {
    size_t size = 4 + size_t(Get16(body.data + at + 2)) * 4;
    if (size > body.size - at) return false;
    for (size_t block = at + 4; body[at] == kReferenceAnswers && block + 12 <= at + size; block += 12) {
      if (Get32(body.data + block) != ssrc) continue;
      answer->lastReference = Get32(body.data + block + 4);
      answer->delay = Get32(body.data + block + 8);
      return answer->lastReference != 0;
    }
    at += size;
  }
  return false;
}

}  // namespace parley
