#include "core/ingress.h"

#include <algorithm>
#include <cmath>

#include "core/core.h"
#include "core/transport.h"

namespace parley {

namespace {

constexpr Micros kActiveWithin = 1'500'000;
// What waited longer in the socket comes from a queue that grows: forwarding it makes everybody later still.
constexpr Micros kLate = 200'000;
constexpr Micros kLatePatience = 300'000;

}  // namespace

IngressStream::IngressStream(IngressTrack& t, uint8_t l, IngressLayerOptions o)
    : track(t), layer(l), options(std::move(o)) {}

void IngressStream::Restart(uint32_t ssrc) {
  options.ssrc = ssrc;
  missing_.clear();
  nackTimer_.Cancel();
  seen_ = ReplayWindow();
  newest_ = first_ = -1;
  red = RedHistory();
  received_ = reportedExpected_ = reportedReceived_ = 0;
  hasTransit_ = false;
  hasFrame_ = false;
  clock = SourceClock();
  transits_.Reset();
  dependencies.Reset();
  chains_.reset();
  track.OnLayerRestart(layer);
}

void IngressStream::OnPacket(PacketRef packet, uint16_t sequence, bool recovered, Micros now) {
  // One turn up, so that what was sent before the first arrival still has a positive number.
  int64_t extended = newest_ < 0 ? int64_t(sequence) + 0x10000 : Extend16(newest_, sequence);
  if (!seen_.Fresh(extended)) {
    duplicates_++;
    return;
  }
  bool wasActive = active;
  active = true;
  lastArrival = now;
  const IngressPayload* payload = track.PayloadOf(packet->payloadType);
  if (!payload) {
    track.transport.counters.unroutable++;
    return;
  }
  clockRate = payload->clockRate;
  payloadType_ = payload->payloadType;
  if (!wasActive) {
    Record event;
    event.Text("type", "layer.started").Number("track", track.id).Number("layer", layer);
    event.Number("ssrc", options.ssrc).Number("payloadType", packet->payloadType);
    track.core.Emit(std::move(event));
  }
  seen_.Mark(extended);
  packets_++;
  bytes_ += packet->payloadSize;
  secondBytes_ += packet->payloadSize;
  if (newest_ < 0) {
    newest_ = first_ = extended;
  } else if (extended > newest_) {
    if (track.options.nack && extended > newest_ + 1) NoticeGap(newest_ + 1, extended, now);
    newest_ = extended;
  } else {
    auto found = missing_.find(extended);
    if (found != missing_.end()) {
      if (found->second.tries > 0) OnAnswer(found->second, now);
      missing_.erase(found);
    }
  }
  if (recovered) {
    recoveredCount_++;
  } else {
    received_++;
    int64_t arrival = now * int64_t(clockRate) / 1'000'000;
    int64_t transit = int64_t(int32_t(uint32_t(arrival) - packet->timestamp));
    if (hasTransit_) {
      double d = std::fabs(double(int32_t(uint32_t(transit - transit_))));
      if (d < clockRate * 10.0) jitter_ += (d - jitter_) / 16;
    }
    transit_ = transit;
    hasTransit_ = true;
    if (track.options.video) transits_.Add(now, clockRate, packet->timestamp);
  }
  packet->sequence = extended;
  packet->layer = layer;
  packet->recovered = recovered;
  packet->arrival = now;
  if (packet->payloadSize == 0) {
    // Padding takes a number; subscribers must not see a hole.
    track.Skip(layer, extended);
    return;
  }
  if (!ReadFrame(*packet, payload->codec)) {
    track.transport.counters.malformed++;
    track.Skip(layer, extended);
    return;
  }
  if (track.options.video) {
    if (!hasFrame_ || packet->timestamp != lastFrameTimestamp_) {
      if (!hasFrame_ || int32_t(packet->timestamp - lastFrameTimestamp_) > 0) {
        frames_++;
        hasFrame_ = true;
        lastFrameTimestamp_ = packet->timestamp;
        previousFrameArrival = frameArrival_;
        frameArrival_ = now;
      }
    }
    if (packet->frame.startOfKeyFrame) {
      if (keyFrames_ == 0 || packet->timestamp != lastKeyTimestamp_) {
        keyFrames_++;
        lastKeyTimestamp_ = packet->timestamp;
      }
      keyFrameWanted_ = false;
      unansweredPlis_ = 0;
      pliTimer_.Cancel();
      TakeSizes(packet->frame);
    }
  } else {
    if (packet->hasLevel) track.OnLevel(packet->level);
    TakeSound(packet, payload->codec, now);
  }
  if (track.options.video) {
    bool late = now - track.core.arrival() > kLate;
    if (!late) lateSince_ = -1;
    if (late && lateSince_ < 0) lateSince_ = now;
    // One pause of this machine makes many late packets at one moment; a full core makes them without end.
    bool lasting = late && now - lateSince_ >= kLatePatience;
    late_ = lasting || (late_ && (late || !packet->frame.startOfKeyFrame));
    if (late_) {
      lateDrops_++;
      RequestKeyFrame(now);
      track.Skip(layer, extended);
      return;
    }
  }
  track.Forward(packet, now);
}

bool IngressStream::ReadFrame(Packet& p, Codec codec) {
  if (!ReadPayload(codec, p.payload(), &p.frame)) return false;
  // VP9 says all of this in its payload, and VP8 does unless there is a descriptor.
  bool told = p.frame.temporal >= 0 || p.frame.pictureIdAt >= 0;
  if (p.descriptorAt && IsVideo(codec) && !told) {
    dependencies.Read(View(p.data + p.descriptorAt, p.descriptorSize), &p.frame);
  }
  if (p.frame.described) FollowChains(p);
  size_t spatial = size_t(std::max<int>(p.frame.spatial, 0));
  spatialBytes_[spatial] += p.payloadSize;
  temporals_ = std::max(temporals_, int8_t(p.frame.temporal + 1));
  return true;
}

void IngressStream::TakeSizes(const FrameInfo& frame) {
  if (frame.sizes == 0) return;
  bool same = frame.sizes == spatials_;
  for (size_t s = 0; same && s < spatials_; s++) {
    same = frame.widths[s] == widths_[s] && frame.heights[s] == heights_[s];
  }
  if (same) return;
  spatials_ = frame.sizes;
  std::vector<Record> sizes;
  for (size_t s = 0; s < spatials_; s++) {
    widths_[s] = frame.widths[s];
    heights_[s] = frame.heights[s];
    Record size;
    size.Number("width", widths_[s]).Number("height", heights_[s]);
    sizes.push_back(std::move(size));
  }
  Record event;
  event.Text("type", "layer.resized").Number("track", track.id).Number("layer", layer);
  event.Number("width", widths_[spatials_ - 1]).Number("height", heights_[spatials_ - 1]);
  event.List("spatial", std::move(sizes));
  track.core.Emit(std::move(event));
}

void IngressStream::TakeSound(const PacketRef& packet, Codec codec, Micros now) {
  const Packet& p = *packet;
  if (codec == Codec::kOpus) red.Put(p.sequence, packet, p.payload(), p.timestamp, p.payloadType);
  RedPayload parts;
  if (codec != Codec::kRed || !parts.Parse(p.payload())) return;
  // The oldest block comes first; the one before the primary belongs to the packet before this one.
  for (size_t i = 0; i + 1 < parts.count; i++) {
    const RedPayload::Block& block = parts.blocks[i];
    int64_t sequence = p.sequence - int64_t(parts.count - 1 - i);
    if (block.data.size == 0 || sequence < first_ || !seen_.Fresh(sequence)) continue;
    const IngressPayload* payload = track.PayloadOf(block.payloadType);
    if (!payload || payload->codec != Codec::kOpus) continue;
    PacketRef lost = track.core.pool().Take();
    lost->sequence = sequence;
    lost->timestamp = p.timestamp - block.timestampOffset;
    lost->ssrc = p.ssrc;
    lost->payloadType = block.payloadType;
    lost->layer = layer;
    lost->recovered = true;
    lost->arrival = now;
    lost->payloadAt = 0;
    lost->payloadSize = lost->size = uint16_t(block.data.size);
    std::memcpy(lost->data, block.data.data, block.data.size);
    seen_.Mark(sequence);
    missing_.erase(sequence);
    recoveredCount_++;
    red.Put(sequence, lost, lost->payload(), lost->timestamp, lost->payloadType);
    track.Forward(lost, now);
  }
  const RedPayload::Block& primary = parts.primary();
  packet->redFrames = uint8_t(parts.count - 1);
  red.Put(p.sequence, packet, primary.data, p.timestamp, primary.payloadType);
}

void IngressStream::OnSenderReport(const SenderInfo& info, Micros now) {
  clock.ntp = info.ntp;
  clock.rtp = info.rtp;
  clock.arrival = now;
}

bool IngressStream::MakeReport(ReportBlock* block, Micros now) {
  if (newest_ < 0 || now - lastArrival > 10'000'000) return false;
  uint64_t expected = uint64_t(newest_ - first_ + 1);
  block->ssrc = options.ssrc;
  block->lost = int32_t(int64_t(expected) - int64_t(received_));
  uint64_t expectedInterval = expected - reportedExpected_;
  uint64_t receivedInterval = received_ - reportedReceived_;
  reportedExpected_ = expected;
  reportedReceived_ = received_;
  if (expectedInterval > receivedInterval && expectedInterval > 0) {
    block->fractionLost = uint8_t(std::min<uint64_t>(255, (expectedInterval - receivedInterval) * 256 / expectedInterval));
  }
  block->highest = uint32_t(newest_ - 0x10000);
  block->jitter = uint32_t(jitter_);
  if (clock.known()) {
    block->lastSr = uint32_t(clock.ntp >> 16);
    block->delay = uint32_t((now - clock.arrival) * 65536 / 1'000'000);
  }
  return true;
}

void IngressStream::OnSecond(Micros now) {
  bitrate_ = secondBytes_ * 8;
  secondBytes_ = 0;
  for (size_t s = 0; s < kMostSpatial; s++) {
    spatialBitrates_[s] = spatialBytes_[s] * 8;
    spatialBytes_[s] = 0;
  }
  if (active && now - lastArrival > kActiveWithin) {
    active = false;
    Record event;
    event.Text("type", "layer.stopped").Number("track", track.id).Number("layer", layer);
    track.core.Emit(std::move(event));
  }
}

Record IngressStream::Stats(Micros now) const {
  Record r;
  r.Number("layer", layer).Number("ssrc", options.ssrc).Number("rtxSsrc", options.rtxSsrc);
  r.Number("payloadType", payloadType_);
  r.Number("packets", double(packets_)).Number("bytes", double(bytes_));
  int64_t expected = newest_ < 0 ? 0 : newest_ - first_ + 1;
  r.Number("lost", double(std::max<int64_t>(0, expected - int64_t(received_))));
  r.Number("recovered", double(recoveredCount_)).Number("duplicates", double(duplicates_));
  r.Number("nacks", double(nacks_)).Number("plis", double(plis_));
  r.Number("frames", double(frames_)).Number("keyFrames", double(keyFrames_));
  r.Number("lateDrops", double(lateDrops_));
  size_t largest = spatials_ ? spatials_ - 1u : 0;
  r.Number("width", widths_[largest]).Number("height", heights_[largest]);
  std::vector<double> bitrates;
  for (size_t s = 0; s < kMostSpatial && (s <= largest || spatialBitrates_[s] > 0); s++) {
    bitrates.push_back(double(spatialBitrates_[s]));
  }
  r.Numbers("spatialBitrates", std::move(bitrates)).Number("temporalLayers", temporals_);
  r.Number("jitterMs", jitter_ * 1000 / clockRate).Number("rttMs", AnswerTime() < 0 ? -1 : double(AnswerTime()) / 1000);
  r.Number("bitrate", double(bitrate_));
  r.Number("lastPacketAgeMs", lastArrival < 0 ? -1 : double(now - lastArrival) / 1000);
  return r;
}

}  // namespace parley
