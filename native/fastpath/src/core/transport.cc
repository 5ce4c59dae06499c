#include "core/transport.h"

#include <algorithm>

#include "core/core.h"

namespace parley {

namespace {

constexpr Micros kSecond = 1'000'000;
constexpr size_t kMaxSentRecords = 256;
constexpr double kRepairBurstSeconds = 0.5;
// A peer that hears our answers checks less often than this.
constexpr Micros kHurriedCheck = 200'000;
constexpr int kCopiesOfAnswer = 2;
constexpr int kMostCopiesASecond = 40;
// As client of DTLS: about 400 ms after our Finished.
constexpr int kRepeatsBeforeSending = 5;

bool SameText(View a, const std::string& b) { return a.size == b.size() && std::memcmp(a.data, b.data(), a.size) == 0; }

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

void Transport::OnStun(const StunMessage& message, const Path& path, Micros now) {
  IceAgent::Outcome outcome = ice_.OnStun(message, path, now);
  if (outcome.dropped) core_.ForgetPath(outcome.droppedPath, *this);
  if (outcome.newPath) core_.LearnPath(path, *this);
  AnswerCheck(outcome, path, now);
  if (outcome.moved) PathChanged();
  if (outcome.authenticated && hasRemote_ && !remote_.weAreServer && !dtls_) {
    dtls_ = std::make_unique<DtlsSession>(core_.dtls(), false);
    dtls_->Start(now);
    AfterDtls(now);
  }
}

void Transport::AnswerCheck(const IceAgent::Outcome& outcome, const Path& path, Micros now) {
  for (const Bytes& reply : outcome.replies) core_.SendDatagram(path, View(reply));
  if (!outcome.authenticated) return;
  bool hurried = !connected_ || now - lastCheck_ < kHurriedCheck;
  lastCheck_ = now;
  if (!hurried || path.tcp()) return;
  if (now - checkCopiesSince_ >= kSecond) {
    checkCopiesSince_ = now;
    checkCopies_ = 0;
  }
  for (int copy = 0; copy < kCopiesOfAnswer && checkCopies_ < kMostCopiesASecond; copy++, checkCopies_++) {
    core_.SendDatagram(path, View(outcome.replies.front()));
  }
}

void Transport::PathChanged() {
  const Path& path = ice_.selected();
  core_.reports().Flush();
  Record event;
  event.Text("type", "path.selected").Number("transport", id).Text("protocol", path.tcp() ? "tcp" : "udp");
  event.Text("address", AddressText(path)).Number("port", path.port).Number("local", path.local);
  core_.Emit(std::move(event));
}

void Transport::OnConnectionClosed(const Path& path) { ice_.Forget(path); }

void Transport::OnDtls(View bytes, Micros now) {
  if (!dtls_) {
    // A ClientHello may overtake the peer's answer; who it is gets verified when that is here.
    bool helloFirst = bytes.size > 13 && bytes[0] == 22 && bytes[13] == 1;
    if (!helloFirst || (hasRemote_ && !remote_.weAreServer)) return;
    dtls_ = std::make_unique<DtlsSession>(core_.dtls(), true);
  }
  dtls_->OnDatagram(bytes, now);
  AfterDtls(now);
}

void Transport::AfterDtls(Micros now) {
  if (ice_.hasSelected()) {
    for (const Bytes& datagram : dtls_->outgoing()) core_.SendDatagram(ice_.selected(), View(datagram));
  }
  dtls_->outgoing().clear();
  TryKeys();
  if (closed_) return;
  if (dtls_->state() == DtlsSession::State::kEstablished || dtls_->repeats() >= kRepeatsBeforeSending) Connect(now);
  if (srtp_) {
    for (Bytes& data : dtls_->incoming()) {
      if (!TakeData(now)) {
        counters.dataDropped++;
        continue;
      }
      counters.dataReceived++;
      Record event;
      event.Text("type", "data.received").Number("transport", id).Data("bytes", std::move(data));
      core_.Emit(std::move(event));
    }
    dtls_->incoming().clear();
  }
  if (dtls_->deadline() > 0) {
    core_.wheel().Arm(dtlsTimer_, dtls_->deadline());
  } else {
    dtlsTimer_.Cancel();
  }
  if (dtls_->state() == DtlsSession::State::kFailed) {
    Close("dtls-failed");
  } else if (dtls_->state() == DtlsSession::State::kClosed) {
    Close("dtls-closed");
  }
}

void Transport::TryKeys() {
  if (!hasRemote_ || !dtls_ || srtp_ || !dtls_->HasKeys()) return;
  if (!dtls_->FingerprintMatches(remote_.fingerprints)) {
    Close("fingerprint-mismatch");
    return;
  }
  SrtpProfile profile;
  Bytes local, remote;
  if (!dtls_->ExportSrtp(&profile, &local, &remote)) {
    Close("dtls-failed");
    return;
  }
  srtp_ = std::make_unique<SrtpSession>(profile, View(local), View(remote));
  if (ice_.fixed()) srtp_->LiftLimit();
}

void Transport::Connect(Micros now) {
  if (connected_ || !srtp_) return;
  connected_ = true;
  Record event;
  event.Text("type", "transport.connected").Number("transport", id);
  event.Text("srtpProfile", SrtpProfileName(srtp_->profile()));
  core_.Emit(std::move(event));
  for (auto& stream : streams_) stream->OnTransportConnected(now);
  for (auto& track : tracks_) {
    if (track->options.video) track->RequestKeyFrame(-1, now);
  }
}

void Transport::OnDtlsTimer(Micros now) {
  if (!dtls_) return;
  dtls_->OnTimeout(now);
  AfterDtls(now);
}

void Transport::SetRemote(RemoteParameters remote, Micros now) {
  ice_.SetRemote(remote.ufrag, remote.pwd);
  remote_ = std::move(remote);
  hasRemote_ = true;
  if (dtls_) {
    AfterDtls(now);
  } else if (!remote_.weAreServer && ice_.hasSelected()) {
    dtls_ = std::make_unique<DtlsSession>(core_.dtls(), false);
    dtls_->Start(now);
    AfterDtls(now);
  }
}

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

void Transport::OnMedia(View bytes, const Path& path, Micros now) {
  if (!srtp_ || closed_) return;
  counters.packetsReceived++;
  counters.bytesReceived += bytes.size;
  if (bytes.size < 12 || bytes.size > kMaxPacket) {
    counters.malformed++;
    return;
  }
  if (ice_.fixed() && !Declared(bytes)) {
    counters.unroutable++;
    return;
  }
  // RFC 5761 section 4: RTCP packet types 192..223 in the second byte.
  if (bytes[1] >= 192 && bytes[1] <= 223) {
    OnRtcp(bytes, path, now);
  } else {
    OnRtp(bytes, path, now);
  }
}

bool Transport::Declared(View bytes) const {
  bool rtcp = bytes[1] >= 192 && bytes[1] <= 223;
  // Sender reports bear the SSRC of their stream; all other RTCP that of the transport.
  if (rtcp) return bytes[1] != RtcpPacket::kSr || routes_.count(Get32(bytes.data + 4)) > 0;
  return routes_.count(Get32(bytes.data + 8)) > 0;
}

void Transport::Count(Unprotect result) {
  switch (result) {
    case Unprotect::kForged:
      counters.authFailures++;
      break;
    case Unprotect::kReplayed:
      counters.replays++;
      break;
    case Unprotect::kTooManySources:
      counters.unroutable++;
      break;
    default:
      counters.malformed++;
  }
}

void Transport::MediaProven(const Path& path, Micros now) {
  if (dtls_) dtls_->Confirm();
  Connect(now);
  if (ice_.OnAuthenticatedMedia(path, now)) PathChanged();
}

void Transport::OnRtp(View bytes, const Path& path, Micros now) {
  PacketRef packet = core_.pool().Take();
  size_t size = 0;
  Unprotect result = srtp_->UnprotectRtp(bytes, now, packet->data, &size);
  if (result != Unprotect::kOk) {
    Count(result);
    return;
  }
  MediaProven(path, now);
  HandleRtp(std::move(packet), size, now);
}

void Transport::HandleRtp(PacketRef packet, size_t size, Micros now) {
  Packet& p = *packet;
  p.size = uint16_t(size);
  View all(p.data, size);
  size_t headerSize = RtpHeaderSize(all);
  if (headerSize == 0) {
    counters.malformed++;
    return;
  }
  size_t payloadSize = size - headerSize;
  if (p.data[0] & 0x20) {
    size_t padding = size > headerSize ? p.data[size - 1] : 0;
    if (padding == 0 || padding > payloadSize) {
      counters.malformed++;
      return;
    }
    payloadSize -= padding;
  }
  p.marker = p.data[1] & 0x80;
  p.payloadType = p.data[1] & 0x7f;
  uint16_t sequence = Get16(p.data + 2);
  p.timestamp = Get32(p.data + 4);
  p.ssrc = Get32(p.data + 8);
  p.payloadAt = uint16_t(headerSize);
  p.payloadSize = uint16_t(payloadSize);

  View mid, rid, repairedRid;
  if (p.data[0] & 0x10) {
    size_t at = 12 + size_t(p.data[0] & 15) * 4;
    uint16_t profile = Get16(p.data + at);
    View block = all.Sub(at + 4, size_t(Get16(p.data + at + 2)) * 4);
    bool sound = VisitExtensions(profile, block, [&](uint8_t number, View value) {
      switch (extensions_.Of(number)) {
        case Extension::kMid:
          mid = value;
          break;
        case Extension::kRid:
          rid = value;
          break;
        case Extension::kRepairedRid:
          repairedRid = value;
          break;
        case Extension::kTransportSequence:
          if (value.size >= 2) {
            twcc_.OnPacket(Get16(value.data), core_.arrival());
            feedbackMedia_ = p.ssrc;
            if (!feedbackTimer_.armed()) core_.wheel().Arm(feedbackTimer_, now + core_.options().feedbackInterval);
          }
          break;
        case Extension::kAudioLevel:
          if (value.size >= 1) {
            p.hasLevel = true;
            p.level = value[0];
          }
          break;
        case Extension::kVideoOrientation:
          if (value.size >= 1) {
            p.hasOrientation = true;
            p.orientation = value[0];
          }
          break;
        case Extension::kPlayoutDelay:
          if (value.size >= 3) {
            p.hasPlayoutDelay = true;
            p.playoutDelay = Get24(value.data);
          }
          break;
        case Extension::kDependencyDescriptor:
          if (value.size > 0) {
            p.descriptorAt = uint16_t(value.data - p.data);
            p.descriptorSize = uint8_t(value.size);
          }
          break;
        case Extension::kAbsCaptureTime:
          if (value.size >= 8 && value.size <= 16) {
            p.captureTimeAt = uint16_t(value.data - p.data);
            p.captureTimeSize = uint8_t(value.size);
          }
          break;
        case Extension::kColorSpace:
          if (value.size > 0 && value.size <= 32) {
            p.colorSpaceAt = uint16_t(value.data - p.data);
            p.colorSpaceSize = uint8_t(value.size);
          }
          break;
        default:
          break;
      }
    });
    if (!sound) {
      counters.malformed++;
      return;
    }
  }
  Route route;
  auto found = routes_.find(p.ssrc);
  if (found != routes_.end()) {
    route = found->second;
  } else {
    route = Resolve(p.ssrc, p.payloadType, mid, rid, repairedRid);
    if (!route.stream) {
      counters.unroutable++;
      return;
    }
  }
  bool recovered = false;
  if (route.rtx) {
    // RFC 4588: the original number stands before the payload. Without it the packet is a probe.
    const IngressPayload* original = route.stream->track.PayloadOfRtx(p.payloadType);
    if (!original) {
      counters.unroutable++;
      return;
    }
    if (payloadSize <= 2) return;
    sequence = Get16(p.data + headerSize);
    p.payloadAt += 2;
    p.payloadSize -= 2;
    p.payloadType = original->payloadType;
    p.ssrc = route.stream->options.ssrc;
    recovered = true;
    if (route.stream->lastArrival < 0) return;
  }
  route.stream->OnPacket(std::move(packet), sequence, recovered, now);
}

Transport::Route Transport::Resolve(uint32_t ssrc, uint8_t payloadType, View mid, View rid, View repairedRid) {
  Route route;
  IngressTrack* onlyTrack = nullptr;
  bool unique = true;
  for (auto& track : tracks_) {
    bool isRtx = track->PayloadOfRtx(payloadType) != nullptr;
    if (!isRtx && !track->PayloadOf(payloadType)) continue;
    bool midMatches = mid.size > 0 && SameText(mid, track->options.mid);
    if (mid.size > 0 && !track->options.mid.empty() && !midMatches) continue;
    View name = repairedRid.size ? repairedRid : rid;
    if (name.size) {
      for (auto& stream : track->layers) {
        if (!stream->options.rid.empty() && SameText(name, stream->options.rid)) {
          route = {stream.get(), repairedRid.size > 0 || isRtx};
          break;
        }
      }
      if (route.stream) break;
      if (track->layers.size() > 1 || !track->layers[0]->options.rid.empty()) continue;
    }
    IngressStream& first = *track->layers[0];
    bool plain = track->layers.size() == 1 && first.options.rid.empty();
    if (!plain) continue;
    if (midMatches) {
      route = {&first, isRtx};
      break;
    }
    // Without any name only an undeclared SSRC that a single track can own is taken.
    if (first.options.ssrc != 0 && !isRtx) continue;
    if (onlyTrack) unique = false;
    onlyTrack = track.get();
  }
  if (!route.stream && onlyTrack && unique) {
    route = {onlyTrack->layers[0].get(), onlyTrack->PayloadOfRtx(payloadType) != nullptr};
  }
  if (!route.stream) return route;
  if (route.rtx) {
    if (route.stream->options.rtxSsrc) routes_.erase(route.stream->options.rtxSsrc);
    route.stream->options.rtxSsrc = ssrc;
  } else if (route.stream->options.ssrc != ssrc) {
    if (route.stream->options.ssrc) routes_.erase(route.stream->options.ssrc);
    route.stream->Restart(ssrc);
  }
  routes_[ssrc] = route;
  return route;
}

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
