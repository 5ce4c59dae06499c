#include "core/layer_selector.h"

#include <algorithm>

namespace parley {

LayerSelector::Verdict LayerSelector::Judge(const Packet& p) {
  const FrameInfo& f = p.frame;
  if (f.spatial < 0 && f.temporal < 0) return {true, p.marker, false, false};
  bool fresh = !begun_ || int32_t(p.timestamp - picture_) > 0;
  Layers before = current_;
  if (fresh) BeginPicture(p);
  bool broken = fresh && (blocked_ || (f.brokenSpatials != 0 && current_.spatial < before.spatial && AwaitsKeyFrame()));
  bool old = int32_t(p.timestamp - changedAt_) < 0;
  if (!old) Rise(f);
  const Layers& layers = old ? previous_ : current_;
  int spatial = std::max<int>(f.spatial, 0);
  bool forward = spatial <= layers.spatial && f.temporal <= layers.temporal && !(blocked_ && p.timestamp == picture_);
  if (forward && f.described) Remember(f.frameNumber);
  bool last = p.marker || (f.endOfLayer && spatial == layers.spatial);
  return {forward, last, !old && changedAt_ == p.timestamp && previous_ != current_, broken};
}

void LayerSelector::BeginPicture(const Packet& p) {
  bool first = !begun_;
  begun_ = true;
  picture_ = p.timestamp;
  Layers next = p.frame.keyFrame
                    ? target_
                    : Layers{std::min(current_.spatial, target_.spatial), std::min(current_.temporal, target_.temporal)};
  next = Sound(next, p.frame);
  if (!first && !(next != current_)) return;
  previous_ = current_;
  current_ = next;
  changedAt_ = p.timestamp;
}

LayerSelector::Layers LayerSelector::Sound(Layers most, const FrameInfo& f) {
  blocked_ = f.brokenSpatials & 1;
  if (f.brokenSpatials == 0 || blocked_) return most;
  int spatial = most.spatial;
  // All lower layers go along, so each of them has to hold.
  while (!HoldUpTo(f, spatial)) spatial--;
  return {spatial, most.temporal};
}

void LayerSelector::Rise(const FrameInfo& f) {
  if (!(target_ != current_)) return;
  Layers before = current_;
  if (f.described) {
    if (f.startOfLayer) RiseByDependencies(f);
  } else if (f.spatial < 0) {
    // VP8: a frame that stands on the base layer alone.
    bool stands = f.startOfFrame && f.temporal > current_.temporal && f.temporal <= target_.temporal;
    if (stands && (f.layerSync || f.keyFrame)) current_.temporal = f.temporal;
  } else if (f.startOfLayer) {
    // RFC 9628: what follows a switching point does not look back past it to higher temporal layers.
    if (f.spatial == 0 && f.layerSync && f.temporal <= current_.temporal) {
      current_.temporal = std::max(current_.temporal, target_.temporal);
    }
    bool stands = f.spatial == current_.spatial + 1 && !f.interPicture && f.temporal <= current_.temporal;
    if (stands && f.spatial <= target_.spatial) current_.spatial = f.spatial;
  }
  if (current_ != before && changedAt_ != picture_) {
    previous_ = before;
    changedAt_ = picture_;
  }
}

void LayerSelector::RiseByDependencies(const FrameInfo& f) {
  if (!Decodable(f)) return;
  int lowest = current_.spatial == kAll ? 0 : current_.spatial;
  for (int spatial = std::min(target_.spatial, kAll); spatial >= lowest; spatial--) {
    for (int temporal = std::min(target_.temporal, kAll); temporal >= 0; temporal--) {
      if (!(f.switchTo[spatial] >> temporal & 1)) continue;
      if (spatial <= current_.spatial && temporal <= current_.temporal) continue;
      if (!HoldUpTo(f, spatial) || !ChainWasForwarded(f, spatial)) continue;
      current_ = {std::max(spatial, current_.spatial), std::max(temporal, current_.temporal)};
      return;
    }
  }
}

bool LayerSelector::Decodable(const FrameInfo& f) const {
  for (size_t i = 0; i < f.references; i++) {
    if (!WasForwarded(uint16_t(f.frameNumber - f.distances[i]))) return false;
  }
  return true;
}

bool LayerSelector::ChainWasForwarded(const FrameInfo& f, int spatial) const {
  uint8_t distance = f.chainDistances[spatial];
  return distance == 0 || WasForwarded(uint16_t(f.frameNumber - distance));
}

}  // namespace parley
