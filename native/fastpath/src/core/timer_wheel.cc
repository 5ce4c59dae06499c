#include "core/timer_wheel.h"

namespace parley {

void Timer::Unlink() {
  if (!previous_) return;
  *previous_ = next_;
  if (next_) next_->previous_ = previous_;
  next_ = nullptr;
  previous_ = nullptr;
}

TimerWheel::~TimerWheel() {
  for (auto& slot : slots_) {
    while (slot) slot->Unlink();
  }
}

void TimerWheel::Start(Micros now) {
  if (started_) return;
  started_ = true;
  tick_ = now / kSlot;
}

void TimerWheel::Place(Timer& timer, int64_t tick) {
  size_t index = size_t(tick) % kSlots;
  timer.next_ = slots_[index];
  if (timer.next_) timer.next_->previous_ = &timer.next_;
  timer.previous_ = &slots_[index];
  slots_[index] = &timer;
  used_[index / 64] |= uint64_t(1) << (index % 64);
}

void TimerWheel::Arm(Timer& timer, Micros deadline) {
  timer.Unlink();
  timer.deadline_ = deadline;
  // Rounded up so that a timer never fires early; past deadlines fire at the next tick.
  int64_t tick = (deadline + kSlot - 1) / kSlot;
  if (tick <= tick_) tick = tick_ + 1;
  Place(timer, tick);
}

void TimerWheel::Advance(Micros now) {
  Start(now);
  int64_t target = now / kSlot;
  if (target - tick_ > int64_t(kSlots)) {
    // After a long sleep one full turn visits every slot.
    tick_ = target - int64_t(kSlots);
  }
  while (tick_ < target) {
    tick_ += 1;
    size_t index = size_t(tick_) % kSlots;
    if (!(used_[index / 64] >> (index % 64) & 1)) continue;
    Timer* due = slots_[index];
    slots_[index] = nullptr;
    used_[index / 64] &= ~(uint64_t(1) << (index % 64));
    if (due) due->previous_ = &due;
    // `due` is now a list head on this stack; callbacks may unlink any of its members.
    while (due) {
      Timer* timer = due;
      timer->Unlink();
      if (timer->deadline_ > now) {
        Place(*timer, (timer->deadline_ + kSlot - 1) / kSlot);
        continue;
      }
      timer->OnDue(now);
    }
  }
}

Micros TimerWheel::NextDeadline() const {
  for (size_t step = 1; step <= kSlots; step++) {
    size_t index = size_t(tick_ + int64_t(step)) % kSlots;
    if (index % 64 == 0 && used_[index / 64] == 0) {
      step += 63;
      continue;
    }
    if (used_[index / 64] >> (index % 64) & 1 && slots_[index]) return (tick_ + int64_t(step)) * kSlot;
  }
  return -1;
}

}  // namespace parley
