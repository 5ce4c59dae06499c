#include "core/core.h"

#include <openssl/rand.h>

#include <algorithm>
#include <chrono>

#include "core/stats_walk.h"

namespace parley {

namespace {

constexpr uint64_t kNtpEpoch = 2208988800ull;

}  // namespace

Core::Core(CoreOptions options, Outlet& outlet) : options_(options), outlet_(outlet) {
  auto wall = std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch());
  ntpAtZero_ = (uint64_t(wall.count()) + kNtpEpoch) << 32;
  wheel_.Start(0);
}

Core::~Core() {
  graveyard_.clear();
  transports_.clear();
}

uint32_t Core::Random() {
  if (randomAt_ + 4 > sizeof random_) {
    RAND_bytes(random_, sizeof random_);
    randomAt_ = 0;
  }
  uint32_t value = Get32(random_ + randomAt_);
  randomAt_ += 4;
  return value;
}

uint64_t Core::Ntp(Micros now) const {
  return ntpAtZero_ + (uint64_t(now / 1'000'000) << 32) + (uint64_t(now % 1'000'000) << 32) / 1'000'000;
}

void Core::SendDatagram(const Path& path, View bytes) {
  if (bytes.size > kMaxPacket) return;
  uint8_t* out = outlet_.Reserve();
  if (!out) return;
  std::memcpy(out, bytes.data, bytes.size);
  outlet_.Commit(path, bytes.size);
}

void Core::LearnPath(const Path& path, Transport& transport) {
  Transport*& owner = paths_[path];
  if (owner && owner != &transport) {
    // Whoever pretends to come from another worker's address takes nothing from it.
    if (owner->ice().fixed()) return;
    owner->ice().Forget(path);
  }
  owner = &transport;
}

void Core::ForgetPath(const Path& path, Transport& transport) {
  auto found = paths_.find(path);
  if (found != paths_.end() && found->second == &transport) paths_.erase(found);
}

void Core::OnDatagram(View bytes, const Path& path, Micros now, Micros arrival) {
  now_ = now;
  arrival_ = arrival;
  received_++;
  if (bytes.size < 2) {
    strays_++;
    return;
  }
  // RFC 7983 section 7.
  uint8_t first = bytes[0];
  if (first <= 3) {
    StunMessage message;
    if (!message.Parse(bytes)) {
      stunErrors_++;
      return;
    }
    Transport* transport = nullptr;
    if (message.hasUsername) {
      auto found = ufrags_.find(message.username.substr(0, message.username.find(':')));
      if (found != ufrags_.end()) transport = found->second;
    } else {
      auto found = paths_.find(path);
      if (found != paths_.end()) transport = found->second;
    }
    if (transport) {
      transport->OnStun(message, path, now);
    } else {
      strays_++;
    }
  } else if ((first >= 20 && first <= 63) || (first >= 128 && first <= 191)) {
    auto found = paths_.find(path);
    if (found == paths_.end()) {
      strays_++;
    } else if (first <= 63) {
      found->second->OnDtls(bytes, now);
    } else {
      found->second->OnMedia(bytes, path, now);
    }
  } else {
    strays_++;
  }
  if (!graveyard_.empty()) Sweep();
}

void Core::OnConnectionClosed(const Path& path) {
  auto found = paths_.find(path);
  if (found == paths_.end()) return;
  found->second->OnConnectionClosed(path);
  paths_.erase(found);
}

void Core::Advance(Micros now) {
  now_ = now;
  wheel_.Advance(now);
  std::vector<IngressTrack*> due;
  due.swap(due_);
  for (IngressTrack* track : due) track->Begin(now);
  Sweep();
}

void Core::ForgetRelease(IngressTrack& track) { due_.erase(std::remove(due_.begin(), due_.end(), &track), due_.end()); }

void Core::Sweep() { graveyard_.clear(); }

void Core::Bury(Transport& transport) {
  for (const Path& path : transport.ice().paths()) ForgetPath(path, transport);
  ufrags_.erase(transport.ice().ufrag());
  for (auto& track : transport.tracks()) tracks_.erase(track->id);
  for (auto& stream : transport.streams()) streams_.erase(stream->id);
  auto found = transports_.find(transport.id);
  if (found == transports_.end()) return;
  graveyard_.push_back(std::move(found->second));
  transports_.erase(found);
}

