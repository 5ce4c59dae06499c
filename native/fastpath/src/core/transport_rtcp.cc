#include <iterator>

#include "core/core.h"
#include "core/transport.h"

namespace parley {

namespace {

constexpr Micros kSecond = 1'000'000;
constexpr size_t kMaxNacksPerPacket = 512;
// What arrives by so much later than most still counts as being on its way.
constexpr Micros kLateArrival = 8'000;

}  // namespace

void Transport::OnFeedbackTimer(Micros now) {
  if (!ready()) return;
  Bytes out;
  size_t count = twcc_.AppendFeedback(out, rtcpSsrc_, feedbackMedia_, now);
  // Each feedback fits a datagram of its own; several may not.
  for (size_t at = 0; at < out.size();) {
    size_t size = (size_t(Get16(out.data() + at + 2)) + 1) * 4;
    SendRtcp(Bytes(out.begin() + long(at), out.begin() + long(at + size)), now);
    at += size;
  }
  counters.feedbackSent += count;
  if (twcc_.pending()) core_.wheel().Arm(feedbackTimer_, now + core_.options().feedbackInterval);
}

void Transport::OnRtcp(View bytes, const Path& path, Micros now) {
  uint8_t plain[kMaxPacket];
  size_t size = 0;
  Unprotect result = srtp_->UnprotectRtcp(bytes, plain, &size);
  if (result != Unprotect::kOk) {
    Count(result);
    return;
  }
  MediaProven(path, now);
  HandleRtcp(View(plain, size), now);
}

void Transport::HandleRtcp(View compound, Micros now) {
  bool tell = false;
  bool sound = VisitRtcp(compound, [&](const RtcpPacket& p) {
    auto reports = [&](View blocks, size_t count) {
      for (size_t i = 0; i < count && (i + 1) * ReportBlock::kSize <= blocks.size; i++) {
        ReportBlock block = ReportBlock::Read(blocks.data + i * ReportBlock::kSize);
        auto found = streamsBySsrc_.find(block.ssrc);
        if (found != streamsBySsrc_.end()) found->second->OnReport(block, now);
        tell = true;
      }
    };
    switch (p.type) {
      case RtcpPacket::kSr: {
        if (p.body.size < 20) break;
        SenderInfo info;
        info.ntp = Get64(p.body.data);
        info.rtp = Get32(p.body.data + 8);
        auto found = routes_.find(p.ssrc);
        if (found != routes_.end() && !found->second.rtx) found->second.stream->OnSenderReport(info, now);
        reports(p.body.From(20), p.count);
        break;
      }
      case RtcpPacket::kRr:
        reports(p.body, p.count);
        break;
      case RtcpPacket::kXr: {
        ReferenceAnswer answer;
        if (ReadReferenceAnswer(p, rtcpSsrc_, &answer)) OnReferenceAnswer(answer, now);
        break;
      }
      case RtcpPacket::kBye: {
        std::vector<double> ssrcs;
        for (size_t i = 0; i < p.count && 8 + i * 4 <= p.whole.size; i++) ssrcs.push_back(Get32(p.whole.data + 4 + i * 4));
        Record event;
        event.Text("type", "bye.received").Number("transport", id).Numbers("ssrcs", std::move(ssrcs));
        core_.Emit(std::move(event));
        break;
      }
      case RtcpPacket::kRtpFeedback: {
        if (p.body.size < 4) break;
        if (p.count == 15) {
          tell = true;
          if (!transmissions_.empty()) HandleVerdicts(p.body.From(4), now);
        }
        if (p.count != 1) break;
        auto found = streamsBySsrc_.find(Get32(p.body.data));
        if (found == streamsBySsrc_.end()) break;
        size_t asked = 0;
        for (size_t at = 4; at + 4 <= p.body.size && asked < kMaxNacksPerPacket; at += 4) {
          uint16_t first = Get16(p.body.data + at);
          uint16_t mask = Get16(p.body.data + at + 2);
          found->second->OnNack(first, now);
          asked++;
          for (int bit = 0; bit < 16; bit++) {
            if (!(mask >> bit & 1)) continue;
            found->second->OnNack(uint16_t(first + bit + 1), now);
            asked++;
          }
        }
        counters.nacksReceived += asked;
        break;
      }
      case RtcpPacket::kPayloadFeedback: {
        if (p.body.size < 4) break;
        if (p.count == 1) {
          auto found = streamsBySsrc_.find(Get32(p.body.data));
          if (found != streamsBySsrc_.end()) found->second->OnKeyFrameRequest(now);
        } else if (p.count == 4) {
          for (size_t at = 4; at + 8 <= p.body.size; at += 8) {
            auto found = streamsBySsrc_.find(Get32(p.body.data + at));
            if (found != streamsBySsrc_.end()) found->second->OnKeyFrameRequest(now);
          }
        } else if (p.count == 15) {
          tell = true;
        }
        break;
      }
      default:
        break;
    }
  });
  if (!sound) {
    counters.malformed++;
    return;
  }
  if (!tell) return;
  FlushSent();
  if (options_.reportRtcp) core_.reports().Rtcp(id, compound, now);
}

void Transport::HandleVerdicts(View fci, Micros now) {
  uint16_t last = 0;
  Micros roundTrip = 0;
  VisitTransportVerdicts(fci, [&](uint16_t number, bool arrived) {
    last = number;
    TransmissionLog::Entry sent = transmissions_.Take(number);
    if (!sent.stream) return;
    roundTrip = std::max(roundTrip, sent.stream->roundTrip());
    if (arrived || !sent.presumedLost) sent.stream->OnVerdict(sent.sequence, sent.transmission, arrived, now);
  });
  if (roundTrip <= 0) return;
  transmissions_.PresumeLost(last, now - roundTrip - kLateArrival, [&](const TransmissionLog::Entry& sent) {
    sent.stream->OnVerdict(sent.sequence, sent.transmission, false, now);
  });
}

void Transport::OnSecond(Micros now) {
  core_.wheel().Arm(secondTimer_, now + kSecond);
  if (!connected_) {
    if (now - created_ > core_.options().connectTimeout) Close("connect-timeout");
    return;
  }
  if (!ice_.fixed() && now - ice_.lastConsent() > core_.options().consentTimeout) {
    Close("consent-expired");
    return;
  }
  FlushSent();
  std::vector<ReportBlock> blocks;
  std::vector<uint32_t> ssrcs;
  for (auto& track : tracks_) {
    for (auto& stream : track->layers) {
      stream->OnSecond(now);
      ReportBlock block;
      if (stream->MakeReport(&block, now)) {
        blocks.push_back(block);
        ssrcs.push_back(block.ssrc);
      }
    }
  }
  if (blocks.empty()) return;
  Bytes out;
  AppendReceiverReport(out, rtcpSsrc_, blocks);
  if (remb_ && ssrcs.size() <= 64) AppendRemb(out, rtcpSsrc_, remb_, ssrcs);
  uint64_t ntp = core_.Ntp(now);
  AppendReferenceTime(out, rtcpSsrc_, ntp);
  references_[nextReference_++ % std::size(references_)] = {uint32_t(ntp >> 16), now};
  SendRtcp(out, now);
}

void Transport::OnReferenceAnswer(const ReferenceAnswer& answer, Micros now) {
  for (const SentReference& sent : references_) {
    if (sent.at == 0 || sent.ntpMiddle != answer.lastReference) continue;
    Micros sample = now - sent.at - Micros(uint64_t(answer.delay) * 1'000'000 / 65536);
    if (sample >= 0) roundTrip_ = roundTrip_ < 0 ? sample : (roundTrip_ * 3 + sample) / 4;
  }
}

}  // namespace parley
