#include "core/frame_chains.h"

#include <algorithm>

namespace parley {

void FrameChains::Chain::Restart(int64_t sequence) {
  // A beginning that comes late does not mend what broke after it.
  if ((broken && brokenTo > sequence) || begunAt > sequence) return;
  begunAt = sequence;
  broken = false;
  soundUpTo = std::max(soundUpTo, sequence);
  size_t kept = 0;
  for (size_t i = 0; i < count; i++) {
    if (open[i].before > sequence) open[kept++] = open[i];
  }
  count = kept;
}

void FrameChains::Chain::Follow(uint16_t number, const Frame* frame, int64_t before) {
  if (frame && frame->Whole()) {
    if (count == 0) soundUpTo = std::max(soundUpTo, frame->last);
    return;
  }
  // Nothing after a beginning stands on what was before it.
  if (count == kMostOpen || before < begunAt) return;
  for (size_t i = 0; i < count; i++) {
    if (open[i].number == number) return;
  }
  open[count++] = {number, before};
}

void FrameChains::Take(Packet& p, int64_t awaited) {
  FrameInfo& f = p.frame;
  Count(p);
  for (size_t s = 0; s < kMostSpatial; s++) {
    Chain& chain = chains_[s];
    if (f.startOfLayer && f.chainDistances[s] == 0) {
      chain.Restart(p.sequence);
    } else if (f.startOfLayer) {
      uint16_t before = uint16_t(f.frameNumber - f.chainDistances[s]);
      chain.Follow(before, Find(before), p.sequence);
    }
    if (chain.count > 0) Settle(chain, awaited);
    if (chain.broken && p.sequence >= chain.brokenFrom) f.brokenSpatials |= uint8_t(1 << s);
  }
}

void FrameChains::Count(const Packet& p) {
  const FrameInfo& f = p.frame;
  Frame& frame = frames_[f.frameNumber % kRemembered];
  if (frame.number != f.frameNumber) {
    // One that comes very late has lost its place.
    if (frame.newest > p.sequence) return;
    frame = Frame();
    frame.number = f.frameNumber;
  }
  frame.packets++;
  frame.newest = std::max(frame.newest, p.sequence);
  if (f.startOfLayer) frame.first = p.sequence;
  if (f.endOfLayer) frame.last = p.sequence;
}

void FrameChains::Settle(Chain& chain, int64_t awaited) {
  size_t kept = 0;
  for (size_t i = 0; i < chain.count; i++) {
    const Link link = chain.open[i];
    const Frame* frame = Find(link.number);
    if (frame && frame->Whole()) continue;
    bool mayCome = awaited >= 0 && awaited < link.before;
    bool lost = !mayCome && lostAt_ > chain.soundUpTo && lostAt_ < link.before;
    if (!lost) {
      chain.open[kept++] = link;
      continue;
    }
    chain.brokenFrom = chain.broken ? std::min(chain.brokenFrom, link.before) : link.before;
    chain.brokenTo = chain.broken ? std::max(chain.brokenTo, link.before) : link.before;
    chain.broken = true;
  }
  chain.count = kept;
}

}  // namespace parley
