#pragma once
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/fec_rows.h"
#include "core/header_extensions.h"
#include "core/ingress.h"
#include "core/layer_selector.h"
#include "core/rtx_history.h"
#include "core/sequence_map.h"
#include "core/ulp_fec.h"

namespace parley {

struct EgressPayload {
  uint8_t from = 0;
  uint8_t payloadType = 0;
  uint8_t rtxPayloadType = 0;
  bool stripRed = false;
};

struct EgressStreamOptions {
  bool video = false;
  bool paused = false;
  uint32_t ssrc = 0;
  uint32_t rtxSsrc = 0;
  int layer = 0;
  int temporalLayer = LayerSelector::kAll;
  int spatialLayer = LayerSelector::kAll;
  Micros historyTime = 1'000'000;
  size_t historyPackets = 1024;
  /** Pads large video packets to a multiple of this, so that equal ones leave as segments of one call. 0: never. */
  size_t padTo = 16;
  /** Begins with what the track keeps since its last key frame, if that came within this time. */
  Micros startFromCache = 0;
  /** Nothing is sent in place of the layer that was chosen. */
  bool exactLayer = false;
  /** What the subscriber takes ULPFEC and, around it and what it protects, RED as. 0: it does not. */
  uint8_t fecPayloadType = 0;
  uint8_t redPayloadType = 0;
  std::string mid;
  std::string cname;
  std::vector<EgressPayload> payloads;
  std::vector<std::pair<Extension, uint8_t>> extensions;
};

/** What is done against losses beyond answering requests once. */
struct RepairOptions {
  /** Frames of sound that go along with each one. 0: RED is passed on as it came, at most one frame deep. */
  int redDepth = 0;
  /** Copies of sound (identical) or video (RTX, the base temporal layer first) that follow unasked. */
  int copies = 0;
  /** From a packet to its copy, and from that to the next: a burst of losses that hits one is to be over by then. */
  Micros copyDistance = 20'000;
  /**
   * Requests are answered several times, with growing number, and feedback that tells of a loss counts as a request:
   * it comes sooner than the next one of a receiver that does not know its round trip.
   */
  bool bursts = false;
  /** Packets of the first round of answers; the n-th has n times as many. 0: the n-th has n + 1. */
  int answers = 0;
  /**
   * Of a packet of video that is not known to have arrived so long after it was forwarded, so many are on the way then,
   * those sent before that feedback has not told of among them: what is sent later would not come in time. 0: never.
   */
  int attempts = 0;
  Micros attemptsWithin = 0;
  /** What is older when it would arrive is not sent again. 0: no limit but the history. */
  Micros deadline = 0;
  /** Packets of protection for one of pictures others stand on; twice as many of key frames, half of the others. */
  double fecShare = 0;
};

/** The payload of a packet in pieces, with room for those that are made for it. */
struct PayloadParts {
  View views[4];
  size_t count = 0;
  uint8_t original[2];
  uint8_t head[16];
  uint8_t padding[80] = {0};
  bool padded = false;
  void Add(View view) { views[count++] = view; }
  /** RFC 3550 section 5.1: the last byte tells how many. */
  void Pad(size_t bytes) {
    padding[bytes - 1] = uint8_t(bytes);
    Add(View(padding, bytes));
    padded = true;
  }
  size_t size() const {
    size_t total = 0;
    for (size_t i = 0; i < count; i++) total += views[i].size;
    return total;
  }
};

/** One SSRC towards a subscriber: continuous numbers, whatever feeds it. */
class EgressStream {
 public:
  EgressStream(Core& core, Transport& transport, uint32_t id, EgressStreamOptions options);
  ~EgressStream();

  void Forward(const PacketRef& packet, Micros now);
  void Skip(uint8_t layer, int64_t sequence);
  void SelectLayer(int layer, int temporal, int spatial, Micros now);
  void SetSource(IngressTrack* track, int layer, Micros now);
  void SetPaused(bool paused, Micros now);
  bool shows() const { return current_ >= 0; }
  /** Whether a kept key frame is recent enough, and newer than all that was shown: time never goes back. */
  bool MayStartFrom(const Packet& key, Micros now) const {
    return now - key.arrival <= options.startFromCache && (!everSent_ || key.arrival > lastArrival_);
  }
  void SetPlayoutDelay(int minMs, int maxMs);
  void OnSourceGone() {
    source_ = nullptr;
    Unsync();
  }
  /** The source layer starts over with other numbers. */
  void OnLayerRestart(uint8_t layer) {
    if (layer == current_ || !options.video) Unsync();
  }

