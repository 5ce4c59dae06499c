#pragma once
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/dependency_descriptor.h"
#include "core/fan_out.h"
#include "core/frame_chains.h"
#include "core/header_extensions.h"
#include "core/packet.h"
#include "core/payload_descriptor.h"
#include "core/picture_cache.h"
#include "core/record.h"
#include "core/red_history.h"
#include "core/rtcp.h"
#include "core/srtp_session.h"
#include "core/timer_wheel.h"

namespace parley {

class Core;
class Transport;
class EgressStream;
class IngressTrack;

struct IngressPayload {
  Codec codec = Codec::kOther;
  uint8_t payloadType = 0;
  uint8_t rtxPayloadType = 0;
  uint32_t clockRate = 90000;
};

struct IngressLayerOptions {
  std::string rid;
  uint32_t ssrc = 0;
  uint32_t rtxSsrc = 0;
};

struct IngressTrackOptions {
  bool video = false;
  bool nack = false;
  bool pli = false;
  std::string mid;
  std::vector<IngressPayload> payloads;
  std::vector<std::pair<Extension, uint8_t>> extensions;
  std::vector<IngressLayerOptions> layers;
};

/** The publisher's clock, from its last sender report. */
struct SourceClock {
  uint64_t ntp = 0;
  uint32_t rtp = 0;
  Micros arrival = -1;
  bool known() const { return arrival >= 0; }
};

/**
 * The least time packets took to come, over the last seconds: of two layers of one camera, it ties their clocks
 * together within a few milliseconds where no sender reports do.
 */
class LeastTransit {
 public:
  void Add(Micros now, uint32_t clockRate, uint32_t timestamp) {
    uint32_t transit = uint32_t(now * int64_t(clockRate) / 1'000'000) - timestamp;
    if (now - begun_ > kSpan || !known_) {
      before_ = known_ ? least_ : transit;
      least_ = transit;
      begun_ = now;
      known_ = true;
    } else if (int32_t(transit - least_) < 0) {
      least_ = transit;
    }
  }
  bool Least(uint32_t* ticks) const {
    *ticks = int32_t(before_ - least_) < 0 ? before_ : least_;
    return known_;
  }
  void Reset() { known_ = false; }

 private:
  static constexpr Micros kSpan = 2'000'000;
  bool known_ = false;
  Micros begun_ = 0;
  uint32_t least_ = 0;
  uint32_t before_ = 0;
};

/** One received SSRC with its retransmission SSRC: order, losses, key frames, counters. */
class IngressStream {
 public:
  IngressStream(IngressTrack& track, uint8_t layer, IngressLayerOptions options);

  void OnPacket(PacketRef packet, uint16_t sequence, bool recovered, Micros now);
  void OnSenderReport(const SenderInfo& info, Micros now);
  /** Asks the publisher; requests within the throttle become one. */
  void RequestKeyFrame(Micros now);
  bool MakeReport(ReportBlock* block, Micros now);
  void Restart(uint32_t ssrc);
  void OnSecond(Micros now);
  Record Stats(Micros now) const;

  IngressTrack& track;
  const uint8_t layer;
  IngressLayerOptions options;
  SourceClock clock;
  uint32_t clockRate = 90000;
  bool active = false;
  Micros lastArrival = -1;
  /** When the frame before the newest one began to arrive. */
  Micros previousFrameArrival = -1;
  /** Filled while the track has viewers who start from it. */
  PictureCache cache;
  /** The last frames of a sound. */
  RedHistory red;
  DependencyReader dependencies;
  /** How long the least delayed packets of late took to come, in ticks of the media clock; only differences mean anything. */
  bool Transit(uint32_t* ticks) const { return transits_.Least(ticks); }

 private:
  struct Missing {
    Micros noticed = 0;
    Micros asked = 0;
    Micros firstAsked = 0;
    int tries = 0;
  };
  /** @returns false when the payload is malformed. */
  bool ReadFrame(Packet& packet, Codec codec);
  void TakeSizes(const FrameInfo& frame);
  /** Keeps the frame of a sound, and brings back those before it that were lost on the way. */
  void TakeSound(const PacketRef& packet, Codec codec, Micros now);
  void NoticeGap(int64_t from, int64_t to, Micros now);
  void Abandon(int64_t sequence);
  void FollowChains(Packet& packet);
  void AskAt(Micros due);
  void OnNackTimer(Micros now);
  void OnPliTimer(Micros now);
  void SendPli(Micros now);
  /** A packet that was asked for is there. */
  void OnAnswer(const Missing& missing, Micros now);
  /** From asking to having, -1 while not known. */
  Micros AnswerTime() const;
  /** From the n-th request to the next. */
  Micros NackInterval(int tries) const;

