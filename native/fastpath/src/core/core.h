#pragma once
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/dtls_session.h"
#include "core/fan_out.h"
#include "core/net_address.h"
#include "core/packet.h"
#include "core/path_reports.h"
#include "core/record.h"
#include "core/sound_wave.h"
#include "core/timer_wheel.h"
#include "core/transport.h"

namespace parley {

/** Where datagrams go. Reserve gives room for kMaxPacket bytes (or null: full), Commit sends what was written. */
class Outlet {
 public:
  virtual ~Outlet() = default;
  virtual uint8_t* Reserve() = 0;
  virtual void Commit(const Path& path, size_t size) = 0;
};

struct CoreOptions {
  Micros consentTimeout = 30'000'000;
  Micros connectTimeout = 30'000'000;
  Micros levelInterval = 100'000;
  Micros feedbackInterval = 50'000;
  /** How long video may wait for the rest of its frame, so that it leaves in fewer calls; 0: not at all. */
  Micros frameHold = 0;
  /** Packets of pictures that are sent on before what came meanwhile is looked at: about half a millisecond. */
  size_t piece = 128;
  /** How long what transports report is collected before it is told; 0: not at all. */
  Micros reportHold = 0;
};

/**
 * The packet path without sockets, threads and clock. Owns everything below it; all calls from one
 * thread; time comes in as an argument and never goes back.
 */
class Core {
 public:
  Core(CoreOptions options, Outlet& outlet);
  ~Core();
  Core(const Core&) = delete;

  void OnDatagram(View bytes, const Path& path, Micros now) { OnDatagram(bytes, path, now, now); }
  /** `arrival` is when the network handed it over, which may be a little before `now`. */
  void OnDatagram(View bytes, const Path& path, Micros now, Micros arrival);
  void OnConnectionClosed(const Path& path);
  /** Fires what is due. */
  void Advance(Micros now);
  /** Sends on a piece of the pictures that are on their way. */
  void Work(Micros now) { fanOut_.Work(options_.piece, now); }
  bool hasWork() const { return fanOut_.pending(); }
  /** -1 when nothing is pending. */
  Micros NextDeadline() const { return wheel_.NextDeadline(); }
  /** Time stands still between calls; commands happen at the last time told. */
  void SetNow(Micros now) { now_ = arrival_ = now; }
  std::vector<Record> TakeEvents() { return std::move(events_); }
  bool hasEvents() const { return !events_.empty(); }

  void CreateTransport(uint32_t id, TransportOptions options);
  void SetRemote(uint32_t id, RemoteParameters remote);
  void RestartIce(uint32_t id, std::string ufrag, std::string pwd);
  void SetPacing(uint32_t id, uint64_t bitrate);
  void SendData(uint32_t id, View bytes);
  void AllowData(uint32_t id, uint32_t perSecond);
  void SetRemb(uint32_t id, uint64_t bitrate);
  void Probe(uint32_t id, size_t bytes, uint64_t bitrate);
  void CloseTransport(uint32_t id);
  void CreateTrack(uint32_t id, uint32_t transport, IngressTrackOptions options);
  void SetTrackGate(uint32_t id, bool open);
  void RequestKeyFrame(uint32_t id, int layer);
  void CloseTrack(uint32_t id);
  void CreateStream(uint32_t id, uint32_t transport, uint32_t track, EgressStreamOptions options);
  void SelectLayer(uint32_t id, int layer, int temporal, int spatial);
  void SetSource(uint32_t id, uint32_t track, int layer);
  void SetPaused(const std::vector<uint32_t>& ids, bool paused);
  void SetPlayoutDelay(uint32_t id, int minMs, int maxMs);
  void SetRepair(uint32_t id, const RepairOptions& repair);
  void SetRepairBudget(uint32_t id, uint64_t bitrate);
  void CloseStream(uint32_t id);
  /** All counters at once; `StatsWalk` collects them in pieces. */
  Record Stats() const;
  void ListIds(std::vector<uint32_t>* transports, std::vector<uint32_t>* tracks, std::vector<uint32_t>* streams) const;
  void AddTotals(Record* stats) const;
  Transport* FindTransport(uint32_t id) const;
  IngressTrack* FindTrack(uint32_t id) const;
  EgressStream* FindStream(uint32_t id) const;

  // For the entities below.
  Micros now() const { return now_; }
  Micros arrival() const { return arrival_; }
  TimerWheel& wheel() { return wheel_; }
  PacketPool& pool() { return pool_; }
  SoundWave& wave() { return wave_; }
  FanOut& fanOut() { return fanOut_; }
  DtlsContext& dtls() { return dtls_; }
  Outlet& outlet() { return outlet_; }
  const CoreOptions& options() const { return options_; }
  void Emit(Record event) { events_.push_back(std::move(event)); }
  PathReports& reports() { return reports_; }
  void SendDatagram(const Path& path, View bytes);
  void LearnPath(const Path& path, Transport& transport);
  void ForgetPath(const Path& path, Transport& transport);
  bool KnowsPath(const Path& path) const { return paths_.count(path) > 0; }
  void Bury(Transport& transport);
  /** The track has a whole frame: it goes out after this turn, behind the audio that came in it. */
  void ReleaseLater(IngressTrack& track) { due_.push_back(&track); }
  void ForgetRelease(IngressTrack& track);
  void RememberLevel(IngressTrack& track);
  void ForgetLevel(IngressTrack& track);
  uint32_t Random();
  uint64_t Ntp(Micros now) const;

 private:
  void Fail(const char* command, const char* reason);
  void OnLevels(Micros now);
  void Sweep();

  CoreOptions options_;
  Outlet& outlet_;
  Micros now_ = 0;
  Micros arrival_ = 0;
  uint64_t ntpAtZero_;
  PacketPool pool_;
  TimerWheel wheel_;
  DtlsContext dtls_;
  std::vector<Record> events_;
  PathReports reports_{*this};
  std::unordered_map<uint32_t, std::unique_ptr<Transport>> transports_;
  std::unordered_map<uint32_t, IngressTrack*> tracks_;
  std::unordered_map<uint32_t, EgressStream*> streams_;
  std::unordered_map<std::string, Transport*> ufrags_;
  std::unordered_map<Path, Transport*, PathHash> paths_;
  std::vector<std::unique_ptr<Transport>> graveyard_;
  std::vector<IngressTrack*> levelTracks_;
  std::vector<IngressTrack*> due_;
  SoundWave wave_{*this};
  FanOut fanOut_;
  OwnerTimer<Core, &Core::OnLevels> levelTimer_{this};
  uint8_t random_[256];
  size_t randomAt_ = sizeof random_;
  uint64_t strays_ = 0;
  uint64_t stunErrors_ = 0;
  uint64_t received_ = 0;
};

}  // namespace parley
