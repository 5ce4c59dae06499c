#pragma once
#include "core/bytes.h"

namespace parley {

/** Bits from the highest down. Past the end it is `bad` and gives zeros. */
struct BitReader {
  View bytes;
  size_t bit = 0;
  bool bad = false;
  uint32_t One() {
    if (bit >= bytes.size * 8) {
      bad = true;
      return 0;
    }
    uint32_t v = bytes[bit / 8] >> (7 - bit % 8) & 1;
    bit++;
    return v;
  }
  uint32_t Bits(int n) {
    uint32_t v = 0;
    while (n--) v = v << 1 | One();
    return v;
  }
};

}  // namespace parley