void Core::RememberLevel(IngressTrack& track) {
  levelTracks_.push_back(&track);
  if (!levelTimer_.armed()) wheel_.Arm(levelTimer_, now_ + options_.levelInterval);
}

void Core::ForgetLevel(IngressTrack& track) {
  levelTracks_.erase(std::remove(levelTracks_.begin(), levelTracks_.end(), &track), levelTracks_.end());
}

void Core::OnLevels(Micros) {
  std::vector<Record> levels;
  for (IngressTrack* track : levelTracks_) {
    IngressTrack::Level& l = track->level;
    Record r;
    r.Number("trackId", track->id).Number("level", l.loudest).Number("mean", double(l.sum) / l.packets);
    r.Number("voicePackets", l.voice).Number("packets", l.packets);
    levels.push_back(std::move(r));
    l = IngressTrack::Level();
  }
  levelTracks_.clear();
  Record event;
  event.Text("type", "levels.measured").List("levels", std::move(levels));
  Emit(std::move(event));
}

void Core::Fail(const char* command, const char* reason) {
  Record event;
  event.Text("type", "command.failed").Text("command", command).Text("reason", reason);
  Emit(std::move(event));
}

Transport* Core::FindTransport(uint32_t id) const {
  auto found = transports_.find(id);
  return found == transports_.end() ? nullptr : found->second.get();
}

IngressTrack* Core::FindTrack(uint32_t id) const {
  auto found = tracks_.find(id);
  return found == tracks_.end() ? nullptr : found->second;
}

EgressStream* Core::FindStream(uint32_t id) const {
  auto found = streams_.find(id);
  return found == streams_.end() ? nullptr : found->second;
}

void Core::CreateTransport(uint32_t id, TransportOptions options) {
  if (FindTransport(id)) return Fail("createTransport", "the id is taken");
  if (options.ufrag.size() < 4 || options.pwd.size() < 22) return Fail("createTransport", "ICE credentials are too short");
  if (ufrags_.count(options.ufrag)) return Fail("createTransport", "the ICE user fragment is taken");
  std::string ufrag = options.ufrag;
  bool hasPeer = options.hasPeer;
  Path peer = options.peer;
  if (hasPeer) {
    auto found = paths_.find(peer);
    if (found != paths_.end() && found->second->ice().fixed()) return Fail("createTransport", "the path is taken");
  }
  auto transport = std::make_unique<Transport>(*this, id, std::move(options));
  if (hasPeer) LearnPath(peer, *transport);
  ufrags_[ufrag] = transport.get();
  transports_[id] = std::move(transport);
}

// Commands to a transport that ended by itself meanwhile are no mistake: its end is on the way to the caller.
void Core::SetRemote(uint32_t id, RemoteParameters remote) {
  if (Transport* transport = FindTransport(id)) transport->SetRemote(std::move(remote), now_);
  Sweep();
}

void Core::RestartIce(uint32_t id, std::string ufrag, std::string pwd) {
  Transport* transport = FindTransport(id);
  if (!transport) return;
  if (ufrag.size() < 4 || pwd.size() < 22 || ufrags_.count(ufrag)) return Fail("restartIce", "bad ICE credentials");
  ufrags_.erase(transport->ice().ufrag());
  ufrags_[ufrag] = transport;
  transport->RestartIce(std::move(ufrag), std::move(pwd));
}

void Core::SetPacing(uint32_t id, uint64_t bitrate) {
  if (Transport* transport = FindTransport(id)) transport->SetPacing(bitrate, now_);
}

void Core::SendData(uint32_t id, View bytes) {
  Transport* transport = FindTransport(id);
  if (transport && !transport->SendData(bytes, now_)) Fail("sendData", "more than 1100 bytes");
  Sweep();
}

void Core::AllowData(uint32_t id, uint32_t perSecond) {
  if (Transport* transport = FindTransport(id)) transport->AllowData(perSecond, now_);
}

void Core::SetRemb(uint32_t id, uint64_t bitrate) {
  if (Transport* transport = FindTransport(id)) transport->SetRemb(bitrate, now_);
}

void Core::Probe(uint32_t id, size_t bytes, uint64_t bitrate) {
  if (Transport* transport = FindTransport(id)) transport->Probe(bytes, bitrate, now_);
}

