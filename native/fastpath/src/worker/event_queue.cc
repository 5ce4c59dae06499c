#include "worker/event_queue.h"

#include <algorithm>
#include <iterator>

namespace parley {

namespace {

bool Perishable(const Record& event) {
  const std::string& type = event.fields[0].second.text;
  return type == "packets.sent" || type == "rtcp.received" || type == "levels.measured" || type == "data.received";
}

size_t Size(const Record& event) {
  size_t size = sizeof event;
  for (const auto& [key, value] : event.fields) {
    size += sizeof value + value.bytes.size() + value.numbers.size() * sizeof(double);
    for (const Record& record : value.records) size += Size(record);
  }
  return size;
}

}  // namespace

bool EventQueue::Push(std::vector<Record> events) {
  std::lock_guard<std::mutex> lock(mutex_);
  if (perishableBytes_ > kMaxBytes) DropPerishable();
  for (const Record& event : events) {
    if (Perishable(event)) perishableBytes_ += Size(event);
  }
  if (events_.empty()) {
    events_ = std::move(events);
  } else {
    std::move(events.begin(), events.end(), std::back_inserter(events_));
  }
  bool wake = !woken_;
  woken_ = true;
  return wake;
}

std::vector<Record> EventQueue::Take() {
  std::lock_guard<std::mutex> lock(mutex_);
  woken_ = false;
  perishableBytes_ = 0;
  std::vector<Record> events;
  events.swap(events_);
  return events;
}

uint64_t EventQueue::dropped() const {
  std::lock_guard<std::mutex> lock(mutex_);
  return dropped_;
}

void EventQueue::DropPerishable() {
  size_t before = events_.size();
  events_.erase(std::remove_if(events_.begin(), events_.end(), Perishable), events_.end());
  dropped_ += before - events_.size();
  perishableBytes_ = 0;
}

}  // namespace parley
