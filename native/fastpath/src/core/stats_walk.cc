#include "core/stats_walk.h"

#include "core/core.h"

namespace parley {

StatsWalk::StatsWalk(const Core& core) { core.ListIds(&transportIds_, &trackIds_, &streamIds_); }

bool StatsWalk::Continue(const Core& core, size_t entities) {
  auto some = [&](std::vector<uint32_t>& ids, std::vector<Record>& records, auto statsOf) {
    for (; entities && !ids.empty(); entities--, ids.pop_back()) statsOf(ids.back(), records);
  };
  some(transportIds_, transports_, [&](uint32_t id, std::vector<Record>& to) {
    if (auto transport = core.FindTransport(id)) to.push_back(transport->Stats());
  });
  some(trackIds_, tracks_, [&](uint32_t id, std::vector<Record>& to) {
    if (auto track = core.FindTrack(id)) to.push_back(track->Stats(core.now()));
  });
  some(streamIds_, streams_, [&](uint32_t id, std::vector<Record>& to) {
    if (auto stream = core.FindStream(id)) to.push_back(stream->Stats());
  });
  return transportIds_.empty() && trackIds_.empty() && streamIds_.empty();
}

Record StatsWalk::Finish(const Core& core) {
  Record r;
  r.List("transports", std::move(transports_)).List("tracks", std::move(tracks_)).List("streams", std::move(streams_));
  core.AddTotals(&r);
  return r;
}

}  // namespace parley