void Core::CloseTransport(uint32_t id) {
  if (Transport* transport = FindTransport(id)) transport->Close("closed");
  Sweep();
}

void Core::CreateTrack(uint32_t id, uint32_t transportId, IngressTrackOptions options) {
  Transport* transport = FindTransport(transportId);
  if (!transport) return;
  if (tracks_.count(id)) return Fail("createTrack", "the id is taken");
  if (options.layers.size() > 8) return Fail("createTrack", "more than 8 layers");
  tracks_[id] = &transport->AddTrack(id, std::move(options));
}

void Core::SetTrackGate(uint32_t id, bool open) {
  auto found = tracks_.find(id);
  if (found != tracks_.end()) found->second->SetGate(open);
}

void Core::RequestKeyFrame(uint32_t id, int layer) {
  auto found = tracks_.find(id);
  if (found != tracks_.end()) found->second->RequestKeyFrame(layer, now_);
}

void Core::CloseTrack(uint32_t id) {
  auto found = tracks_.find(id);
  if (found == tracks_.end()) return;
  IngressTrack* track = found->second;
  tracks_.erase(found);
  track->transport.RemoveTrack(*track);
}

void Core::CreateStream(uint32_t id, uint32_t transportId, uint32_t trackId, EgressStreamOptions options) {
  Transport* transport = FindTransport(transportId);
  if (!transport) return;
  if (streams_.count(id)) return Fail("createStream", "the id is taken");
  if (options.ssrc == 0) return Fail("createStream", "the SSRC is 0");
  int layer = options.layer;
  EgressStream& stream = transport->AddStream(id, std::move(options));
  streams_[id] = &stream;
  auto track = tracks_.find(trackId);
  if (track != tracks_.end()) stream.SetSource(track->second, layer, now_);
}

void Core::SelectLayer(uint32_t id, int layer, int temporal, int spatial) {
  auto found = streams_.find(id);
  if (found != streams_.end()) found->second->SelectLayer(layer, temporal, spatial, now_);
}

void Core::SetSource(uint32_t id, uint32_t trackId, int layer) {
  auto found = streams_.find(id);
  if (found == streams_.end()) return;
  auto track = tracks_.find(trackId);
  found->second->SetSource(track == tracks_.end() ? nullptr : track->second, layer, now_);
}

void Core::SetPaused(const std::vector<uint32_t>& ids, bool paused) {
  for (uint32_t id : ids) {
    auto found = streams_.find(id);
    if (found != streams_.end()) found->second->SetPaused(paused, now_);
  }
}

void Core::SetPlayoutDelay(uint32_t id, int minMs, int maxMs) {
  auto found = streams_.find(id);
  if (found != streams_.end()) found->second->SetPlayoutDelay(minMs, maxMs);
}

void Core::SetRepair(uint32_t id, const RepairOptions& repair) {
  auto found = streams_.find(id);
  if (found != streams_.end()) found->second->SetRepair(repair);
}

void Core::SetRepairBudget(uint32_t id, uint64_t bitrate) {
  if (Transport* transport = FindTransport(id)) transport->SetRepairBudget(bitrate, now_);
}

void Core::CloseStream(uint32_t id) {
  auto found = streams_.find(id);
  if (found == streams_.end()) return;
  EgressStream* stream = found->second;
  streams_.erase(found);
  stream->transport.RemoveStream(*stream);
}

Record Core::Stats() const {
  StatsWalk walk(*this);
  walk.Continue(*this, SIZE_MAX);
  return walk.Finish(*this);
}

void Core::ListIds(std::vector<uint32_t>* transports, std::vector<uint32_t>* tracks, std::vector<uint32_t>* streams) const {
  for (auto& [id, transport] : transports_) transports->push_back(id);
  for (auto& [id, track] : tracks_) tracks->push_back(id);
  for (auto& [id, stream] : streams_) streams->push_back(id);
}

void Core::AddTotals(Record* stats) const {
  stats->Number("strayPackets", double(strays_)).Number("stunErrors", double(stunErrors_));
  stats->Number("packetsReceived", double(received_));
  stats->Number("buffersInUse", double(pool_.in_use())).Number("buffersPooled", double(pool_.pooled()));
}

}  // namespace parley
