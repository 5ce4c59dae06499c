#pragma once
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

namespace parley {

using Bytes = std::vector<uint8_t>;
/** Microseconds of the owner's clock. */
using Micros = int64_t;

/** A borrowed run of bytes. */
struct View {
  const uint8_t* data = nullptr;
  size_t size = 0;

  View() = default;
  View(const uint8_t* d, size_t n) : data(d), size(n) {}
  View(const Bytes& b) : data(b.data()), size(b.size()) {}

  View From(size_t at) const { return at <= size ? View(data + at, size - at) : View(); }
  View Sub(size_t at, size_t n) const {
    return at <= size && n <= size - at ? View(data + at, n) : View();
  }
  uint8_t operator[](size_t i) const { return data[i]; }
};

inline uint16_t Get16(const uint8_t* p) { return uint16_t(p[0] << 8 | p[1]); }
inline uint32_t Get24(const uint8_t* p) { return uint32_t(p[0]) << 16 | uint32_t(p[1]) << 8 | p[2]; }
inline uint32_t Get32(const uint8_t* p) {
  return uint32_t(p[0]) << 24 | uint32_t(p[1]) << 16 | uint32_t(p[2]) << 8 | p[3];
}
inline uint64_t Get64(const uint8_t* p) { return uint64_t(Get32(p)) << 32 | Get32(p + 4); }
inline void Put16(uint8_t* p, uint32_t v) {
  p[0] = uint8_t(v >> 8);
  p[1] = uint8_t(v);
}
inline void Put24(uint8_t* p, uint32_t v) {
  p[0] = uint8_t(v >> 16);
  p[1] = uint8_t(v >> 8);
  p[2] = uint8_t(v);
}
inline void Put32(uint8_t* p, uint32_t v) {
  p[0] = uint8_t(v >> 24);
  p[1] = uint8_t(v >> 16);
  p[2] = uint8_t(v >> 8);
  p[3] = uint8_t(v);
}

/** Appends big-endian fields. */
class Writer {
 public:
  explicit Writer(Bytes& out) : out_(out) {}
  void U8(uint32_t v) { out_.push_back(uint8_t(v)); }
  void U16(uint32_t v) {
    U8(v >> 8);
    U8(v);
  }
  void U24(uint32_t v) {
    U8(v >> 16);
    U16(v);
  }
  void U32(uint32_t v) {
    U16(v >> 16);
    U16(v);
  }
  void Append(const void* p, size_t n) {
    auto b = static_cast<const uint8_t*>(p);
    out_.insert(out_.end(), b, b + n);
  }
  size_t size() const { return out_.size(); }

 private:
  Bytes& out_;
};

/** Extends a 16-bit counter to 64 bits around the newest value seen. */
inline int64_t Extend16(int64_t newest, uint16_t value) {
  int16_t difference = int16_t(uint16_t(value - uint16_t(newest)));
  return newest + difference;
}

/** Extends a counter of `bits` width around the newest value seen. */
inline int64_t ExtendBits(int64_t newest, uint32_t value, int bits) {
  int64_t span = int64_t(1) << bits;
  int64_t difference = (int64_t(value) - newest) & (span - 1);
  if (difference >= span / 2) difference -= span;
  return newest + difference;
}

}  // namespace parley
