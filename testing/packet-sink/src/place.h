#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

namespace parley {

/** A span of CLOCK_MONOTONIC in milliseconds; what arrives at its end is outside. */
struct Span {
  double from;
  double to;
  bool holds(double at) const { return at >= from && at < to; }
};

/** What came on one SSRC. Numbers are extended sequence numbers (RFC 3550 appendix A.1). */
struct Stream {
  uint32_t ssrc;
  uint8_t payloadType;
  bool known;
  int64_t highest;
  /** In the span: packets, the highest number before it and in it. */
  uint64_t received;
  int64_t before;
  int64_t reached;
};

/** One listener: a loopback address of its own, and what came to it. */
class Place {
 public:
  /** One media packet in `passEvery` of a known stream is handed over; `phase` is where the count begins. */
  Place(uint32_t passEvery, uint32_t phase) : passEvery_(passEvery), count_(phase % passEvery) {}

  /** Counts a media packet by its readable header. True when it has to be handed over. */
  bool Count(const uint8_t* packet, double arrival, const Span& span);
  void Know(uint32_t ssrc);
  /** Counts anew, for another span. */
  void Mark();
  const std::vector<Stream>& streams() const { return streams_; }

 private:
  Stream& StreamOf(uint32_t ssrc, uint8_t payloadType, uint16_t sequence);

  std::vector<Stream> streams_;
  uint32_t passEvery_;
  uint32_t count_;
};

/** SRTP by its first bytes (RFC 7983 section 7), RTCP set aside (RFC 5761 section 4). */
inline bool IsMedia(const uint8_t* packet, size_t size) {
  return size >= 12 && packet[0] >= 128 && packet[0] < 192 && (packet[1] < 192 || packet[1] > 223);
}

}  // namespace parley