  void SetRepair(const RepairOptions& repair);
  void OnNack(uint16_t sequence, Micros now);
  /** Feedback tells what became of the n-th sending of a packet. */
  void OnVerdict(int64_t sequence, uint8_t transmission, bool arrived, Micros now);
  /** Negative while not known. */
  Micros roundTrip() const { return rtt_; }
  void OnKeyFrameRequest(Micros now);
  void OnReport(const ReportBlock& block, Micros now);
  /** Writes, seals and hands over one packet. `rtx` wraps it as RFC 4588. @returns bytes sent. */
  size_t Transmit(Rewritten& entry, bool rtx, Micros now);
  /** As `Transmit`, for a copy that waited: what was sent is noted in the history. */
  size_t TransmitQueued(Rewritten& entry, bool rtx, Micros now);
  /** Padding on the retransmission SSRC. @returns bytes sent. */
  size_t TransmitPadding(size_t size, Micros now);
  void OnTransportConnected(Micros now);
  Record Stats() const;

  const EgressStreamOptions options;
  const uint32_t id;
  Transport& transport;

 private:
  void Unsync() {
    ForgetFec();
    sequences_.Reset();
    current_ = -1;
  }
  bool Sync(const Packet& packet);
  /** What the clock of the last source would show when this packet of another one was sent. */
  uint32_t AlignedTimestamp(const Packet& packet, const IngressStream& stream) const;
  /** Whether the subscriber gets it; what is left out leaves no hole. */
  bool Select(const PacketRef& packet, const EgressPayload& payload, int64_t picture, Micros now);
  /** Puts padding where the subscriber was left a place for a packet that it does not get. */
  void Fill(const PacketRef& packet, const EgressPayload& payload, Micros now);
  bool ShouldFallBack(const Packet& packet, Micros now);
  void OnReportTimer(Micros now);
  bool TooLate(const Rewritten& entry, Micros now) const;
  /** One round of answers: one, or with bursts several. */
  void Answer(Rewritten& entry, Micros now);
  /** Within the budget and the deadline. */
  bool Resend(Rewritten& entry, double kept, Micros now);
  struct Delayed {
    int64_t sequence;
    /** Share of the budget that is left for others. */
    double kept;
    /** Not one more, but all that are left of its attempts. */
    bool insists;
  };
  /** Copies `distance` apart, the first of them after it. */
  void ResendLater(const Rewritten& entry, int times, Micros distance, double kept, Micros now);
  void Delay(Micros due, Delayed delayed);
  void CopyAhead(const Rewritten& entry, Micros now);
  /** Pictures that others stand on come first. */
  bool IsUpper(const Rewritten& entry) const;
  /** The last attempts that can come in time. */
  void Insist(Rewritten& entry, Micros now);
  void OnRepairTimer(Micros now);
  /** The packet with the frames before it, for subscribers with RED; empty where there is no way. */
  PacketRef AsRed(const PacketRef& packet, int depth, const EgressPayload** payload);
  /** Packets of this payload type are protected now. */
  bool Protects(const Packet& packet) const;
  /** Gathers what is to be protected. */
  void Protect(const Rewritten& entry, Micros now);
  /** Protection of the frames that were gathered, behind the one that ended. */
  void SendFec(Micros now);
  void ForgetFec();
  /** The receiver has what brings back the packet it asks for; if not, those that were left to that are answered. */
  bool LeftToFec(int64_t sequence, Micros now);
  void AnswerLeft(FecRow& row, Micros now);
  /** The packet as it is behind RED, without what is written as it leaves. @returns its size. */
  size_t WriteProtected(const Rewritten& entry, uint8_t* out) const;
  void WritePayload(const Rewritten& entry, bool pad, PayloadParts* parts) const;
  size_t Seal(uint8_t* out, size_t headerSize, const View* parts, size_t count, bool rtx, int64_t sequence,
              bool identical);
  const EgressPayload* PayloadOf(uint8_t from) const;
  /** A picture that is asked for now can be shown. */
  bool Receptive() const;
  /** From the cache where one is to be had, else by asking. */
  void StartPicture(Micros now);
  void AskForPicture(Micros now);
  void NoteLeft(const Rewritten& entry);
  /** Takes back what waits in the pacer: its numbers are free again. */
  void Recall();
  size_t WriteExtensions(const Rewritten& entry, uint32_t absSendTime, uint16_t transportSequence, uint8_t* out) const;

