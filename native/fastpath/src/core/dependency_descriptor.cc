#include "core/dependency_descriptor.h"

#include <algorithm>

#include "core/bit_reader.h"

namespace parley {

namespace {

constexpr size_t kMostTemplates = 64;
constexpr size_t kMostTargets = 32;
constexpr uint32_t kSwitch = 2;
// Fields before the flags of the extended part.
constexpr size_t kMandatoryBits = 24;
constexpr size_t kFlagBits = 5;

/** ns(n) of the specification: a number below n in as few bits as are needed. */
uint32_t NonSymmetric(BitReader& r, uint32_t n) {
  int width = 0;
  for (uint32_t x = n; x != 0; x >>= 1) width++;
  uint32_t shorter = (uint32_t(1) << width) - n;
  uint32_t v = r.Bits(width - 1);
  return v < shorter ? v : (v << 1) - shorter + r.One();
}

struct BitWriter {
  uint8_t* out;
  size_t bit = 0;
  void Bits(uint32_t value, int n) {
    while (n--) {
      if (bit % 8 == 0) out[bit / 8] = 0;
      out[bit / 8] |= uint8_t((value >> n & 1) << (7 - bit % 8));
      bit++;
    }
  }
};

}  // namespace

struct DependencyReader::Structure {
  struct Template {
    uint8_t spatial = 0;
    uint8_t temporal = 0;
    uint8_t references = 0;
    uint8_t distances[FrameInfo::kMostReferences] = {};
    uint8_t indications[kMostTargets] = {};
    uint8_t chainDistances[kMostTargets] = {};
  };
  uint8_t offset = 0;
  size_t templates = 0;
  size_t targets = 0;
  size_t chains = 0;
  Template list[kMostTemplates];
  uint8_t targetSpatial[kMostTargets] = {};
  uint8_t targetTemporal[kMostTargets] = {};
  uint8_t targetChain[kMostTargets] = {};
  /** By spatial layer: the chain of its target of fewest frames, which all of its targets stand on. */
  uint8_t spatialChain[kMostSpatial] = {};
  size_t spatials = 0;
  bool hasSizes = false;
  uint16_t widths[kMostSpatial] = {};
  uint16_t heights[kMostSpatial] = {};

  bool Parse(BitReader& r) {
    offset = uint8_t(r.Bits(6));
    targets = r.Bits(5) + 1;
    if (!ParseLayers(r)) return false;
    for (size_t t = 0; t < templates; t++) {
      for (size_t d = 0; d < targets; d++) list[t].indications[d] = uint8_t(r.Bits(2));
    }
    for (size_t t = 0; t < templates && !r.bad; t++) {
      while (r.One()) {
        if (r.bad || list[t].references == FrameInfo::kMostReferences) return false;
        list[t].distances[list[t].references++] = uint8_t(r.Bits(4) + 1);
      }
    }
    chains = NonSymmetric(r, uint32_t(targets) + 1);
    if (chains > 0) {
      for (size_t d = 0; d < targets; d++) targetChain[d] = uint8_t(NonSymmetric(r, uint32_t(chains)));
      for (size_t t = 0; t < templates && !r.bad; t++) {
        for (size_t c = 0; c < chains; c++) list[t].chainDistances[c] = uint8_t(r.Bits(4));
      }
    }
    for (size_t d = 0; d < targets; d++) {
      for (size_t t = 0; t < templates; t++) {
        if (list[t].indications[d] == 0) continue;
        targetSpatial[d] = std::max(targetSpatial[d], list[t].spatial);
        targetTemporal[d] = std::max(targetTemporal[d], list[t].temporal);
      }
    }
    uint8_t least[kMostSpatial];
    std::fill(least, least + kMostSpatial, uint8_t(0xff));
    for (size_t d = 0; d < targets; d++) {
      if (targetTemporal[d] >= least[targetSpatial[d]]) continue;
      least[targetSpatial[d]] = targetTemporal[d];
      spatialChain[targetSpatial[d]] = targetChain[d];
    }
    hasSizes = r.One();
    for (size_t s = 0; hasSizes && s < spatials; s++) {
      widths[s] = uint16_t(r.Bits(16) + 1);
      heights[s] = uint16_t(r.Bits(16) + 1);
    }
    return !r.bad;
  }

