#include "worker/pulse.h"

#include <sys/socket.h>

#include <algorithm>

namespace parley {

void Pulse::Waited(Micros from, Micros to) {
  waited_ += to - from;
  waitedSinceBeat_ += to - from;
}

void Pulse::Beat(Micros now) {
  Micros passed = now - lastBeat_;
  if (fd_ < 0 || passed < kEvery) return;
  uint8_t percent = uint8_t(std::clamp<Micros>((passed - waitedSinceBeat_) * 100 / passed, 0, 100));
  ssize_t ignored = send(fd_, &percent, sizeof percent, MSG_DONTWAIT | MSG_NOSIGNAL);
  (void)ignored;
  lastBeat_ = now;
  waitedSinceBeat_ = 0;
}

}  // namespace parley
