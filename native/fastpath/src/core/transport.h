#pragma once
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/dtls_session.h"
#include "core/egress.h"
#include "core/ice_agent.h"
#include "core/ingress.h"
#include "core/pacer.h"
#include "core/srtp_session.h"
#include "core/transmission_log.h"
#include "core/twcc_recorder.h"

namespace parley {

class Core;

struct TransportOptions {
  std::string ufrag;
  std::string pwd;
  uint64_t pacingBitrate = 10'000'000;
  size_t maxQueued = 2048;
  bool reportRtcp = false;
  bool reportSent = false;
  /** Of a relay leg: where the other worker is. Its SSRCs are declared, and none comes back once it ended. */
  bool hasPeer = false;
  Path peer;
};

struct RemoteParameters {
  bool weAreServer = true;
  std::vector<std::string> fingerprints;
  std::string ufrag;
  std::string pwd;
};

struct TransportCounters {
  uint64_t packetsReceived = 0, bytesReceived = 0, packetsSent = 0, bytesSent = 0, authFailures = 0, replays = 0,
           unroutable = 0, malformed = 0, feedbackSent = 0, nacksReceived = 0, dataReceived = 0, dataSent = 0,
           dataDropped = 0;
};

/** One peer: where it is, how it is encrypted, what it sends and gets. */
class Transport {
 public:
  /** Of an application datagram: with the most that any cipher adds it stays within DtlsSession::kMtu. */
  static constexpr size_t kMaxData = 1100;

  Transport(Core& core, uint32_t id, TransportOptions options);
  ~Transport();

  void OnStun(const StunMessage& message, const Path& path, Micros now);
  void OnDtls(View bytes, Micros now);
  void OnMedia(View bytes, const Path& path, Micros now);
  void OnConnectionClosed(const Path& path);
  /** A decrypted RTP packet of `size` bytes. */
  void HandleRtp(PacketRef packet, size_t size, Micros now);
  /** A decrypted compound RTCP packet. */
  void HandleRtcp(View compound, Micros now);

  void SetRemote(RemoteParameters remote, Micros now);
  void RestartIce(std::string ufrag, std::string pwd) { ice_.Restart(std::move(ufrag), std::move(pwd)); }
  void SetPacing(uint64_t bitrate, Micros now) { pacer_.SetBitrate(bitrate, now); }
  void SetRemb(uint64_t bitrate, Micros now);
  bool Recall(EgressStream& stream) { return pacer_.Forget(stream); }
  void Probe(size_t bytes, uint64_t bitrate, Micros now) { pacer_.Probe(bytes, bitrate, now); }
  /** @returns false when it is larger than kMaxData. */
  bool SendData(View bytes, Micros now);
  /** Application datagrams a second that are passed on, a quarter of that at once; 0: none. */
  void AllowData(uint32_t perSecond, Micros now);
  /** Bits a second that repairs may take; 0: no limit. */
  void SetRepairBudget(uint64_t bitrate, Micros now);
  /** @returns false when the budget is spent, down to the share of it that is `kept` for others. */
  bool TakeRepair(size_t bytes, double kept, Micros now);
  /** Ends it; the reason is told unless it is "closed", which the owner asked for. */
  void Close(const char* reason);

  IngressTrack& AddTrack(uint32_t trackId, IngressTrackOptions options);
  void RemoveTrack(IngressTrack& track);
  EgressStream& AddStream(uint32_t streamId, EgressStreamOptions options);
  void RemoveStream(EgressStream& stream);

  void Dispatch(EgressStream& stream, Rewritten& entry, bool rtx, Micros now) { pacer_.Take(stream, entry, rtx, now); }
  uint32_t NextTransportSequence() { return ++transportSequence_; }
  /** Hands the reserved datagram over and keeps the books. */
  void Sent(size_t size, bool numbered, uint32_t sequence, Micros now);
  void SendRtcp(const Bytes& compound, Micros now);
  size_t SendPadding(Micros now);

  TransmissionLog& transmissions() { return transmissions_; }

