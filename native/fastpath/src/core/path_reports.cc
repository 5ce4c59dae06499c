#include "core/path_reports.h"

#include <cstring>

#include "core/core.h"

namespace parley {

void PathReports::Add(uint32_t transport, uint32_t kind, View body, Micros now) {
  size_t at = frames_.size();
  frames_.resize(at + 16 + (body.size + 7) / 8 * 8);
  uint8_t* frame = frames_.data() + at;
  uint32_t size = uint32_t(body.size) | kind;
  double time = double(now);
  std::memcpy(frame, &transport, 4);
  std::memcpy(frame + 4, &size, 4);
  std::memcpy(frame + 8, &time, 8);
  std::memcpy(frame + 16, body.data, body.size);
  Micros hold = core_.options().reportHold;
  if (hold == 0) {
    Flush();
  } else if (!timer_.armed()) {
    core_.wheel().Arm(timer_, now + hold);
  }
}

void PathReports::Flush() {
  timer_.Cancel();
  if (frames_.empty()) return;
  size_t size = frames_.size();
  Record event;
  event.Text("type", "paths.reported").Data("bytes", std::move(frames_));
  core_.Emit(std::move(event));
  frames_ = Bytes();
  frames_.reserve(size);
}

}  // namespace parley
