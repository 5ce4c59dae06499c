#pragma once
#include <cstdint>
#include <cstring>
#include <functional>
#include <string>

namespace parley {

/** Where a peer is: local socket, remote address, or TCP connection. Comparable and hashable by value. */
struct Path {
  uint16_t local = 0;
  uint16_t port = 0;
  uint8_t family = 0;  // 4 or 6
  uint8_t pad[3] = {0, 0, 0};
  uint32_t connection = 0;  // 0 is UDP
  uint8_t address[16] = {0};

  bool operator==(const Path& o) const { return std::memcmp(this, &o, sizeof(Path)) == 0; }
  bool operator!=(const Path& o) const { return !(*this == o); }
  bool tcp() const { return connection != 0; }
};

struct PathHash {
  size_t operator()(const Path& p) const {
    uint64_t words[4] = {0, 0, 0, 0};
    std::memcpy(words, &p, sizeof(Path));
    uint64_t h = 0x9e3779b97f4a7c15ull;
    for (uint64_t w : words) {
      h ^= w;
      h *= 0xff51afd7ed558ccdull;
      h ^= h >> 32;
    }
    return size_t(h);
  }
};

/** @returns false when `text` is no IPv4 or IPv6 literal. */
bool ParseAddress(const std::string& text, uint16_t port, Path* out);
std::string AddressText(const Path& path);

}  // namespace parley
