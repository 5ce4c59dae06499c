#include "core/transport.h"

#include <algorithm>

#include "core/core.h"

namespace parley {

namespace {

constexpr Micros kSecond = 1'000'000;
constexpr size_t kMaxSentRecords = 256;
constexpr double kRepairBurstSeconds = 0.5;

}  // namespace

Transport::Transport(Core& core, uint32_t i, TransportOptions options)
    : id(i),
      core_(core),
      options_(std::move(options)),
      ice_(options_.ufrag, options_.pwd),
      created_(core.now()),
      rtcpSsrc_(core.Random() | 1),
      pacer_(*this, core.wheel(), options_.pacingBitrate, options_.maxQueued) {
  if (options_.hasPeer) ice_.Fix(options_.peer);
  core_.wheel().Arm(secondTimer_, core.now() + kSecond);
}

Transport::~Transport() = default;

bool Transport::SendData(View bytes, Micros now) {
  if (bytes.size > kMaxData) return false;
  if (!connected_ || !dtls_) return true;
  if (dtls_->Send(bytes)) counters.dataSent++;
  AfterDtls(now);
  return true;
}

void Transport::AllowData(uint32_t perSecond, Micros now) {
  if (dataRate_ == 0) dataTokens_ = double(perSecond) / 4;
  dataRate_ = perSecond;
  dataFilled_ = now;
}

bool Transport::TakeData(Micros now) {
  dataTokens_ = std::min(double(dataRate_) / 4, dataTokens_ + double(now - dataFilled_) * double(dataRate_) / 1e6);
  dataFilled_ = now;
  if (dataTokens_ < 1) return false;
  dataTokens_ -= 1;
  return true;
}

void Transport::Close(const char* reason) {
  if (closed_) return;
  FlushSent();
  if (dtls_ && ice_.hasSelected()) {
    dtls_->Close();
    for (const Bytes& datagram : dtls_->outgoing()) core_.SendDatagram(ice_.selected(), View(datagram));
    dtls_->outgoing().clear();
  }
  closed_ = true;
  dtlsTimer_.Cancel();
  secondTimer_.Cancel();
  feedbackTimer_.Cancel();
  if (std::strcmp(reason, "closed") != 0) {
    Record event;
    event.Text("type", "transport.closed").Number("transport", id).Text("reason", reason);
    core_.Emit(std::move(event));
  }
  core_.Bury(*this);
}

IngressTrack& Transport::AddTrack(uint32_t trackId, IngressTrackOptions options) {
  for (auto& [extension, number] : options.extensions) extensions_.Set(extension, number);
  tracks_.push_back(std::make_unique<IngressTrack>(core_, *this, trackId, std::move(options)));
  IngressTrack& track = *tracks_.back();
  for (auto& stream : track.layers) {
    if (stream->options.ssrc) routes_[stream->options.ssrc] = {stream.get(), false};
    if (stream->options.rtxSsrc) routes_[stream->options.rtxSsrc] = {stream.get(), true};
  }
  return track;
}

void Transport::RemoveTrack(IngressTrack& track) {
  for (auto at = routes_.begin(); at != routes_.end();) {
    bool ends = at->second.stream && &at->second.stream->track == &track;
    if (ends && ice_.fixed() && srtp_) srtp_->ForgetReceiver(at->first);
    at = ends ? routes_.erase(at) : std::next(at);
  }
  tracks_.erase(std::find_if(tracks_.begin(), tracks_.end(), [&](auto& t) { return t.get() == &track; }));
}

EgressStream& Transport::AddStream(uint32_t streamId, EgressStreamOptions options) {
  streams_.push_back(std::make_unique<EgressStream>(core_, *this, streamId, std::move(options)));
  EgressStream& stream = *streams_.back();
  streamsBySsrc_[stream.options.ssrc] = &stream;
  return stream;
}

void Transport::RemoveStream(EgressStream& stream) {
  if (ready()) {
    Bytes out;
    AppendReceiverReport(out, rtcpSsrc_, {});
    AppendBye(out, stream.options.ssrc);
    SendRtcp(out, core_.now());
  }
  pacer_.Forget(stream);
  transmissions_.Forget(stream);
  streamsBySsrc_.erase(stream.options.ssrc);
  // Its SRTP state stays: an SSRC that comes back must not use its old indexes again. On a relay leg none does.
  if (ice_.fixed() && srtp_) {
    srtp_->ForgetSender(stream.options.ssrc);
    srtp_->ForgetSender(stream.options.rtxSsrc);
  }
  streams_.erase(std::find_if(streams_.begin(), streams_.end(), [&](auto& s) { return s.get() == &stream; }));
}

void Transport::Sent(size_t size, bool numbered, uint32_t sequence, Micros now) {
  core_.outlet().Commit(ice_.selected(), size);
  counters.packetsSent++;
  counters.bytesSent += size;
  if (!numbered || !options_.reportSent) return;
  uint8_t record[PathReports::kRecord];
  uint32_t size32 = uint32_t(size);
  double at = double(now);
  std::memcpy(record, &sequence, 4);
  std::memcpy(record + 4, &size32, 4);
  std::memcpy(record + 8, &at, 8);
  sent_.insert(sent_.end(), record, record + sizeof record);
  if (sent_.size() >= kMaxSentRecords * sizeof record) FlushSent();
}

void Transport::FlushSent() {
  if (sent_.empty()) return;
  core_.reports().Sent(id, View(sent_), core_.now());
  sent_.clear();
}

void Transport::SendRtcp(const Bytes& compound, Micros) {
  if (!ready() || compound.size() + 64 > kMaxPacket) return;
  uint8_t* out = core_.outlet().Reserve();
  if (!out) return;
  size_t size = srtp_->ProtectRtcp(out, View(compound));
  if (size) {
    core_.outlet().Commit(ice_.selected(), size);
    counters.packetsSent++;
    counters.bytesSent += size;
  }
}

size_t Transport::SendPadding(Micros now) {
  for (auto& stream : streams_) {
    if (size_t sent = stream->TransmitPadding(255, now)) return sent;
  }
  return 0;
}

void Transport::SetRepairBudget(uint64_t bitrate, Micros now) {
  // The first rate comes with what may be spent at once.
  if (repairBitrate_ == 0) repairTokens_ = double(bitrate) / 8 * kRepairBurstSeconds;
  repairBitrate_ = bitrate;
  repairFilled_ = now;
}

bool Transport::TakeRepair(size_t bytes, double kept, Micros now) {
  if (repairBitrate_ == 0) return true;
  double most = double(repairBitrate_) / 8 * kRepairBurstSeconds;
  repairTokens_ = std::min(most, repairTokens_ + double(now - repairFilled_) * double(repairBitrate_) / 8e6);
  repairFilled_ = now;
  if (repairTokens_ < double(bytes) + kept * most) return false;
  repairTokens_ -= double(bytes);
  return true;
}

void Transport::SetRemb(uint64_t bitrate, Micros) { remb_ = bitrate; }

Record Transport::Stats() const {
  Record r;
  r.Number("id", id).Bool("connected", connected_);
  r.Number("packetsReceived", double(counters.packetsReceived)).Number("bytesReceived", double(counters.bytesReceived));
  r.Number("packetsSent", double(counters.packetsSent)).Number("bytesSent", double(counters.bytesSent));
  r.Number("authFailures", double(counters.authFailures)).Number("replays", double(counters.replays));
  r.Number("unroutable", double(counters.unroutable)).Number("malformed", double(counters.malformed));
  r.Number("stunRequests", double(ice_.requests)).Number("stunRejected", double(ice_.rejected));
  r.Number("feedbackSent", double(counters.feedbackSent)).Number("nacksReceived", double(counters.nacksReceived));
  r.Number("queuedPackets", double(pacer_.queued())).Number("queueDrops", double(pacer_.drops));
  r.Number("paddingSent", double(pacer_.padding));
  r.Number("dataReceived", double(counters.dataReceived)).Number("dataSent", double(counters.dataSent));
  r.Number("dataDropped", double(counters.dataDropped));
  return r;
}

}  // namespace parley
