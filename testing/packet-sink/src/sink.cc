#include "sink.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/sock_diag.h>
#include <netinet/udp.h>
#include <poll.h>
#include <pthread.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <iterator>

#ifndef UDP_GRO
#define UDP_GRO 104
#endif
#ifndef SO_MEMINFO
#define SO_MEMINFO 55
#endif

namespace parley {
namespace {

constexpr size_t kBatch = 512;
constexpr size_t kDatagram = 65'536;
/** Beginnings that lie whole powers of two apart would share few lines of the processor's cache. */
constexpr size_t kSlot = kDatagram + 5 * 64;
constexpr size_t kControl = 128;
/** After so many looks in vain the thread waits on the socket, and looks this often whether it has to end. */
constexpr int kPatience = 100;
constexpr int kIdleMs = 100;
constexpr size_t kMaxPending = 64u << 20;
constexpr uint32_t kLoopback = 127;
/** Listeners are 127.64.0.1 to 127.64.255.255. */
constexpr uint32_t kNetwork = kLoopback << 24 | 64u << 16;

constexpr int kClockTries = 8;
constexpr double kClockGapMs = 0.005;

double Milliseconds(const timespec& at) { return double(at.tv_sec) * 1e3 + double(at.tv_nsec) / 1e6; }

double Now(clockid_t clock) {
  timespec at;
  clock_gettime(clock, &at);
  return Milliseconds(at);
}

uint64_t EndpointKey(uint32_t address, uint16_t port) { return uint64_t(address) << 16 | port; }

// Read again when something came between the readings.
double WallMinusMonotonic() {
  double difference = 0;
  for (int i = 0; i < kClockTries; i++) {
    const double before = Now(CLOCK_MONOTONIC);
    difference = Now(CLOCK_REALTIME) - before;
    if (Now(CLOCK_MONOTONIC) - before < kClockGapMs) break;
  }
  return difference;
}

}  // namespace

Sink::Sink(const SinkOptions& options, std::function<void()> onPending)
    : options_(options), onPending_(std::move(onPending)), places_(1) {}

Sink::~Sink() {
  Stop();
  if (fd_ >= 0) close(fd_);
}

int Sink::Start() {
  fd_ = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd_ < 0) return errno;
  const int on = 1;
  // Beyond net.core.rmem_max only for the privileged.
  if (setsockopt(fd_, SOL_SOCKET, SO_RCVBUFFORCE, &options_.bufferBytes, sizeof options_.bufferBytes) != 0) {
    setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &options_.bufferBytes, sizeof options_.bufferBytes);
  }
  socklen_t length = sizeof statistics_.bufferBytes;
  getsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &statistics_.bufferBytes, &length);
  if (setsockopt(fd_, IPPROTO_IP, IP_PKTINFO, &on, sizeof on) != 0) return errno;
  if (setsockopt(fd_, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on) != 0) return errno;
  // Segments of one send stay one datagram on the way to this socket.
  if (setsockopt(fd_, IPPROTO_UDP, UDP_GRO, &on, sizeof on) != 0) return errno;
  sockaddr_in any{};
  any.sin_family = AF_INET;
  if (bind(fd_, reinterpret_cast<sockaddr*>(&any), sizeof any) != 0) return errno;
  length = sizeof any;
  getsockname(fd_, reinterpret_cast<sockaddr*>(&any), &length);
  port_ = ntohs(any.sin_port);

  buffers_.resize(kBatch * kSlot);
  controls_.resize(kBatch * kControl);
  messages_.resize(kBatch);
  parts_.resize(kBatch);
  sources_.resize(kBatch);
  thread_ = std::thread([this] { Run(); });
  return 0;
}

void Sink::Stop() {
  stopping_ = true;
  if (thread_.joinable()) thread_.join();
}

uint16_t Sink::AddPlace(uint32_t passEvery) {
  std::lock_guard<std::mutex> guard(mutex_);
  if (places_.size() > UINT16_MAX) return 0;
  const uint32_t place = uint32_t(places_.size());
  places_.push_back(std::make_unique<Place>(std::max(passEvery, 1u), place));
  return uint16_t(place);
}

void Sink::RemovePlace(uint16_t place) {
  std::lock_guard<std::mutex> guard(mutex_);
  if (place < places_.size()) places_[place].reset();
  for (auto it = bySource_.begin(); it != bySource_.end();) it = it->second == place ? bySource_.erase(it) : std::next(it);
}

void Sink::Know(uint16_t place, uint32_t ssrc) {
  std::lock_guard<std::mutex> guard(mutex_);
  if (place < places_.size() && places_[place]) places_[place]->Know(ssrc);
}

void Sink::Measure(const Span& span) {
  std::lock_guard<std::mutex> guard(mutex_);
  span_ = span;
  for (auto& place : places_) {
    if (place) place->Mark();
  }
}

std::vector<Stream> Sink::Streams(uint16_t place) {
  std::lock_guard<std::mutex> guard(mutex_);
  if (place >= places_.size() || !places_[place]) return {};
  return places_[place]->streams();
}

bool Sink::Send(uint16_t place, uint32_t address, uint16_t port, const uint8_t* data, size_t size) {
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(port);
  to.sin_addr.s_addr = htonl(address);
  iovec part{const_cast<uint8_t*>(data), size};
  msghdr header{};
  header.msg_name = &to;
  header.msg_namelen = sizeof to;
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  alignas(cmsghdr) uint8_t control[CMSG_SPACE(sizeof(in_pktinfo))] = {};
  if (address >> 24 == kLoopback) {
    header.msg_control = control;
    header.msg_controllen = sizeof control;
    cmsghdr* from = CMSG_FIRSTHDR(&header);
    from->cmsg_level = IPPROTO_IP;
    from->cmsg_type = IP_PKTINFO;
    from->cmsg_len = CMSG_LEN(sizeof(in_pktinfo));
    in_pktinfo info{};
    info.ipi_spec_dst.s_addr = htonl(kNetwork | place);
    std::memcpy(CMSG_DATA(from), &info, sizeof info);
  } else {
    std::lock_guard<std::mutex> guard(mutex_);
    bySource_[EndpointKey(address, port)] = place;
  }
  return sendmsg(fd_, &header, MSG_DONTWAIT) >= 0;
}

