#include <algorithm>

#include "core/core.h"
#include "core/egress.h"
#include "core/transport.h"

namespace parley {

namespace {

// Sender reports that put a picture further away than this from where its arrival puts it are wrong.
constexpr Micros kLargestClockDoubt = 1'000'000;
constexpr Micros kLargestMeasuredDoubt = 100'000;

bool Within(uint32_t one, uint32_t other, Micros doubt, uint32_t clockRate) {
  int64_t apart = int64_t(int32_t(one - other)) * 1'000'000 / int64_t(clockRate);
  return apart > -doubt && apart < doubt;
}

}  // namespace

uint32_t EgressStream::AlignedTimestamp(const Packet& p, const IngressStream& stream) const {
  uint32_t clockRate = stream.clockRate;
  Micros passed = std::max<Micros>(p.arrival - lastArrival_, 0);
  uint32_t byArrival = lastTimestamp_ + uint32_t(passed * int64_t(clockRate) / 1'000'000);
  if (syncedTo_ != source_) return byArrival;
  uint32_t chosen = byArrival;
  Micros doubt = kLargestClockDoubt;
  // A key frame takes longer to come than the pictures before it; the quickest packets of both layers tell how
  // their clocks stand to each other.
  uint32_t before = 0, after = 0;
  for (const auto& layer : source_->layers) {
    if (layer->options.ssrc != syncedSsrc_ || !layer->Transit(&before) || !stream.Transit(&after)) continue;
    uint32_t measured = p.timestamp + after - before + timestampOffset_;
    if (!Within(measured, byArrival, kLargestClockDoubt, clockRate)) break;
    chosen = measured;
    doubt = kLargestMeasuredDoubt;
  }
  if (syncedClock_.known() && stream.clock.known()) {
    int32_t sinceNew = int32_t(p.timestamp - stream.clock.rtp);
    double ntpSeconds = double(int64_t(stream.clock.ntp - syncedClock_.ntp)) / 4294967296.0;
    double seconds = double(sinceNew) / clockRate + ntpSeconds;
    uint32_t exact = syncedClock_.rtp + uint32_t(int64_t(seconds * clockRate)) + timestampOffset_;
    if (Within(exact, chosen, doubt, clockRate)) chosen = exact;
  }
  return chosen;
}

bool EgressStream::Select(const PacketRef& packet, const EgressPayload& payload, int64_t picture, Micros now) {
  const Packet& p = *packet;
  const FrameInfo& f = p.frame;
  int before = selector_.spatial();
  verdict_ = selector_.Judge(p);
  if (selector_.spatial() != before) {
    Record event;
    event.Text("type", "layer.switched").Number("stream", id).Number("layer", p.layer);
    event.Number("spatial", selector_.spatial());
    core_.Emit(std::move(event));
  }
  // A chain can mend only with a key frame; one whose beginning came last brought no more layers.
  if (verdict_.broken || (f.startOfKeyFrame && selector_.AwaitsKeyFrame())) source_->RequestKeyFrame(p.layer, now);
  if (verdict_.forward) return true;
  if (!sequences_.Drop(p.sequence)) Fill(packet, payload, now);
  // VP8 receivers wait for every picture id; VP9 ones derive the layer pattern from it.
  if (picture >= 0 && f.spatial < 0) pictures_.Drop(picture);
  return false;
}

void EgressStream::Fill(const PacketRef& packet, const EgressPayload& payload, Micros now) {
  Rewritten entry;
  entry.sequence = sequences_.Map(packet->sequence);
  if (entry.sequence < 0) return;
  entry.packet = core_.pool().Take();
  entry.packet->payloadAt = 0;
  entry.packet->payloadSize = 0;
  entry.created = now;
  entry.timestamp = packet->timestamp + timestampOffset_;
  entry.payloadType = payload.payloadType;
  entry.rtxPayloadType = payload.rtxPayloadType;
  if (options.historyPackets == 0) return transport.Dispatch(*this, entry, false, now);
  transport.Dispatch(*this, history_.Put(std::move(entry), now), false, now);
}

}  // namespace parley
