#include "core/payload_descriptor.h"

#include "core/bit_reader.h"

namespace parley {

namespace {

// RFC 7741.
bool ReadVp8(View p, FrameInfo* info) {
  if (p.size < 1) return false;
  size_t at = 1;
  bool extended = p[0] & 0x80;
  bool start = p[0] & 0x10;
  uint8_t partition = p[0] & 0x07;
  if (extended) {
    if (p.size < 2) return false;
    uint8_t flags = p[1];
    at = 2;
    if (flags & 0x80) {
      if (at >= p.size) return false;
      info->pictureIdAt = int16_t(at);
      if (p[at] & 0x80) {
        if (at + 2 > p.size) return false;
        info->pictureIdBits = 15;
        info->pictureId = Get16(p.data + at) & 0x7fff;
        at += 2;
      } else {
        info->pictureIdBits = 7;
        info->pictureId = p[at] & 0x7f;
        at += 1;
      }
    }
    if (flags & 0x40) {
      if (at >= p.size) return false;
      info->tl0At = int16_t(at);
      info->tl0 = p[at++];
    }
    if (flags & 0x30) {
      if (at >= p.size) return false;
      if (flags & 0x20) {
        info->temporal = int8_t(p[at] >> 6);
        info->layerSync = p[at] & 0x20;
      }
      at++;
    }
  }
  info->startOfFrame = start && partition == 0;
  if (info->startOfFrame) {
    if (at >= p.size) return false;
    // Bit 0 of the frame tag is 0 for key frames; size follows the start code.
    if (!(p[at] & 0x01)) {
      info->keyFrame = info->startOfKeyFrame = true;
      if (p.size >= at + 10 && p[at + 3] == 0x9d && p[at + 4] == 0x01 && p[at + 5] == 0x2a) {
        info->AddSize((p[at + 6] | p[at + 7] << 8) & 0x3fff, (p[at + 8] | p[at + 9] << 8) & 0x3fff);
      }
    }
  }
  return true;
}

// RFC 9628.
bool ReadVp9(View p, FrameInfo* info) {
  if (p.size < 1) return false;
  uint8_t flags = p[0];
  bool hasId = flags & 0x80, predicted = flags & 0x40, hasLayer = flags & 0x20, flexible = flags & 0x10;
  bool begin = flags & 0x08, end = flags & 0x04, structure = flags & 0x02;
  size_t at = 1;
  if (hasId) {
    if (at >= p.size) return false;
    info->pictureIdAt = int16_t(at);
    if (p[at] & 0x80) {
      if (at + 2 > p.size) return false;
      info->pictureIdBits = 15;
      info->pictureId = Get16(p.data + at) & 0x7fff;
      at += 2;
    } else {
      info->pictureIdBits = 7;
      info->pictureId = p[at++] & 0x7f;
    }
  }
  if (hasLayer) {
    if (at >= p.size) return false;
    info->temporal = int8_t(p[at] >> 5);
    info->spatial = int8_t(p[at] >> 1 & 7);
    info->layerSync = p[at] & 0x10;
    at++;
    if (!flexible) {
      if (at >= p.size) return false;
      info->tl0At = int16_t(at);
      info->tl0 = p[at++];
    }
  }
  if (flexible && predicted) {
    for (int i = 0; i < 3; i++) {
      if (at >= p.size) return false;
      if (!(p[at++] & 1)) break;
    }
  }
  if (structure) {
    if (at >= p.size) return false;
    uint8_t head = p[at++];
    size_t layers = size_t(head >> 5) + 1;
    if (head & 0x10) {
      if (p.size - at < layers * 4) return false;
      for (size_t i = 0; i < layers; i++, at += 4) info->AddSize(Get16(p.data + at), Get16(p.data + at + 2));
    }
    if (head & 0x08) {
      if (at >= p.size) return false;
      size_t pictures = p[at++];
      for (size_t i = 0; i < pictures; i++) {
        if (at >= p.size) return false;
        at += 1 + size_t(p[at] >> 2 & 3);
        if (at > p.size) return false;
      }
    }
  }
  info->startOfFrame = begin && info->spatial <= 0;
  info->startOfLayer = begin;
  info->endOfLayer = end;
  info->interPicture = predicted;
  if (!predicted && info->spatial <= 0) {
    info->keyFrame = true;
    info->startOfKeyFrame = begin;
  }
  return true;
}

struct GolombReader : BitReader {
  uint32_t Golomb() {
    int zeros = 0;
    while (!One()) {
      if (bad || ++zeros > 31) {
        bad = true;
        return 0;
      }
    }
    return (uint32_t(1) << zeros) - 1 + Bits(zeros);
  }
  int32_t SignedGolomb() {
    uint32_t k = Golomb();
    return k & 1 ? int32_t((k + 1) / 2) : -int32_t(k / 2);
  }
};

// Picture size from an H.264 sequence parameter set (ITU-T H.264 section 7.3.2.1.1).
void ReadSps(View nal, FrameInfo* info) {
  uint8_t clean[256];
  size_t size = 0;
  for (size_t i = 1; i < nal.size && size < sizeof clean; i++) {
    if (i >= 3 && nal[i] == 3 && nal[i - 1] == 0 && nal[i - 2] == 0) continue;
    clean[size++] = nal[i];
  }
  GolombReader r{{View(clean, size)}};
  uint32_t profile = r.Bits(8);
  r.Bits(16);
  r.Golomb();
  uint32_t chroma = 1;
  bool high = profile == 100 || profile == 110 || profile == 122 || profile == 244 || profile == 44 || profile == 83 ||
              profile == 86 || profile == 118 || profile == 128;
  if (high) {
    chroma = r.Golomb();
    if (chroma == 3) r.One();
    r.Golomb();
    r.Golomb();
    r.One();
    if (r.One()) {
      for (int i = 0; i < (chroma == 3 ? 12 : 8) && !r.bad; i++) {
        if (!r.One()) continue;
        int last = 8, next = 8;
        for (int j = 0; j < (i < 6 ? 16 : 64) && !r.bad; j++) {
          if (next) next = int((int64_t(last) + r.SignedGolomb()) & 255);
          if (next) last = next;
        }
      }
    }
  }
  r.Golomb();
  uint32_t order = r.Golomb();
  if (order == 0) {
    r.Golomb();
  } else if (order == 1) {
    r.One();
    r.SignedGolomb();
    r.SignedGolomb();
    uint32_t cycle = r.Golomb();
    for (uint32_t i = 0; i < cycle && i < 256 && !r.bad; i++) r.SignedGolomb();
  }
  r.Golomb();
  r.One();
  uint64_t width = (uint64_t(r.Golomb()) + 1) * 16;
  uint64_t mapUnits = uint64_t(r.Golomb()) + 1;
  bool frames = r.One();
  uint64_t height = mapUnits * 16 * (frames ? 1 : 2);
  if (!frames) r.One();
  r.One();
  if (r.One()) {
    uint64_t unitX = chroma == 1 || chroma == 2 ? 2 : 1;
    uint64_t unitY = (chroma == 1 ? 2 : 1) * (frames ? 1 : 2);
    uint64_t left = r.Golomb(), right = r.Golomb(), top = r.Golomb(), bottom = r.Golomb();
    uint64_t cropX = (left + right) * unitX, cropY = (top + bottom) * unitY;
    if (cropX >= width || cropY >= height) return;
    width -= cropX;
    height -= cropY;
  }
  if (r.bad || width > 16384 || height > 16384) return;
  info->sizes = 0;
  info->AddSize(uint32_t(width), uint32_t(height));
}

void SeeNal(View nal, FrameInfo* info) {
  uint8_t type = nal[0] & 0x1f;
  if (type == 7) {
    info->startOfKeyFrame = info->keyFrame = true;
    ReadSps(nal, info);
  } else if (type == 5) {
    info->keyFrame = true;
  }
}

// RFC 6184. A decoder can start at the parameter sets, which browsers send with each IDR.
bool ReadH264(View p, FrameInfo* info) {
  if (p.size < 1) return false;
  uint8_t type = p[0] & 0x1f;
  if (type >= 1 && type <= 23) {
    info->startOfFrame = true;
    SeeNal(p, info);
    return true;
  }
  if (type == 24) {
    info->startOfFrame = true;
    size_t at = 1;
    while (at + 2 <= p.size) {
      size_t size = Get16(p.data + at);
      at += 2;
      if (size == 0 || size > p.size - at) return false;
      SeeNal(View(p.data + at, size), info);
      at += size;
    }
    return at == p.size;
  }
  if (type == 28) {
    if (p.size < 2) return false;
    bool start = p[1] & 0x80;
    info->startOfFrame = start;
    if ((p[1] & 0x1f) == 5) info->keyFrame = true;
    return true;
  }
  return true;
}

// AV1 RTP: aggregation header N bit marks a new coded video sequence.
bool ReadAv1(View p, FrameInfo* info) {
  if (p.size < 1) return false;
  bool newSequence = p[0] & 0x08, continues = p[0] & 0x80;
  info->startOfFrame = !continues;
  if (newSequence && !continues) info->keyFrame = info->startOfKeyFrame = true;
  return true;
}

}  // namespace

bool ReadPayload(Codec codec, View payload, FrameInfo* info) {
  switch (codec) {
    case Codec::kVp8:
      return ReadVp8(payload, info);
    case Codec::kVp9:
      return ReadVp9(payload, info);
    case Codec::kH264:
      return ReadH264(payload, info);
    case Codec::kAv1:
      return ReadAv1(payload, info);
    default:
      info->startOfFrame = true;
      return true;
  }
}

bool RedPayload::Parse(View p) {
  count = 0;
  size_t at = 0;
  size_t sizes[kMaxBlocks];
  for (;;) {
    if (at >= p.size || count == kMaxBlocks) return false;
    Block& block = blocks[count];
    block.payloadType = p[at] & 0x7f;
    if (!(p[at] & 0x80)) {
      block.timestampOffset = 0;
      at += 1;
      count++;
      break;
    }
    if (at + 4 > p.size) return false;
    uint32_t rest = Get24(p.data + at + 1);
    block.timestampOffset = uint16_t(rest >> 10);
    sizes[count] = rest & 0x3ff;
    at += 4;
    count++;
  }
  for (size_t i = 0; i + 1 < count; i++) {
    if (sizes[i] > p.size - at) return false;
    blocks[i].data = View(p.data + at, sizes[i]);
    at += sizes[i];
  }
  blocks[count - 1].data = View(p.data + at, p.size - at);
  return true;
}

}  // namespace parley