  OwnerTimer<IngressStream, &IngressStream::OnNackTimer> nackTimer_{this};
  OwnerTimer<IngressStream, &IngressStream::OnPliTimer> pliTimer_{this};
  Micros nackDue_ = 0;
  std::map<int64_t, Missing> missing_;
  /** Made with the first descriptor. */
  std::unique_ptr<FrameChains> chains_;
  ReplayWindow seen_;
  int64_t newest_ = -1;
  int64_t first_ = -1;
  uint64_t received_ = 0;  // without recovered ones, as RFC 3550 counts
  uint64_t reportedExpected_ = 0;
  uint64_t reportedReceived_ = 0;
  double jitter_ = 0;
  int64_t transit_ = 0;
  bool hasTransit_ = false;
  Micros rtt_ = -1;
  Micros lastPli_ = -1;
  int unansweredPlis_ = 0;
  bool keyFrameWanted_ = false;
  /** Packets wait too long before us: nothing goes on until a key frame that came in time. */
  bool late_ = false;
  Micros lateSince_ = -1;
  uint64_t lateDrops_ = 0;
  uint32_t lastFrameTimestamp_ = 0;
  Micros frameArrival_ = -1;
  bool hasFrame_ = false;
  uint32_t lastKeyTimestamp_ = 0;
  uint8_t payloadType_ = 0;
  uint64_t secondBytes_ = 0;
  uint64_t bitrate_ = 0;
  uint64_t packets_ = 0, bytes_ = 0, recoveredCount_ = 0, duplicates_ = 0, nacks_ = 0, plis_ = 0, frames_ = 0,
           keyFrames_ = 0, abandoned_ = 0;
  LeastTransit transits_;
  /** By spatial layer. */
  uint8_t spatials_ = 0;
  uint16_t widths_[kMostSpatial] = {}, heights_[kMostSpatial] = {};
  uint64_t spatialBytes_[kMostSpatial] = {}, spatialBitrates_[kMostSpatial] = {};
  int8_t temporals_ = 0;
};

/** One published media section and its fan-out. */
class IngressTrack {
 public:
  IngressTrack(Core& core, Transport& transport, uint32_t id, IngressTrackOptions options);
  ~IngressTrack();

  void Forward(const PacketRef& packet, Micros now);
  void Skip(uint8_t layer, int64_t sequence);
  void OnLayerRestart(uint8_t layer);
  void Attach(EgressStream& stream);
  void Detach(EgressStream& stream);
  /** Gives a stream what is kept since the last key frame of `layer`, or of the best below that has one. */
  void Replay(EgressStream& stream, int layer, Micros now);
  /** Sends out at once all that waits: video for the rest of its frame, sound for that of others. */
  void Release(Micros now);
  /** Begins to send out the frame that waited for its rest. */
  void Begin(Micros now);
  void Deliver(const std::vector<HeldPacket>& packets, EgressStream& stream, Micros now);
  /** Keeps what all streams have got, for those who begin later. */
  void Remember(const std::vector<HeldPacket>& packets, Micros now);
  const std::vector<HeldPacket>& held() const { return held_; }
  void ForgetHeld() { held_.clear(); }
  /** Bytes of payload. */
  size_t LargestHeld() const;
  const std::vector<EgressStream*>& streams() const { return streams_; }
  void SetGate(bool open);
  void RequestKeyFrame(int layer, Micros now);
  const IngressPayload* PayloadOf(uint8_t payloadType) const;
  const IngressPayload* PayloadOfRtx(uint8_t payloadType) const;
  IngressStream* Layer(int layer) {
    return layer >= 0 && size_t(layer) < layers.size() ? layers[size_t(layer)].get() : nullptr;
  }
  void OnLevel(uint8_t level);
  Record Stats(Micros now) const;

  Core& core;
  Transport& transport;
  const uint32_t id;
  const IngressTrackOptions options;
  std::vector<std::unique_ptr<IngressStream>> layers;
  /** Counts openings of the gate, so that streams notice they missed packets. */
  uint32_t gateEpoch = 0;

  struct Level {
    uint8_t loudest = 127;
    uint32_t sum = 0;
    uint32_t packets = 0;
    uint32_t voice = 0;
  } level;

 private:
  void Deliver(const HeldPacket& held, EgressStream& stream, Micros now);
  void Hold(HeldPacket held, bool complete, Micros now);
  bool Caches(Micros now);
  void ForgetPictures();

  std::vector<EgressStream*> streams_;
  std::vector<HeldPacket> held_;
  bool due_ = false;
  OwnerTimer<IngressTrack, &IngressTrack::Begin> holdTimer_{this};
  size_t cacheUsers_ = 0;
  Micros cacheUntil_ = 0;
  bool open_ = true;
};

}  // namespace parley
