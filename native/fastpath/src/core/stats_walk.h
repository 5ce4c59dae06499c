#pragma once
#include <vector>

#include "core/record.h"

namespace parley {

class Core;

/** Collects all counters of a core piece by piece, so that media between the pieces does not wait for them. */
class StatsWalk {
 public:
  /** Takes up what exists now; what ends before its turn is left out. */
  explicit StatsWalk(const Core& core);
  /** @returns whether it is done, after so many entities at most. */
  bool Continue(const Core& core, size_t entities);
  /** What was collected, with the totals of the core. */
  Record Finish(const Core& core);

 private:
  std::vector<uint32_t> transportIds_, trackIds_, streamIds_;
  std::vector<Record> transports_, tracks_, streams_;
};

}  // namespace parley