  bool ready() const { return connected_ && ice_.hasSelected() && !closed_; }
  bool closed() const { return closed_; }
  /** To the peer and back as it reports by RTCP, -1 until it does. */
  Micros roundTrip() const { return roundTrip_; }
  SrtpSession* srtp() { return srtp_.get(); }
  IceAgent& ice() { return ice_; }
  const std::vector<std::unique_ptr<IngressTrack>>& tracks() const { return tracks_; }
  const std::vector<std::unique_ptr<EgressStream>>& streams() const { return streams_; }
  uint32_t rtcpSsrc() const { return rtcpSsrc_; }
  bool TestKeys(SrtpProfile* profile, Bytes* local, Bytes* remote) const {
    return dtls_ && dtls_->HasKeys() && dtls_->ExportSrtp(profile, local, remote);
  }
  Record Stats() const;

  const uint32_t id;
  TransportCounters counters;
  /** Its place in the sound wave that leaves; -1: not reached by it. */
  int32_t waveAt = -1;

 private:
  struct Route {
    IngressStream* stream = nullptr;
    bool rtx = false;
  };
  void OnRtp(View bytes, const Path& path, Micros now);
  void OnRtcp(View bytes, const Path& path, Micros now);
  Route Resolve(uint32_t ssrc, uint8_t payloadType, View mid, View rid, View repairedRid);
  /** On a relay leg only what was declared is opened, so that what ended leaves no state behind. */
  bool Declared(View bytes) const;
  void Count(Unprotect result);
  void AfterDtls(Micros now);
  /** Keys SRTP: what comes can be opened. */
  void TryKeys();
  /** What the peer sends proves that it has the keys, or it has had the time to get them: media goes out. */
  void Connect(Micros now);
  void AnswerCheck(const IceAgent::Outcome& outcome, const Path& path, Micros now);
  void MediaProven(const Path& path, Micros now);
  void PathChanged();
  void FlushSent();
  bool TakeData(Micros now);
  void OnDtlsTimer(Micros now);
  void HandleVerdicts(View fci, Micros now);
  void OnSecond(Micros now);
  void OnReferenceAnswer(const ReferenceAnswer& answer, Micros now);
  void OnFeedbackTimer(Micros now);

  Core& core_;
  TransportOptions options_;
  IceAgent ice_;
  std::unique_ptr<DtlsSession> dtls_;
  std::unique_ptr<SrtpSession> srtp_;
  RemoteParameters remote_;
  bool hasRemote_ = false;
  bool connected_ = false;
  bool closed_ = false;
  Micros created_;
  Micros lastCheck_ = 0;
  int checkCopies_ = 0;
  Micros checkCopiesSince_ = 0;
  uint32_t rtcpSsrc_;

  ExtensionMap extensions_;
  std::vector<std::unique_ptr<IngressTrack>> tracks_;
  std::vector<std::unique_ptr<EgressStream>> streams_;
  std::unordered_map<uint32_t, Route> routes_;
  std::unordered_map<uint32_t, EgressStream*> streamsBySsrc_;
  Pacer pacer_;
  TransmissionLog transmissions_;
  TwccRecorder twcc_;
  uint32_t feedbackMedia_ = 0;
  uint32_t transportSequence_ = 0;
  uint64_t remb_ = 0;
  uint64_t repairBitrate_ = 0;
  double repairTokens_ = 0;
  Micros repairFilled_ = 0;
  Bytes sent_;
  struct SentReference {
    uint32_t ntpMiddle = 0;
    Micros at = 0;
  };
  /** Senders of sound report each five seconds. */
  SentReference references_[8];
  size_t nextReference_ = 0;
  Micros roundTrip_ = -1;
  uint32_t dataRate_ = 0;
  double dataTokens_ = 0;
  Micros dataFilled_ = 0;

  OwnerTimer<Transport, &Transport::OnDtlsTimer> dtlsTimer_{this};
  OwnerTimer<Transport, &Transport::OnSecond> secondTimer_{this};
  OwnerTimer<Transport, &Transport::OnFeedbackTimer> feedbackTimer_{this};
};

}  // namespace parley
