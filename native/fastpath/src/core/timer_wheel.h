#pragma once
#include "core/bytes.h"

namespace parley {

/** One pending deadline, embedded in its owner. Destroying it cancels it. */
class Timer {
 public:
  Timer() = default;
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;
  virtual ~Timer() { Unlink(); }
  bool armed() const { return previous_ != nullptr; }
  Micros deadline() const { return deadline_; }
  void Cancel() { Unlink(); }

 protected:
  /** Called once, disarmed; may arm again and may destroy the owner. */
  virtual void OnDue(Micros now) = 0;

 private:
  friend class TimerWheel;
  struct Link;
  void Unlink();

  Timer* next_ = nullptr;
  Timer** previous_ = nullptr;
  Micros deadline_ = 0;
};

/** A timer that calls a member function of its owner. */
template <typename Owner, void (Owner::*Method)(Micros)>
class OwnerTimer final : public Timer {
 public:
  explicit OwnerTimer(Owner* owner) : owner_(owner) {}

 protected:
  void OnDue(Micros now) override { (owner_->*Method)(now); }

 private:
  Owner* owner_;
};

/** Hashed wheel of 1 ms slots. Arming, cancelling and firing cost O(1). */
class TimerWheel {
 public:
  static constexpr Micros kSlot = 1000;
  static constexpr size_t kSlots = 4096;

  ~TimerWheel();
  /** Starts the wheel's time; deadlines are measured against it. */
  void Start(Micros now);
  void Arm(Timer& timer, Micros deadline);
  /** Fires everything due at `now`. */
  void Advance(Micros now);
  /** No later than the earliest deadline; -1 when nothing is armed within a turn of the wheel. */
  Micros NextDeadline() const;

 private:
  void Place(Timer& timer, int64_t tick);

  Timer* slots_[kSlots] = {};
  uint64_t used_[kSlots / 64] = {};
  int64_t tick_ = 0;
  bool started_ = false;
};

}  // namespace parley
