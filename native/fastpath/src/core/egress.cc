#include "core/egress.h"

#include <algorithm>

#include "core/core.h"
#include "core/transport.h"

namespace parley {

namespace {

/** As deep as browsers go by themselves. */
constexpr int kPassedRedDepth = 1;
constexpr Micros kReportInterval = 1'000'000;
constexpr Micros kStalled = 300'000;

}  // namespace

EgressStream::EgressStream(Core& core, Transport& t, uint32_t i, EgressStreamOptions o)
    : options(std::move(o)), id(i), transport(t), core_(core), history_(options.historyTime, options.historyPackets) {
  for (auto& [extension, number] : options.extensions) extensions_.Set(extension, number);
  paused_ = options.paused;
  target_ = options.layer;
  selector_.SetTarget(options.spatialLayer, options.temporalLayer);
  // The first numbers stay below half a turn, so that a lost start cannot be taken for a rollover.
  left_.sequence = lastSequence_ = int64_t(core_.Random() & 0x3fff);
  rtxSequence_ = int64_t(core_.Random() & 0x3fff);
  core_.wheel().Arm(reportTimer_, core_.now() + kReportInterval / 4 + Micros(core_.Random() % 500'000));
}

EgressStream::~EgressStream() {
  if (source_) source_->Detach(*this);
}

const EgressPayload* EgressStream::PayloadOf(uint8_t from) const {
  for (const EgressPayload& p : options.payloads) {
    if (p.from == from) return &p;
  }
  return nullptr;
}

void EgressStream::SetSource(IngressTrack* track, int layer, Micros now) {
  if (source_ == track) {
    SelectLayer(layer, selector_.targetTemporal(), selector_.targetSpatial(), now);
    return;
  }
  if (source_) source_->Detach(*this);
  source_ = track;
  Unsync();
  target_ = layer;
  if (!track) return;
  track->Attach(*this);
  gateEpoch_ = track->gateEpoch;
  if (Receptive()) StartPicture(now);
}

void EgressStream::SelectLayer(int layer, int temporal, int spatial, Micros now) {
  target_ = layer;
  selector_.SetTarget(spatial, temporal);
  if (!Receptive()) return;
  if (current_ != target_ || selector_.AwaitsKeyFrame()) source_->RequestKeyFrame(target_, now);
}

// A key frame that comes before the transport can carry it is lost, and the next one is a throttle away.
bool EgressStream::Receptive() const { return source_ && options.video && !paused_ && transport.ready(); }

void EgressStream::SetPaused(bool paused, Micros now) {
  if (paused == paused_) return;
  paused_ = paused;
  Unsync();
  if (paused) Recall();
  if (Receptive()) StartPicture(now);
}

// On a slow path it would come seconds after it was declined, and hold up what is wanted.
void EgressStream::Recall() {
  delayed_.clear();
  if (!transport.Recall(*this)) return;
  lastSequence_ = left_.sequence;
  lastPicture_ = left_.picture;
  lastTimestamp_ = left_.timestamp;
  lastArrival_ = left_.arrival;
  lastFrame_ = left_.frame;
  lastTl0_ = left_.tl0;
  everSent_ = left_.arrival >= 0;
}

void EgressStream::SetPlayoutDelay(int minMs, int maxMs) {
  hasPlayoutDelay_ = minMs >= 0;
  if (!hasPlayoutDelay_) return;
  // Two 12-bit fields of 10 ms.
  uint32_t low = uint32_t(std::min(minMs / 10, 4095)), high = uint32_t(std::min(std::max(minMs, maxMs) / 10, 4095));
  playoutDelay_ = low << 12 | high;
}

void EgressStream::OnTransportConnected(Micros now) {
  if (Receptive()) StartPicture(now);
}

void EgressStream::StartPicture(Micros now) {
  if (options.startFromCache) source_->Replay(*this, target_, now);
  if (current_ < 0) {
    AskForPicture(now);
  } else if (current_ != target_) {
    source_->RequestKeyFrame(target_, now);
  }
}

bool EgressStream::Sync(const Packet& p) {
  IngressStream* stream = source_->Layer(p.layer);
  if (!stream) return false;
  uint32_t clockRate = stream->clockRate;
  sequences_.Sync(p.sequence, lastSequence_ + 1);
  if (!everSent_) {
    timestampOffset_ = core_.Random();
  } else if (syncedTo_ != source_ || syncedSsrc_ != stream->options.ssrc) {
    uint32_t chosen = AlignedTimestamp(p, *stream);
    if (int32_t(chosen - lastTimestamp_) <= 0) chosen = lastTimestamp_ + clockRate / 1000;
    timestampOffset_ = chosen - p.timestamp;
  }
  syncedTo_ = source_;
  syncedSsrc_ = stream->options.ssrc;
  const FrameInfo& f = p.frame;
  if (f.pictureIdBits) {
    int64_t in = newestPicture_ = int64_t(f.pictureId) + 0x8000;
    pictures_.Sync(in, lastPicture_ < 0 ? in : lastPicture_ + 1);
  }
  if (f.tl0At >= 0) tl0Offset_ = everSent_ ? uint8_t(lastTl0_ + 1 - f.tl0) : 0;
  if (f.described) frameOffset_ = everSent_ ? uint16_t(lastFrame_ + 1 - f.frameNumber) : 0;
  return true;
}

// The publisher stopped sending the layer that is shown while a lower one goes on. A source of few frames
// is no stalled layer: only a whole frame of the other one, well after our last packet, proves it.
bool EgressStream::ShouldFallBack(const Packet& p, Micros now) {
  IngressStream* shown = source_->Layer(current_);
  IngressStream* other = source_->Layer(p.layer);
  if (!shown || !other || other->previousFrameArrival < shown->lastArrival + kStalled) return false;
  for (int layer = target_; layer > p.layer; layer--) {
    IngressStream* better = layer == current_ ? nullptr : source_->Layer(layer);
    if (better && better->lastArrival >= 0 && now - better->lastArrival < kStalled) return false;
  }
  if (!p.frame.startOfKeyFrame) other->RequestKeyFrame(now);
  return true;
}

void EgressStream::Skip(uint8_t layer, int64_t sequence) {
  if (layer == current_ || (!options.video && sequences_.synced())) sequences_.Drop(sequence);
}

void EgressStream::Forward(const PacketRef& packet, Micros now) {
  if (paused_ || !transport.ready()) return;
  const Packet& p = *packet;
  if (gateEpoch_ != source_->gateEpoch) {
    gateEpoch_ = source_->gateEpoch;
    Unsync();
  }
  bool started = false;
  if (options.video) {
    if (p.layer != current_) {
      // The wanted layer, or, with nothing to show yet, whatever can be shown.
      bool lower = p.layer < target_ && !options.exactLayer;
      bool wanted = p.layer == target_ || (current_ < 0 && lower);
      if (!wanted && current_ >= 0 && lower && p.frame.startOfFrame) wanted = ShouldFallBack(p, now);
      if (!wanted || !p.frame.startOfKeyFrame) return;
      current_ = p.layer;
      started = true;
    }
  }
  const EgressPayload* payload = PayloadOf(p.payloadType);
  if (!payload) {
    sequences_.Drop(p.sequence);
    return;
  }
  if (started || !sequences_.synced()) {
    if (!Sync(p)) return;
    selector_.Restart();
    if (started) {
      Record event;
      event.Text("type", "layer.switched").Number("stream", id).Number("layer", p.layer);
      core_.Emit(std::move(event));
    }
  }
  const FrameInfo& f = p.frame;
  int64_t picture = -1;
  if (f.pictureIdBits) {
    picture = ExtendBits(newestPicture_, f.pictureId, f.pictureIdBits);
    newestPicture_ = std::max(newestPicture_, picture);
  }
  if (options.video && !Select(packet, *payload, picture, now)) return;
  int64_t sequence = sequences_.Map(p.sequence);
  if (sequence < 0) return;

  Rewritten entry;
  entry.packet = packet;
  entry.sequence = sequence;
  entry.created = now;
  entry.timestamp = p.timestamp + timestampOffset_;
  entry.marker = options.video ? verdict_.last : p.marker;
  entry.payloadType = payload->payloadType;
  entry.rtxPayloadType = payload->rtxPayloadType;
  entry.payloadAt = p.payloadAt;
  entry.payloadSize = p.payloadSize;
  if (payload->stripRed) {
    RedPayload red;
    if (!red.Parse(p.payload())) {
      transport.counters.malformed++;
      sequences_.Drop(p.sequence);
      return;
    }
    entry.payloadAt = uint16_t(red.primary().data.data - p.data);
    entry.payloadSize = uint16_t(red.primary().data.size);
  }
  // What a publisher repeats against the losses of its own path is not for the paths of others.
  int redDepth = repair_.redDepth > 0 ? repair_.redDepth : p.redFrames > kPassedRedDepth ? kPassedRedDepth : 0;
  if (!options.video && redDepth > 0 && !payload->stripRed) {
    if (PacketRef made = AsRed(packet, redDepth, &payload)) {
      redundantBytes_ += made->payloadSize > p.payloadSize ? made->payloadSize - p.payloadSize : 0;
      entry.payloadType = payload->payloadType;
      entry.payloadAt = made->payloadAt;
      entry.payloadSize = made->payloadSize;
      entry.packet = std::move(made);
    }
  }
  if (picture >= 0) {
    int64_t out = pictures_.Map(picture);
    if (out < 0) return;
    lastPicture_ = std::max(lastPicture_, out);
    entry.pictureId = uint16_t(out & 0x7fff);
    entry.patchDescriptor = true;
  }
  if (f.tl0At >= 0) {
    entry.tl0 = uint8_t(f.tl0 + tl0Offset_);
    entry.patchDescriptor = true;
  }
  if (f.described) {
    entry.frameNumber = uint16_t(f.frameNumber + frameOffset_);
    entry.patchFrameNumber = true;
    if (f.structureEnd || f.targetsEnd || verdict_.changed) {
      const DependencyReader& known = source_->Layer(p.layer)->dependencies;
      entry.targets = known.TargetsWithin(selector_.spatial(), selector_.temporal());
    }
  }
  if (hasPlayoutDelay_) {
    entry.hasPlayoutDelay = true;
    entry.playoutDelay = playoutDelay_;
  } else if (p.hasPlayoutDelay) {
    entry.hasPlayoutDelay = true;
    entry.playoutDelay = p.playoutDelay;
  }
  bool newest = sequence > lastSequence_ || !everSent_;
  if (newest) {
    if (!everSent_ || entry.timestamp != lastTimestamp_) frames_++;
    if (f.startOfKeyFrame) keyFrames_++;
    lastSequence_ = sequence;
    lastTimestamp_ = entry.timestamp;
    lastArrival_ = p.arrival;
    if (f.tl0At >= 0) lastTl0_ = entry.tl0;
    if (entry.patchFrameNumber && (!everSent_ || int16_t(entry.frameNumber - lastFrame_) > 0)) lastFrame_ = entry.frameNumber;
    if (IngressStream* stream = source_->Layer(p.layer)) {
      if (stream->clock.arrival != syncedClock_.arrival || started) syncedClock_ = stream->clock;
    }
  }
  everSent_ = true;
  bool protects = Protects(p);
  if (protects) {
    entry.redPayloadType = options.redPayloadType;
    // What comes behind others has its place among those that are protected already.
    if (newest) Protect(entry, now);
  }
  bool lastOfFrame = entry.marker;
  if (options.historyPackets > 0) {
    Rewritten& kept = history_.Put(std::move(entry), now);
    transport.Dispatch(*this, kept, false, now);
    CopyAhead(kept, now);
  } else {
    transport.Dispatch(*this, entry, false, now);
  }
  if (protects && newest && lastOfFrame) SendFec(now);
}

void EgressStream::OnKeyFrameRequest(Micros now) {
  plis_++;
  if (Receptive()) AskForPicture(now);
}

void EgressStream::AskForPicture(Micros now) {
  source_->RequestKeyFrame(current_ >= 0 ? current_ : target_, now);
  if (current_ < 0) {
    if (options.exactLayer) return;
    // Nothing is shown yet: the wanted layer may not be sent at all, so ask for the best that is.
    for (int layer = target_; layer >= 0; layer--) {
      IngressStream* stream = source_->Layer(layer);
      if (!stream || !stream->active) continue;
      if (layer != target_) stream->RequestKeyFrame(now);
      break;
    }
  } else if (current_ != target_) {
    source_->RequestKeyFrame(target_, now);
  }
}

void EgressStream::OnReport(const ReportBlock& block, Micros now) {
  if (block.ssrc != options.ssrc) return;
  fractionLost_ = block.fractionLost / 256.0;
  lost_ = block.lost;
  uint32_t clockRate = 90000;
  if (source_) {
    if (IngressStream* stream = source_->Layer(std::max(current_, 0))) clockRate = stream->clockRate;
  }
  jitterMs_ = double(block.jitter) * 1000 / clockRate;
  if (block.lastSr == 0) return;
  for (const SentReport& sent : sentReports_) {
    if (sent.at == 0 || sent.ntpMiddle != block.lastSr) continue;
    Micros rtt = now - sent.at - Micros(uint64_t(block.delay) * 1'000'000 / 65536);
    if (rtt >= 0) rtt_ = rtt;
  }
}

void EgressStream::OnReportTimer(Micros now) {
  core_.wheel().Arm(reportTimer_, now + kReportInterval);
  history_.Expire(now);
  if (!transport.ready() || packets_ == reportedPackets_ || !source_) return;
  IngressStream* stream = source_->Layer(std::max(current_, 0));
  if (!stream || !sequences_.synced()) return;
  reportedPackets_ = packets_;
  SenderInfo info;
  if (stream->clock.known()) {
    // The publisher's own clock, carried on: its tracks stay in sync with each other.
    Micros passed = now - stream->clock.arrival;
    info.ntp = stream->clock.ntp + uint64_t((double(passed) / 1e6) * 4294967296.0);
    info.rtp = stream->clock.rtp + uint32_t(passed * int64_t(stream->clockRate) / 1'000'000) + timestampOffset_;
  } else {
    info.ntp = core_.Ntp(now);
    info.rtp = lastTimestamp_ + uint32_t((now - lastArrival_) * int64_t(stream->clockRate) / 1'000'000);
  }
  info.packets = uint32_t(packets_);
  info.bytes = uint32_t(payloadBytes_);
  Bytes out;
  AppendSenderReport(out, options.ssrc, info);
  AppendCname(out, options.ssrc, options.cname.data(), options.cname.size());
  transport.SendRtcp(out, now);
  sentReports_[nextReport_++ % 4] = {uint32_t(info.ntp >> 16), now};
}

Record EgressStream::Stats() const {
  Record r;
  r.Number("id", id).Number("ssrc", options.ssrc).Number("layer", current_);
  r.Number("packets", double(packets_)).Number("bytes", double(bytes_));
  r.Number("frames", double(frames_)).Number("keyFrames", double(keyFrames_));
  r.Number("retransmissions", double(retransmissions_)).Number("retransmissionMisses", double(misses_));
  r.Number("nacks", double(nacks_)).Number("plis", double(plis_));
  r.Number("repairBytes", double(repairBytes_)).Number("redundantBytes", double(redundantBytes_));
  r.Number("missed", double(missed_));
  r.Number("fecPackets", double(fecPackets_)).Number("fecBytes", double(fecBytes_));
  r.Number("leftToFec", double(leftToFec_)).Number("fecFailures", double(fecFailures_));
  r.Number("lateRepairs", double(lateRepairs_)).Number("refusedRepairs", double(refusedRepairs_));
  r.Number("fractionLost", fractionLost_).Number("packetsLost", lost_).Number("jitterMs", jitterMs_);
  r.Number("rttMs", rtt_ < 0 ? -1 : double(rtt_) / 1000);
  return r;
}

}  // namespace parley
