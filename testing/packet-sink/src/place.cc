#include "place.h"

namespace parley {

bool Place::Count(const uint8_t* packet, double arrival, const Span& span) {
  const uint16_t sequence = uint16_t(packet[2] << 8 | packet[3]);
  const uint32_t ssrc =
      uint32_t(packet[8]) << 24 | uint32_t(packet[9]) << 16 | uint32_t(packet[10]) << 8 | uint32_t(packet[11]);
  Stream& stream = StreamOf(ssrc, packet[1] & 0x7f, sequence);
  const int16_t ahead = int16_t(uint16_t(sequence - uint16_t(stream.highest)));
  const bool inside = span.holds(arrival);
  if (inside && stream.received++ == 0) stream.before = stream.reached = stream.highest;
  if (ahead > 0) stream.highest += ahead;
  if (inside) stream.reached = stream.highest;
  if (++count_ == passEvery_) {
    count_ = 0;
    return true;
  }
  return !stream.known;
}

void Place::Know(uint32_t ssrc) {
  for (Stream& stream : streams_) {
    if (stream.ssrc == ssrc) stream.known = true;
  }
}

void Place::Mark() {
  for (Stream& stream : streams_) {
    stream.received = 0;
    stream.before = stream.reached = stream.highest;
  }
}

Stream& Place::StreamOf(uint32_t ssrc, uint8_t payloadType, uint16_t sequence) {
  for (Stream& stream : streams_) {
    if (stream.ssrc == ssrc) return stream;
  }
  const int64_t before = int64_t(sequence) - 1;
  streams_.push_back({ssrc, payloadType, false, before, 0, before, before});
  return streams_.back();
}

}  // namespace parley
