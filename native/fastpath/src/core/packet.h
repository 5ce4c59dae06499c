#pragma once
#include <utility>

#include "core/bytes.h"

namespace parley {

constexpr size_t kMaxPacket = 2048;

constexpr size_t kMostSpatial = 8;

/** What the payload or dependency descriptor of a video packet says. */
struct FrameInfo {
  bool startOfFrame = false;
  bool keyFrame = false;
  /** First packet of a key frame: a decoder can start here. */
  bool startOfKeyFrame = false;
  /** A decoder may go up to this temporal layer here. */
  bool layerSync = false;
  int8_t temporal = -1;
  int8_t spatial = -1;
  /** Offset of the picture id inside the payload, -1 without; 7 or 15 bits. */
  int16_t pictureIdAt = -1;
  uint8_t pictureIdBits = 0;
  uint16_t pictureId = 0;
  int16_t tl0At = -1;
  uint8_t tl0 = 0;
  /** First and last packet of the frame of one spatial layer. */
  bool startOfLayer = false;
  bool endOfLayer = false;
  /** VP9: predicted from earlier pictures. */
  bool interPicture = false;

  /** Of the spatial layers, ascending; 0 by 0 where not told. */
  uint8_t sizes = 0;
  uint16_t widths[kMostSpatial];
  uint16_t heights[kMostSpatial];

  /** A dependency descriptor was understood; what follows is of it. */
  bool described = false;
  uint16_t frameNumber = 0;
  uint8_t decodeTargets = 0;
  /** How far back by frame number are the frames it is predicted from. */
  static constexpr size_t kMostReferences = 8;
  uint8_t references = 0;
  uint16_t distances[kMostReferences];
  /** By spatial layer, a bit for each temporal layer: decode targets that may be taken up from this frame on. */
  uint8_t switchTo[kMostSpatial];
  /** By spatial layer: how far back is the frame before this one in the chain that protects it; 0: it begins anew, or is none. */
  uint8_t chainDistances[kMostSpatial];
  /** A bit for each spatial layer whose chain lost a frame for good: what is of it cannot be decoded. */
  uint8_t brokenSpatials = 0;
  /** Where in the descriptor, in bits, the structure and a bitmask of active targets end; 0 without. */
  uint16_t structureEnd = 0;
  uint16_t targetsEnd = 0;

  void AddSize(uint32_t width, uint32_t height) {
    if (sizes == kMostSpatial) return;
    widths[sizes] = uint16_t(width);
    heights[sizes++] = uint16_t(height);
  }
};

class PacketPool;

/** A decrypted RTP packet shared by all who forward or remember it. One thread only. */
struct Packet {
  uint32_t references = 0;
  PacketPool* pool = nullptr;

  Micros arrival = 0;
  int64_t sequence = 0;  // extended, of the media stream (also for packets recovered by RTX)
  uint32_t timestamp = 0;
  uint32_t ssrc = 0;
  uint8_t payloadType = 0;
  bool marker = false;
  bool recovered = false;
  uint8_t layer = 0;
  uint8_t redFrames = 0;  // earlier ones that a RED packet repeats

  uint16_t payloadAt = 0;
  uint16_t payloadSize = 0;

  // Extensions worth passing on; offset 0 means absent.
  uint16_t descriptorAt = 0;
  uint8_t descriptorSize = 0;
  uint16_t captureTimeAt = 0;
  uint8_t captureTimeSize = 0;
  uint16_t colorSpaceAt = 0;
  uint8_t colorSpaceSize = 0;
  bool hasLevel = false;
  uint8_t level = 127;  // RFC 6464 byte: voice bit and -dBov
  bool hasOrientation = false;
  uint8_t orientation = 0;
  bool hasPlayoutDelay = false;
  uint32_t playoutDelay = 0;

  FrameInfo frame;
  uint16_t size = 0;
  uint8_t data[kMaxPacket];

  View payload() const { return View(data + payloadAt, payloadSize); }
};

/** Counted reference to a pooled packet. */
class PacketRef {
 public:
  PacketRef() = default;
  explicit PacketRef(Packet* packet) : packet_(packet) {
    if (packet_) packet_->references++;
  }
  PacketRef(const PacketRef& o) : PacketRef(o.packet_) {}
  PacketRef(PacketRef&& o) noexcept : packet_(o.packet_) { o.packet_ = nullptr; }
  PacketRef& operator=(PacketRef o) noexcept {
    std::swap(packet_, o.packet_);
    return *this;
  }
  ~PacketRef() { Release(); }
  Packet* operator->() const { return packet_; }
  Packet& operator*() const { return *packet_; }
  Packet* get() const { return packet_; }
  explicit operator bool() const { return packet_ != nullptr; }

 private:
  inline void Release();
  Packet* packet_ = nullptr;
};

/** Keeps packet memory for reuse, up to a bound. Must outlive every reference. */
class PacketPool {
 public:
  static constexpr size_t kKeep = 4096;
  ~PacketPool() {
    for (Packet* packet : free_) delete packet;
  }
  PacketRef Take() {
    Packet* packet;
    if (free_.empty()) {
      packet = new Packet;
    } else {
      packet = free_.back();
      free_.pop_back();
    }
    Reset(packet);
    in_use_++;
    return PacketRef(packet);
  }
  void Give(Packet* packet) {
    in_use_--;
    if (free_.size() < kKeep) {
      free_.push_back(packet);
    } else {
      delete packet;
    }
  }
  size_t in_use() const { return in_use_; }
  size_t pooled() const { return free_.size(); }

 private:
  void Reset(Packet* p) {
    // Everything but the bytes themselves starts afresh.
    p->references = 0;
    p->pool = this;
    p->recovered = p->marker = false;
    p->layer = p->redFrames = 0;
    p->descriptorAt = p->captureTimeAt = p->colorSpaceAt = 0;
    p->hasLevel = p->hasOrientation = p->hasPlayoutDelay = false;
    p->frame = FrameInfo();
    p->size = 0;
  }
  std::vector<Packet*> free_;
  size_t in_use_ = 0;
};

inline void PacketRef::Release() {
  if (packet_ && --packet_->references == 0) packet_->pool->Give(packet_);
  packet_ = nullptr;
}

}  // namespace parley
