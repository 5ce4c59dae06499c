// One published section: from its layers to the streams of its subscribers.
#include "core/ingress.h"

#include <algorithm>

#include "core/core.h"
#include "core/egress.h"
#include "core/transport.h"

namespace parley {

namespace {

constexpr size_t kMostHeld = 64;
// Viewers come and go: the next one may be a moment away.
constexpr Micros kCacheLingers = 10'000'000;

}  // namespace

IngressTrack::IngressTrack(Core& c, Transport& t, uint32_t i, IngressTrackOptions o)
    : core(c), transport(t), id(i), options(std::move(o)) {
  if (options.layers.empty()) {
    layers.push_back(std::make_unique<IngressStream>(*this, 0, IngressLayerOptions()));
  }
  for (size_t l = 0; l < options.layers.size(); l++) {
    layers.push_back(std::make_unique<IngressStream>(*this, uint8_t(l), options.layers[l]));
  }
}

IngressTrack::~IngressTrack() {
  core.ForgetLevel(*this);
  core.ForgetRelease(*this);
  core.wave().Forget(*this);
  core.fanOut().Forget(*this);
  std::vector<EgressStream*> streams;
  streams.swap(streams_);
  for (EgressStream* stream : streams) stream->OnSourceGone();
}

void IngressTrack::Forward(const PacketRef& packet, Micros now) {
  if (!open_) return;
  bool complete = packet->marker || !options.video || core.options().frameHold == 0;
  Hold({packet, packet->layer, packet->sequence}, complete, now);
}

void IngressTrack::Skip(uint8_t layer, int64_t sequence) { Hold({PacketRef(), layer, sequence}, held_.empty(), core.now()); }

// The packets of a frame, or sounds of several, leave together, one subscriber after the other: equal ones share a system call.
void IngressTrack::Hold(HeldPacket held, bool complete, Micros now) {
  held_.push_back(std::move(held));
  if (!options.video && held_.size() < kMostHeld && core.wave().Wanted(*this, streams_.size(), now)) {
    core.wave().Join(*this, streams_.size(), now);
  } else if (!options.video || core.options().frameHold == 0 || held_.size() >= kMostHeld) {
    Release(now);
  } else if (complete) {
    if (!due_) core.ReleaseLater(*this);
    due_ = true;
  } else if (!due_ && !holdTimer_.armed()) {
    core.wheel().Arm(holdTimer_, now + core.options().frameHold);
  }
}

void IngressTrack::Release(Micros now) {
  if (options.video) {
    Begin(now);
    core.fanOut().Finish(*this, now);
    return;
  }
  core.wave().Forget(*this);
  for (EgressStream* stream : streams_) Deliver(held_, *stream, now);
  held_.clear();
}

void IngressTrack::Begin(Micros now) {
  if (due_) core.ForgetRelease(*this);
  due_ = false;
  holdTimer_.Cancel();
  if (!held_.empty()) core.fanOut().Add(*this, std::move(held_), now);
  held_.clear();
}

void IngressTrack::Remember(const std::vector<HeldPacket>& packets, Micros now) {
  if (!Caches(now)) return;
  for (const HeldPacket& held : packets) {
    PictureCache& cache = layers[held.layer]->cache;
    if (held.packet) {
      cache.Add(held.packet, now);
    } else {
      cache.Skip(held.sequence, now);
    }
  }
}

void IngressTrack::Deliver(const std::vector<HeldPacket>& packets, EgressStream& stream, Micros now) {
  for (const HeldPacket& held : packets) Deliver(held, stream, now);
}

size_t IngressTrack::LargestHeld() const {
  size_t largest = 0;
  for (const HeldPacket& held : held_) largest = std::max<size_t>(largest, held.packet ? held.packet->payloadSize : 0);
  return largest;
}

void IngressTrack::Deliver(const HeldPacket& held, EgressStream& stream, Micros now) {
  if (held.packet) {
    stream.Forward(held.packet, now);
  } else {
    stream.Skip(held.layer, held.sequence);
  }
}

void IngressTrack::OnLayerRestart(uint8_t layer) {
  Release(core.now());
  layers[layer]->cache.Clear();
  for (EgressStream* stream : streams_) stream->OnLayerRestart(layer);
}

void IngressTrack::Attach(EgressStream& stream) {
  streams_.push_back(&stream);
  if (!options.video || stream.options.startFromCache == 0) return;
  cacheUsers_++;
  for (auto& layer : layers) layer->cache.Reach(stream.options.startFromCache);
}

void IngressTrack::Replay(EgressStream& stream, int layer, Micros now) {
  if (!open_) return;
  Release(now);
  if (stream.shows()) return;
  for (int at = std::min(layer, int(layers.size()) - 1); at >= 0; at--) {
    IngressStream& source = *layers[size_t(at)];
    const auto& entries = source.cache.Entries(now);
    if (entries.empty() || !stream.MayStartFrom(*entries.front().packet, now)) continue;
    for (const PictureCache::Entry& entry : entries) Deliver({entry.packet, source.layer, entry.sequence}, stream, now);
    return;
  }
}

bool IngressTrack::Caches(Micros now) {
  if (cacheUsers_ > 0 || now < cacheUntil_) return true;
  if (cacheUntil_ > 0) ForgetPictures();
  cacheUntil_ = 0;
  return false;
}

void IngressTrack::ForgetPictures() {
  for (auto& layer : layers) layer->cache.Clear();
}

void IngressTrack::Detach(EgressStream& stream) {
  auto found = std::find(streams_.begin(), streams_.end(), &stream);
  if (found == streams_.end()) return;
  core.fanOut().OnDetach(*this, size_t(found - streams_.begin()));
  streams_.erase(found);
  if (options.video && stream.options.startFromCache && --cacheUsers_ == 0) cacheUntil_ = core.now() + kCacheLingers;
}

void IngressTrack::SetGate(bool open) {
  if (open && !open_) gateEpoch++;
  if (!open) Release(core.now());
  open_ = open;
  if (!open) ForgetPictures();
  if (open && options.video) RequestKeyFrame(-1, core.now());
}

void IngressTrack::RequestKeyFrame(int layer, Micros now) {
  if (layer < 0) {
    for (auto& stream : layers) {
      if (stream->active) stream->RequestKeyFrame(now);
    }
    return;
  }
  if (IngressStream* stream = Layer(layer)) stream->RequestKeyFrame(now);
}

const IngressPayload* IngressTrack::PayloadOf(uint8_t payloadType) const {
  for (const IngressPayload& p : options.payloads) {
    if (p.payloadType == payloadType) return &p;
  }
  return nullptr;
}

const IngressPayload* IngressTrack::PayloadOfRtx(uint8_t payloadType) const {
  if (payloadType == 0) return nullptr;
  for (const IngressPayload& p : options.payloads) {
    if (p.rtxPayloadType == payloadType) return &p;
  }
  return nullptr;
}

void IngressTrack::OnLevel(uint8_t byte) {
  uint8_t value = byte & 0x7f;
  if (level.packets == 0) core.RememberLevel(*this);
  level.loudest = std::min(level.loudest, value);
  level.sum += value;
  level.packets++;
  if (byte & 0x80) level.voice++;
}

Record IngressTrack::Stats(Micros now) const {
  std::vector<Record> list;
  for (auto& layer : layers) list.push_back(layer->Stats(now));
  Record r;
  r.Number("id", id).List("layers", std::move(list));
  return r;
}

}  // namespace parley
