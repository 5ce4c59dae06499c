#include "core/header_extensions.h"
#include "core/payload_descriptor.h"
#include "core/rtcp.h"

using namespace parley;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  View payload(data + 2, size - 2);
  FrameInfo info;
  View descriptor = payload.Sub(0, size_t(data[1]) % 8);
  ReadPayload(Codec(data[0] % 10), payload, descriptor, &info);
  if (info.pictureIdAt >= 0 && size_t(info.pictureIdAt) + (info.pictureIdBits > 7) >= payload.size) __builtin_trap();
  if (info.tl0At >= 0 && size_t(info.tl0At) >= payload.size) __builtin_trap();
  RedPayload red;
  size_t sum = 0;
  if (red.Parse(payload)) {
    for (size_t i = 0; i < red.count; i++) {
      for (size_t b = 0; b < red.blocks[i].data.size; b++) sum += red.blocks[i].data[b];
    }
  }
  VisitExtensions(data[0] & 1 ? 0xbede : 0x1000, payload, [&](uint8_t, View value) {
    for (size_t b = 0; b < value.size; b++) sum += value[b];
  });
  VisitRtcp(payload, [&](const RtcpPacket& p) {
    for (size_t b = 0; b < p.body.size; b++) sum += p.body[b];
  });
  return sum == size_t(-1);
}
