#pragma once
#include <algorithm>

#include "core/packet.h"

namespace parley {

/**
 * Which frames of one source reach one subscriber: those up to a spatial and a temporal layer. Goes down with the next
 * picture, and up where a decoder that has seen only these frames can follow. All lower spatial layers go along, also
 * where a picture does not need them (K-SVC), so that going down never waits for a key frame. Layers whose chain of frames
 * lost one for good are left out until it begins anew.
 */
class LayerSelector {
 public:
  /** Every layer: as many as the descriptors can name. */
  static constexpr int kAll = kMostSpatial - 1;
  struct Verdict {
    bool forward;
    /** It ends what the subscriber gets of its picture. */
    bool last;
    /** The layers changed with this packet's picture. */
    bool changed;
    /** With this packet begins a picture of which the chosen layers cannot be decoded, for a loss on the way in. */
    bool broken = false;
  };

  void SetTarget(int spatial, int temporal) { target_ = {std::max(spatial, 0), std::max(temporal, 0)}; }
  /** A key frame of another source begins: the target holds from here on. */
  void Restart() {
    previous_ = current_ = target_;
    begun_ = blocked_ = false;
    for (uint32_t& number : forwarded_) number = 0;
  }
  Verdict Judge(const Packet& packet);
  /** More spatial layers are wanted than a decoder can follow to without a key frame. */
  bool AwaitsKeyFrame() const { return target_.spatial > current_.spatial; }
  int spatial() const { return current_.spatial; }
  int temporal() const { return current_.temporal; }
  int targetSpatial() const { return target_.spatial; }
  int targetTemporal() const { return target_.temporal; }

 private:
  struct Layers {
    int spatial = kAll;
    int temporal = kAll;
    bool operator!=(const Layers& o) const { return spatial != o.spatial || temporal != o.temporal; }
  };
  void BeginPicture(const Packet& packet);
  /** The layers at most, as far as their chains are whole; sets `blocked_` where none is. */
  Layers Sound(Layers most, const FrameInfo& frame);
  void Rise(const FrameInfo& frame);
  void RiseByDependencies(const FrameInfo& frame);
  bool Decodable(const FrameInfo& frame) const;
  /** Nothing is lost that this spatial layer and those below it stand on. */
  static bool HoldUpTo(const FrameInfo& frame, int spatial) { return (frame.brokenSpatials & ((2 << spatial) - 1)) == 0; }
  bool ChainWasForwarded(const FrameInfo& frame, int spatial) const;
  bool WasForwarded(uint16_t number) const { return forwarded_[number % kRemembered] == (number | kValid); }
  void Remember(uint16_t frameNumber) { forwarded_[frameNumber % kRemembered] = frameNumber | kValid; }

  static constexpr size_t kRemembered = 256;
  static constexpr uint32_t kValid = 0x10000;

  Layers target_;
  Layers current_;
  /** Of the pictures before `changedAt_`, which may still come late. */
  Layers previous_;
  bool begun_ = false;
  /** The present picture cannot be decoded in any layer. */
  bool blocked_ = false;
  uint32_t picture_ = 0;
  uint32_t changedAt_ = 0;
  /** Numbers of the frames that were let through, as far as later ones may refer to them. */
  uint32_t forwarded_[kRemembered] = {};
};

}  // namespace parley
