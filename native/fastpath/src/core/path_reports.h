#pragma once
#include "core/bytes.h"
#include "core/timer_wheel.h"

namespace parley {

class Core;

/**
 * What left and what peers told about it, of all transports that report, on its way to congestion control: one buffer
 * a while, so that its cost does not grow with the number of transports. Frames in host order, at multiples of 8 bytes:
 * u32 transport, u32 size of what follows (the highest bit tells RTCP), f64 time in microseconds, then for packets that
 * left records of u32 sequence, u32 size, f64 time, for RTCP the compound packet.
 */
class PathReports {
 public:
  static constexpr size_t kRecord = 16;
  static constexpr uint32_t kRtcp = 0x80000000;

  explicit PathReports(Core& core) : core_(core) {}

  /** Packets that left, in order; always before the RTCP that may tell of them. */
  void Sent(uint32_t transport, View records, Micros now) { Add(transport, 0, records, now); }
  void Rtcp(uint32_t transport, View compound, Micros now) { Add(transport, kRtcp, compound, now); }
  /** Emits what there is; for events that have to come after it. */
  void Flush();

 private:
  void Add(uint32_t transport, uint32_t kind, View body, Micros now);
  void OnDue(Micros) { Flush(); }

  Core& core_;
  Bytes frames_;
  OwnerTimer<PathReports, &PathReports::OnDue> timer_{this};
};

}  // namespace parley