std::vector<uint8_t> Sink::Take() {
  std::lock_guard<std::mutex> guard(mutex_);
  signalled_ = false;
  std::vector<uint8_t> taken;
  taken.swap(pending_);
  return taken;
}

SinkStatistics Sink::Statistics() {
  std::lock_guard<std::mutex> guard(mutex_);
  uint32_t memory[SK_MEMINFO_VARS] = {};
  socklen_t length = sizeof memory;
  if (getsockopt(fd_, SOL_SOCKET, SO_MEMINFO, memory, &length) == 0) statistics_.dropped = memory[SK_MEMINFO_DROPS];
  return statistics_;
}

void Sink::Run() {
  pthread_setname_np(pthread_self(), "packet-sink");
  int emptyLooks = 0;
  while (!stopping_) {
    const size_t count = Receive();
    emptyLooks = count ? 0 : emptyLooks + 1;
    if (count == kBatch) continue;
    if (emptyLooks < kPatience) {
      timespec pause{0, long(options_.pollMicroseconds) * 1'000};
      nanosleep(&pause, nullptr);
    } else {
      pollfd awaited{fd_, POLLIN, 0};
      poll(&awaited, 1, kIdleMs);
    }
  }
}

/** One batch of what waits. */
size_t Sink::Receive() {
  for (size_t i = 0; i < kBatch; i++) {
    parts_[i] = {&buffers_[i * kSlot], kDatagram};
    msghdr& header = messages_[i].msg_hdr;
    header = {};
    header.msg_name = &sources_[i];
    header.msg_namelen = sizeof sources_[i];
    header.msg_iov = &parts_[i];
    header.msg_iovlen = 1;
    header.msg_control = &controls_[i * kControl];
    header.msg_controllen = kControl;
  }
  const double now = Now(CLOCK_MONOTONIC);
  const double wallMinusMonotonic = WallMinusMonotonic();
  const int got = recvmmsg(fd_, messages_.data(), kBatch, MSG_DONTWAIT, nullptr);
  const size_t count = got > 0 ? size_t(got) : 0;
  bool tell = false;
  {
    std::lock_guard<std::mutex> guard(mutex_);
    // An emptied socket holds nothing that came before it was asked.
    if (count < kBatch) statistics_.countedTo = now;
    for (size_t i = 0; i < count; i++) {
      Handle(messages_[i].msg_hdr, &buffers_[i * kSlot], messages_[i].msg_len, now, wallMinusMonotonic);
    }
    tell = !signalled_ && !pending_.empty();
    signalled_ = signalled_ || tell;
  }
  if (tell) onPending_();
  return count;
}

void Sink::Handle(msghdr& header, const uint8_t* data, size_t size, double now, double wallMinusMonotonic) {
  uint32_t to = 0;
  double arrival = now;
  size_t segment = size;
  for (cmsghdr* c = CMSG_FIRSTHDR(&header); c; c = CMSG_NXTHDR(&header, c)) {
    if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
      in_pktinfo info;
      std::memcpy(&info, CMSG_DATA(c), sizeof info);
      to = ntohl(info.ipi_addr.s_addr);
    } else if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_TIMESTAMPNS) {
      timespec at;
      std::memcpy(&at, CMSG_DATA(c), sizeof at);
      arrival = Milliseconds(at) - wallMinusMonotonic;
    } else if (c->cmsg_level == IPPROTO_UDP && c->cmsg_type == UDP_GRO) {
      int bytes;
      std::memcpy(&bytes, CMSG_DATA(c), sizeof bytes);
      if (bytes > 0) segment = size_t(bytes);
    }
  }
  const auto& source = *static_cast<const sockaddr_in*>(header.msg_name);
  const uint16_t index = (to & 0xffff0000u) == kNetwork ? uint16_t(to) : PlaceOf(source);
  Place* place = index < places_.size() ? places_[index].get() : nullptr;
  if (place == nullptr) return;
  for (size_t at = 0; at < size; at += segment) {
    const size_t length = std::min(segment, size - at);
    statistics_.received++;
    if (IsMedia(data + at, length) && !place->Count(data + at, arrival, span_)) continue;
    Pass(index, source, arrival, data + at, length);
  }
}

uint16_t Sink::PlaceOf(const sockaddr_in& source) const {
  const auto found = bySource_.find(EndpointKey(ntohl(source.sin_addr.s_addr), ntohs(source.sin_port)));
  return found == bySource_.end() ? 0 : found->second;
}

void Sink::Pass(uint16_t place, const sockaddr_in& source, double arrival, const uint8_t* data, size_t size) {
  const size_t padded = (size + 7) & ~size_t(7);
  if (pending_.size() + sizeof(PassedHeader) + padded > kMaxPending) {
    statistics_.overflowed++;
    return;
  }
  statistics_.passed++;
  const PassedHeader header{arrival, uint32_t(size), ntohl(source.sin_addr.s_addr), ntohs(source.sin_port), place, 0};
  const size_t at = pending_.size();
  pending_.resize(at + sizeof header + padded);
  std::memcpy(&pending_[at], &header, sizeof header);
  std::memcpy(&pending_[at + sizeof header], data, size);
}

}  // namespace parley
