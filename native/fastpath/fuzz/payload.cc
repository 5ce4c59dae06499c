#include "core/dependency_descriptor.h"
#include "core/header_extensions.h"
#include "core/payload_descriptor.h"
#include "core/rtcp.h"

using namespace parley;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  View payload(data + 2, size - 2);
  FrameInfo info;
  ReadPayload(Codec(data[0] % 10), payload, &info);
  if (info.pictureIdAt >= 0 && size_t(info.pictureIdAt) + (info.pictureIdBits > 7) >= payload.size) __builtin_trap();
  if (info.tl0At >= 0 && size_t(info.tl0At) >= payload.size) __builtin_trap();
  // The first descriptor brings the structure, the second refers to it.
  DependencyReader reader;
  size_t cut = size_t(data[1]) < payload.size ? size_t(data[1]) : payload.size;
  const View descriptors[] = {payload.Sub(0, cut), payload.From(cut).Sub(0, payload.size - cut < 255 ? payload.size - cut : 255)};
  for (View descriptor : descriptors) {
    FrameInfo frame;
    if (descriptor.size > 255 || !reader.Read(descriptor, &frame)) continue;
    if (frame.spatial >= int(kMostSpatial) || frame.references > FrameInfo::kMostReferences) __builtin_trap();
    uint8_t written[264];
    uint32_t targets = reader.TargetsWithin(data[0] & 7, data[0] >> 5);
    size_t length = RewriteDescriptor(descriptor, frame, 7, targets, written);
    FrameInfo again;
    if (length == 0) continue;
    // What was written reads back as the same frame under another number.
    if (!reader.Read(View(written, length), &again)) __builtin_trap();
    if (again.frameNumber != 7 || again.spatial != frame.spatial || again.temporal != frame.temporal) __builtin_trap();
  }
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