  Core& core_;
  IngressTrack* source_ = nullptr;
  ExtensionMap extensions_;
  SequenceMap sequences_;
  SequenceMap pictures_;
  RtxHistory history_;
  OwnerTimer<EgressStream, &EgressStream::OnReportTimer> reportTimer_{this};
  RepairOptions repair_;
  std::multimap<Micros, Delayed> delayed_;
  Micros repairDue_ = 0;
  OwnerTimer<EgressStream, &EgressStream::OnRepairTimer> repairTimer_{this};

  struct Fec {
    /** Of pictures that others stand on, and of the rest. */
    UlpFec base, upper;
    FecRows rows;
    /** Of the last key frame: only its first packet tells that it is one. */
    uint32_t keyTimestamp = 0;
    bool hadKey = false;
    /** Of what was protected last. */
    uint8_t rtxPayloadType = 0;
  };
  /** Made when it is first needed. */
  std::unique_ptr<Fec> fec_;

  bool paused_ = false;
  int target_ = 0;
  LayerSelector selector_;
  LayerSelector::Verdict verdict_{true, false, false, false};
  int current_ = -1;
  uint32_t gateEpoch_ = 0;
  bool missedGate_ = false;

  // The row so far.
  int64_t lastSequence_ = -1;
  int64_t rtxSequence_ = 0;
  uint32_t timestampOffset_ = 0;
  uint32_t lastTimestamp_ = 0;
  Micros lastArrival_ = -1;
  const void* syncedTo_ = nullptr;
  uint32_t syncedSsrc_ = 0;
  SourceClock syncedClock_;
  int64_t newestPicture_ = 0;
  int64_t lastPicture_ = -1;
  uint8_t tl0Offset_ = 0;
  uint8_t lastTl0_ = 0;
  uint16_t frameOffset_ = 0;
  uint16_t lastFrame_ = 0;
  bool everSent_ = false;
  /** The row as far as it left. */
  struct Left {
    int64_t sequence = -1;
    int64_t picture = -1;
    uint32_t timestamp = 0;
    Micros arrival = -1;
    uint16_t frame = 0;
    uint8_t tl0 = 0;
  } left_;

  bool hasPlayoutDelay_ = false;
  uint32_t playoutDelay_ = 0;

  SrtpSession::Sender* sender_ = nullptr;
  SrtpSession::Sender* rtxSender_ = nullptr;

  struct SentReport {
    uint32_t ntpMiddle = 0;
    Micros at = 0;
  };
  SentReport sentReports_[4];
  size_t nextReport_ = 0;
  uint64_t reportedPackets_ = 0;

  uint64_t packets_ = 0, bytes_ = 0, payloadBytes_ = 0, frames_ = 0, keyFrames_ = 0, retransmissions_ = 0, misses_ = 0,
           nacks_ = 0, plis_ = 0, repairBytes_ = 0, lateRepairs_ = 0, refusedRepairs_ = 0, redundantBytes_ = 0, missed_ = 0,
           fecPackets_ = 0, fecBytes_ = 0, leftToFec_ = 0, fecFailures_ = 0;
  double fractionLost_ = 0;
  int32_t lost_ = 0;
  double jitterMs_ = -1;
  Micros rtt_ = -1;
  /** When feedback told last what became of a packet. */
  Micros lastVerdict_ = -1'000'000;
};

}  // namespace parley
