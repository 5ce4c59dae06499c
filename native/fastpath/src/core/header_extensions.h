#pragma once
#include "core/bytes.h"

namespace parley {

enum class Extension : uint8_t {
  kNone,
  kMid,
  kRid,
  kRepairedRid,
  kAbsSendTime,
  kTransportSequence,
  kAudioLevel,
  kDependencyDescriptor,
  kVideoOrientation,
  kPlayoutDelay,
  kAbsCaptureTime,
  kColorSpace,
  kCount,
};

/** Negotiated ids, both ways. */
class ExtensionMap {
 public:
  void Set(Extension extension, uint8_t id) {
    if (id == 0) return;
    byId_[id] = extension;
    ids_[size_t(extension)] = id;
  }
  Extension Of(uint8_t id) const { return byId_[id]; }
  uint8_t Id(Extension extension) const { return ids_[size_t(extension)]; }

 private:
  Extension byId_[256] = {};
  uint8_t ids_[size_t(Extension::kCount)] = {};
};

/**
 * Walks RFC 8285 elements of both forms and calls visit(extension id, value) for each.
 * @returns false when an element runs past the block.
 */
template <typename Visit>
bool VisitExtensions(uint16_t profile, View block, Visit visit) {
  bool oneByte = profile == 0xbede;
  bool twoByte = (profile & 0xfff0) == 0x1000;
  if (!oneByte && !twoByte) return true;
  size_t at = 0;
  while (at < block.size) {
    uint8_t head = block[at];
    if (head == 0) {
      at++;
      continue;
    }
    uint8_t id;
    size_t size;
    if (oneByte) {
      id = head >> 4;
      size = size_t(head & 15) + 1;
      at += 1;
      if (id == 15) return true;
      if (id == 0) size = 0;
    } else {
      if (at + 2 > block.size) return false;
      id = head;
      size = block[at + 1];
      at += 2;
    }
    if (size > block.size - at) return false;
    if (id != 0) visit(id, View(block.data + at, size));
    at += size;
  }
  return true;
}

/** Writes extension elements in the shortest form that fits, into a fixed buffer. */
class ExtensionWriter {
 public:
  static constexpr size_t kMax = 256;
  void Add(uint8_t id, const void* value, size_t size) {
    if (id == 0 || count_ == kElements || size > 255) return;
    if (id > 14 || size == 0 || size > 16) twoByte_ = true;
    elements_[count_++] = {id, static_cast<const uint8_t*>(value), size};
  }
  /** Writes profile, length and padded elements. @returns bytes written, 0 without elements. */
  size_t Write(uint8_t* out) const {
    if (count_ == 0) return 0;
    size_t at = 4;
    for (size_t i = 0; i < count_; i++) {
      const Element& e = elements_[i];
      if (at + 2 + e.size > kMax) break;
      if (twoByte_) {
        out[at++] = e.id;
        out[at++] = uint8_t(e.size);
      } else {
        out[at++] = uint8_t(e.id << 4 | (e.size - 1));
      }
      std::memcpy(out + at, e.value, e.size);
      at += e.size;
    }
    while (at % 4) out[at++] = 0;
    Put16(out, twoByte_ ? 0x1000 : 0xbede);
    Put16(out + 2, uint32_t(at / 4 - 1));
    return at;
  }

 private:
  static constexpr size_t kElements = 12;
  struct Element {
    uint8_t id;
    const uint8_t* value;
    size_t size;
  };
  Element elements_[kElements];
  size_t count_ = 0;
  bool twoByte_ = false;
};

}  // namespace parley
