#pragma once
#include <vector>

#include "core/bytes.h"

namespace parley {

/** One packet of a compound (RFC 3550 section 6). `body` starts after the sender SSRC. */
struct RtcpPacket {
  static constexpr uint8_t kSr = 200, kRr = 201, kSdes = 202, kBye = 203, kApp = 204, kRtpFeedback = 205,
                           kPayloadFeedback = 206, kXr = 207;
  uint8_t type = 0;
  uint8_t count = 0;  // report count or feedback format
  uint32_t ssrc = 0;
  View whole;
  View body;
};

/** Calls visit(packet) for each packet. @returns false when the compound is malformed. */
template <typename Visit>
bool VisitRtcp(View compound, Visit visit) {
  size_t at = 0;
  while (at < compound.size) {
    if (compound.size - at < 4) return false;
    const uint8_t* p = compound.data + at;
    if (p[0] >> 6 != 2) return false;
    size_t size = (size_t(Get16(p + 2)) + 1) * 4;
    if (size > compound.size - at) return false;
    size_t content = size;
    if (p[0] & 0x20) {
      uint8_t padding = p[size - 1];
      if (padding == 0 || padding > size - 4) return false;
      content -= padding;
    }
    RtcpPacket packet;
    packet.type = p[1];
    packet.count = p[0] & 31;
    packet.whole = View(p, content);
    if (content >= 8) {
      packet.ssrc = Get32(p + 4);
      packet.body = View(p + 8, content - 8);
    }
    visit(packet);
    at += size;
  }
  return compound.size > 0;
}

struct ReportBlock {
  uint32_t ssrc = 0;
  uint8_t fractionLost = 0;
  int32_t lost = 0;
  uint32_t highest = 0;
  uint32_t jitter = 0;
  uint32_t lastSr = 0;
  uint32_t delay = 0;  // 1/65536 s
  static constexpr size_t kSize = 24;
  static ReportBlock Read(const uint8_t* p);
  void Append(Writer& w) const;
};

/** NTP time, 32.32 fixed point, and the RTP time it belongs to. */
struct SenderInfo {
  uint64_t ntp = 0;
  uint32_t rtp = 0;
  uint32_t packets = 0;
  uint32_t bytes = 0;
};

void AppendSenderReport(Bytes& out, uint32_t ssrc, const SenderInfo& info);
void AppendReceiverReport(Bytes& out, uint32_t ssrc, const std::vector<ReportBlock>& blocks);
void AppendCname(Bytes& out, uint32_t ssrc, const char* cname, size_t size);
void AppendPli(Bytes& out, uint32_t sender, uint32_t media);
/** RFC 4585 generic NACK; sequences ascending. */
void AppendNack(Bytes& out, uint32_t sender, uint32_t media, const std::vector<uint16_t>& sequences);
void AppendRemb(Bytes& out, uint32_t sender, uint64_t bitrate, const std::vector<uint32_t>& ssrcs);
void AppendBye(Bytes& out, uint32_t ssrc);
/** Receiver reference time (RFC 3611 section 4.4), which senders answer with `ReferenceAnswer`. */
void AppendReferenceTime(Bytes& out, uint32_t sender, uint64_t ntp);

/** The middle of the reference time that came last, and the time since then (RFC 3611 section 4.5). */
struct ReferenceAnswer {
  uint32_t lastReference = 0;
  uint32_t delay = 0;  // 1/65536 s
};

/** Of an extended report the answer to `ssrc`. @returns false without one. */
bool ReadReferenceAnswer(const RtcpPacket& packet, uint32_t ssrc, ReferenceAnswer* answer);

}  // namespace parley