 private:
  bool ParseLayers(BitReader& r) {
    uint8_t spatial = 0, temporal = 0;
    for (;;) {
      if (r.bad || templates == kMostTemplates || spatial >= kMostSpatial || temporal >= 8) return false;
      list[templates].spatial = spatial;
      list[templates++].temporal = temporal;
      uint32_t next = r.Bits(2);
      if (next == 3) break;
      if (next == 1) temporal++;
      if (next == 2) {
        temporal = 0;
        spatial++;
      }
    }
    spatials = size_t(spatial) + 1;
    return true;
  }
};

DependencyReader::DependencyReader() = default;
DependencyReader::~DependencyReader() = default;

void DependencyReader::Reset() { structure_.reset(); }

bool DependencyReader::Read(View descriptor, FrameInfo* info) {
  if (descriptor.size < 3) return false;
  BitReader r{descriptor};
  bool start = r.One(), end = r.One();
  uint32_t id = r.Bits(6);
  uint16_t number = uint16_t(r.Bits(16));
  bool ownTargets = false, ownReferences = false, ownChains = false;
  std::unique_ptr<Structure> fresh;
  size_t structureEnd = 0, targetsEnd = 0;
  if (descriptor.size > 3) {
    bool structured = r.One(), active = r.One();
    ownTargets = r.One();
    ownReferences = r.One();
    ownChains = r.One();
    if (structured) {
      fresh = std::make_unique<Structure>();
      if (!fresh->Parse(r)) return false;
      structureEnd = r.bit;
    }
    const Structure* known = fresh ? fresh.get() : structure_.get();
    if (!known) return false;
    if (active) {
      r.Bits(int(known->targets));
      targetsEnd = r.bit;
    }
  }
  const Structure* s = fresh ? fresh.get() : structure_.get();
  if (!s) return false;
  size_t index = (id + 64 - s->offset) % 64;
  if (index >= s->templates) return false;
  const Structure::Template& shape = s->list[index];
  uint8_t indications[kMostTargets];
  std::copy(shape.indications, shape.indications + s->targets, indications);
  for (size_t d = 0; ownTargets && d < s->targets; d++) indications[d] = uint8_t(r.Bits(2));
  uint8_t references = shape.references;
  uint16_t distances[FrameInfo::kMostReferences];
  std::copy(shape.distances, shape.distances + references, distances);
  if (ownReferences) {
    references = 0;
    while (uint32_t size = r.Bits(2)) {
      if (references == FrameInfo::kMostReferences) return false;
      distances[references++] = uint16_t(r.Bits(int(size) * 4) + 1);
    }
  }
  uint8_t chainDistances[kMostTargets];
  std::copy(shape.chainDistances, shape.chainDistances + s->chains, chainDistances);
  for (size_t c = 0; ownChains && c < s->chains; c++) chainDistances[c] = uint8_t(r.Bits(8));
  if (r.bad) return false;

  info->described = true;
  info->startOfLayer = start;
  info->endOfLayer = end;
  info->frameNumber = number;
  info->spatial = int8_t(shape.spatial);
  info->temporal = int8_t(shape.temporal);
  info->decodeTargets = uint8_t(s->targets);
  info->references = references;
  std::copy(distances, distances + references, info->distances);
  std::fill(info->switchTo, info->switchTo + kMostSpatial, uint8_t(0));
  for (size_t d = 0; d < s->targets; d++) {
    if (indications[d] == kSwitch) info->switchTo[s->targetSpatial[d]] |= uint8_t(1 << s->targetTemporal[d]);
  }
  for (size_t layer = 0; layer < kMostSpatial; layer++) {
    bool chained = s->chains > 0 && layer < s->spatials;
    info->chainDistances[layer] = chained ? chainDistances[s->spatialChain[layer]] : 0;
  }
  info->structureEnd = uint16_t(structureEnd);
  info->targetsEnd = uint16_t(targetsEnd);
  if (fresh) {
    info->sizes = 0;
    for (size_t i = 0; i < fresh->spatials; i++) info->AddSize(fresh->widths[i], fresh->heights[i]);
    structure_ = std::move(fresh);
  }
  return true;
}

uint32_t DependencyReader::TargetsWithin(int spatial, int temporal) const {
  uint32_t bits = 0;
  for (size_t d = 0; structure_ && d < structure_->targets; d++) {
    bool within = structure_->targetSpatial[d] <= spatial && structure_->targetTemporal[d] <= temporal;
    if (within) bits |= uint32_t(1) << d;
  }
  return bits;
}

size_t RewriteDescriptor(View in, const FrameInfo& info, uint16_t frameNumber, uint32_t targets, uint8_t* out) {
  if (targets == 0 || info.decodeTargets == 0) {
    std::memcpy(out, in.data, in.size);
    Put16(out + 1, frameNumber);
    return in.size;
  }
  BitReader r{in};
  BitWriter w{out};
  w.Bits(r.Bits(8), 8);
  r.Bits(16);
  w.Bits(frameNumber, 16);
  bool extended = in.size > 3;
  uint32_t flags = extended ? r.Bits(int(kFlagBits)) : 0;
  w.Bits(flags | 0x08, int(kFlagBits));
  while (extended && r.bit < std::max<size_t>(info.structureEnd, kMandatoryBits + kFlagBits)) w.Bits(r.One(), 1);
  w.Bits(targets, info.decodeTargets);
  if (info.targetsEnd) r.bit = info.targetsEnd;
  while (extended && r.bit < in.size * 8) w.Bits(r.One(), 1);
  size_t size = (w.bit + 7) / 8;
  return size > 255 ? 0 : size;
}

}  // namespace parley
