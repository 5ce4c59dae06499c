#include "worker/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

namespace parley {

namespace {

enum Source : uint64_t { kWake = 0, kUdp = 1, kListener = 2, kConnection = 3 };

constexpr size_t kReceiveBatch = 32;
constexpr int kReceiveRounds = 16;
constexpr size_t kMaxConnections = 8192;
constexpr Micros kUnknownConnectionTime = 10'000'000;
// What commands may take of a turn, and of a long one as a share: neither side keeps the other waiting for good.
constexpr Micros kCommandTime = 2'000;
constexpr Micros kCommandShare = 4;
constexpr Micros kNoLimit = INT64_MAX / 2;
// About a millisecond.
constexpr size_t kStatsEntities = 256;

Micros ClockMicros(clockid_t clock) {
  timespec t;
  clock_gettime(clock, &t);
  return Micros(t.tv_sec) * 1'000'000 + t.tv_nsec / 1000;
}

// How long ago the kernel received it; 0 when it does not tell or the wall clock jumped.
Micros Waited(msghdr& header, Micros wall) {
  for (cmsghdr* c = CMSG_FIRSTHDR(&header); c; c = CMSG_NXTHDR(&header, c)) {
    if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_TIMESTAMPNS) continue;
    timespec t;
    std::memcpy(&t, CMSG_DATA(c), sizeof t);
    Micros waited = wall - (Micros(t.tv_sec) * 1'000'000 + t.tv_nsec / 1000);
    return waited > 0 && waited < 10'000'000 ? waited : 0;
  }
  return 0;
}

}  // namespace

Worker::Worker(WorkerOptions options, Listener listener)
    : options_(std::move(options)), listener_(std::move(listener)), pulse_(options_.pulseFd) {}

Worker::~Worker() {
  Stop();
  Join();
  CloseSockets();
}

Micros Worker::Now() const { return ClockMicros(CLOCK_MONOTONIC); }

void Worker::CloseSockets() {
  for (int fd : udp_) close(fd);
  for (int fd : tcp_) close(fd);
  udp_.clear();
  tcp_.clear();
  if (epoll_ >= 0) close(epoll_);
  if (wake_ >= 0) close(wake_);
  epoll_ = wake_ = -1;
}

std::string Worker::Bind(uint16_t port) {
  port_ = port;
  for (const std::string& text : options_.addresses) {
    Path path;
    if (!ParseAddress(text, port_, &path)) return "not an IP address: " + text;
    sockaddr_storage address;
    socklen_t size = SocketAddress(path, &address);
    for (int type : {SOCK_DGRAM, SOCK_STREAM}) {
      if (type == SOCK_STREAM && !options_.tcp) continue;
      int fd = socket(address.ss_family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
      if (fd < 0) return text + ": " + strerror(errno);
      (type == SOCK_DGRAM ? udp_ : tcp_).push_back(fd);
      int on = 1;
      if (path.family == 6) setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
      if (type == SOCK_STREAM) {
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
      } else {
        // What the publisher's congestion control learns must not contain our own scheduling.
        setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on);
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &options_.socketBuffer, sizeof options_.socketBuffer);
        setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &options_.socketBuffer, sizeof options_.socketBuffer);
      }
      if (bind(fd, reinterpret_cast<sockaddr*>(&address), size) != 0) {
        return text + " port " + std::to_string(port_) + ": " + strerror(errno);
      }
      if (port_ == 0) {
        sockaddr_storage bound;
        socklen_t boundSize = sizeof bound;
        getsockname(fd, reinterpret_cast<sockaddr*>(&bound), &boundSize);
        port_ = PathOf(bound, 0).port;
        path.port = port_;
        SocketAddress(path, &address);
      }
      if (type == SOCK_STREAM && listen(fd, 256) != 0) return text + ": " + strerror(errno);
    }
  }
  return udp_.empty() ? "no address was given" : "";
}

std::string Worker::Start() {
  std::string error;
  // A picked port may be taken on another address or protocol.
  for (int attempt = 0; attempt < (options_.port ? 1 : 32); attempt++) {
    CloseSockets();
    error = Bind(options_.port);
    if (error.empty()) break;
  }
  if (!error.empty()) {
    CloseSockets();
    return error;
  }
  epoll_ = epoll_create1(EPOLL_CLOEXEC);
  wake_ = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  auto watch = [&](int fd, Source source, size_t index) {
    epoll_event event;
    event.events = EPOLLIN;
    event.data.u64 = uint64_t(source) << 32 | index;
    epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event);
  };
  watch(wake_, kWake, 0);
  for (size_t i = 0; i < udp_.size(); i++) watch(udp_[i], kUdp, i);
  for (size_t i = 0; i < tcp_.size(); i++) watch(tcp_[i], kListener, i);
  outlet_ = std::make_unique<DatagramOutlet>(udp_, epoll_);
  // A turn that sends to thousands takes long, and is no standstill.
  outlet_->onFlushed = [this] { pulse_.Beat(Now()); };
  core_ = std::make_unique<Core>(options_.core, *outlet_);
  if (!core_->dtls().ok()) return "no certificate could be made";
  fingerprint_ = core_->dtls().fingerprint();
  core_->Advance(Now());
  thread_ = std::thread([this] { Run(); });
  return "";
}

void Worker::Wake() {
  if (awake_.exchange(true)) return;
  uint64_t one = 1;
  ssize_t ignored = write(wake_, &one, sizeof one);
  (void)ignored;
}

void Worker::Post(Command command) {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    commands_.push_back(std::move(command));
  }
  Wake();
}

void Worker::RequestStats(uint32_t request) {
  Post([this, request](Core& core) {
    walks_.emplace_back(request, StatsWalk(core));
  });
}

void Worker::ContinueStats() {
  if (walks_.empty() || !walks_.front().second.Continue(*core_, kStatsEntities)) return;
  Record stats = walks_.front().second.Finish(*core_);
  stats.Number("sendFailures", double(outlet_->failures)).Number("packetsSent", double(outlet_->sent));
  stats.Number("messagesSent", double(outlet_->messages));
  stats.Number("tcpConnections", double(outlet_->connections.size()));
  stats.Number("cpuMicroseconds", double(ClockMicros(CLOCK_THREAD_CPUTIME_ID)));
  stats.Number("busyMicroseconds", double(pulse_.Busy(Now())));
  stats.Number("eventsDropped", double(events_.dropped()));
  Record event;
  event.Text("type", "stats").Number("request", walks_.front().first).Child("stats", std::move(stats));
  core_->Emit(std::move(event));
  walks_.pop_front();
}

void Worker::Stop() {
  if (stopping_.exchange(true)) return;
  if (wake_ >= 0) Wake();
}

void Worker::Join() {
  if (!thread_.joinable()) return;
  thread_.join();
  CloseSockets();
}

// Runs commands in their order. @returns whether some may be left when the budget is used up.
bool Worker::RunCommands(Micros budget) {
  if (awake_.load()) {
    // Emptied before the flag falls: a wake-up in between is seen by the swap below.
    uint64_t value;
    ssize_t ignored = read(wake_, &value, sizeof value);
    (void)ignored;
    awake_.store(false);
  }
  Micros end = Now() + budget;
  for (;;) {
    if (takenAt_ == taken_.size()) {
      taken_.clear();
      takenAt_ = 0;
      std::lock_guard<std::mutex> lock(mutex_);
      taken_.swap(commands_);
      if (taken_.empty()) return false;
    }
    Command command = std::move(taken_[takenAt_++]);
    command(*core_);
    if (Now() >= end) return true;
  }
}

void Worker::Tell(std::vector<Record> events) {
  if (events_.Push(std::move(events))) listener_();
}

void Worker::Run() {
  pthread_setname_np(pthread_self(), "packets");
  epoll_event ready[64];
  bool commandsLeft = false;
  Micros turnBegan = Now();
  pulse_.Begin(turnBegan);
  while (!stopping_.load()) {
    Micros turnEnded = Now();
    int wait = commandsLeft || !walks_.empty() || core_->hasWork() ? 0 : -1;
    for (Micros deadline : {core_->NextDeadline(), pulse_.deadline()}) {
      if (deadline < 0 || wait == 0) continue;
      Micros left = deadline - turnEnded;
      int sooner = left <= 0 ? 0 : int((left + 999) / 1000);
      wait = wait < 0 ? sooner : std::min(wait, sooner);
    }
    int count = epoll_wait(epoll_, ready, 64, wait);
    Micros commandTime = std::max(kCommandTime, (turnEnded - turnBegan) / kCommandShare);
    turnBegan = Now();
    pulse_.Waited(turnEnded, turnBegan);
    pulse_.Beat(turnBegan);
    core_->SetNow(turnBegan);
    commandsLeft = RunCommands(commandTime);
    ContinueStats();
    for (int i = 0; i < count; i++) {
      uint32_t index = uint32_t(ready[i].data.u64);
      switch (Source(ready[i].data.u64 >> 32)) {
        case kWake:
          break;
        case kUdp:
          ReceiveUdp(index);
          break;
        case kListener:
          Accept(index);
          break;
        case kConnection: {
          auto found = outlet_->connections.find(index);
          if (found == outlet_->connections.end()) break;
          if ((ready[i].events & EPOLLOUT) && !outlet_->Drain(*found->second)) {
            CloseConnection(index);
            break;
          }
          if (ready[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) ReceiveTcp(index);
          break;
        }
      }
    }
    Micros now = Now();
    core_->Advance(now);
    core_->Work(now);
    if (now - lastSweep_ > 1'000'000) SweepConnections(now);
    outlet_->Flush();
    if (core_->hasEvents()) Tell(core_->TakeEvents());
  }
  RunCommands(kNoLimit);
  core_.reset();
  outlet_->Flush();
  outlet_.reset();
  std::vector<Record> last(1);
  last[0].Text("type", "worker.closed");
  Tell(std::move(last));
}

void Worker::ReceiveUdp(size_t index) {
  constexpr size_t kSize = kMaxPacket;
  constexpr size_t kControl = CMSG_SPACE(sizeof(timespec));
  received_.resize(kReceiveBatch * kSize);
  mmsghdr messages[kReceiveBatch];
  iovec parts[kReceiveBatch];
  sockaddr_storage from[kReceiveBatch];
  alignas(cmsghdr) uint8_t control[kReceiveBatch][kControl];
  for (int round = 0; round < kReceiveRounds; round++) {
    for (size_t i = 0; i < kReceiveBatch; i++) {
      parts[i] = {received_.data() + i * kSize, kSize};
      std::memset(&messages[i], 0, sizeof messages[i]);
      messages[i].msg_hdr.msg_name = &from[i];
      messages[i].msg_hdr.msg_namelen = sizeof from[i];
      messages[i].msg_hdr.msg_iov = &parts[i];
      messages[i].msg_hdr.msg_iovlen = 1;
      messages[i].msg_hdr.msg_control = control[i];
      messages[i].msg_hdr.msg_controllen = kControl;
    }
    int count = recvmmsg(udp_[index], messages, kReceiveBatch, 0, nullptr);
    if (count <= 0) return;
    Micros now = Now();
    pulse_.Beat(now);
    Micros wall = ClockMicros(CLOCK_REALTIME);
    for (int i = 0; i < count; i++) {
      if (messages[i].msg_hdr.msg_flags & MSG_TRUNC) continue;
      core_->OnDatagram(View(received_.data() + size_t(i) * kSize, messages[i].msg_len), PathOf(from[i], uint16_t(index)), now,
                        now - Waited(messages[i].msg_hdr, wall));
    }
    if (size_t(count) < kReceiveBatch) return;
    // Timers keep their promise under load as well.
    core_->Advance(now);
  }
}

void Worker::Accept(size_t index) {
  for (int i = 0; i < 64; i++) {
    sockaddr_storage from;
    socklen_t size = sizeof from;
    int fd = accept4(tcp_[index], reinterpret_cast<sockaddr*>(&from), &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) return;
    if (outlet_->connections.size() >= kMaxConnections) {
      close(fd);
      continue;
    }
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    uint32_t id;
    do {
      id = core_->Random();
    } while (id == 0 || outlet_->connections.count(id));
    auto connection = std::make_unique<TcpConnection>();
    connection->fd = fd;
    connection->path = PathOf(from, uint16_t(index));
    connection->path.connection = id;
    connection->accepted = core_->now();
    epoll_event event;
    event.events = EPOLLIN;
    event.data.u64 = uint64_t(kConnection) << 32 | id;
    epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event);
    outlet_->connections[id] = std::move(connection);
  }
}

void Worker::ReceiveTcp(uint32_t id) {
  auto found = outlet_->connections.find(id);
  if (found == outlet_->connections.end()) return;
  TcpConnection& c = *found->second;
  uint8_t buffer[64 * 1024];
  ssize_t n = recv(c.fd, buffer, sizeof buffer, 0);
  if (n == 0 || (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)) {
    CloseConnection(id);
    return;
  }
  if (n < 0) return;
  c.input.insert(c.input.end(), buffer, buffer + n);
  size_t at = 0;
  Path path = c.path;
  Micros now = Now();
  while (c.input.size() - at >= 2) {
    size_t size = Get16(c.input.data() + at);
    if (size > kMaxPacket) {
      CloseConnection(id);
      return;
    }
    if (c.input.size() - at - 2 < size) break;
    if (size) core_->OnDatagram(View(c.input.data() + at + 2, size), path, now);
    at += 2 + size;
  }
  c.input.erase(c.input.begin(), c.input.begin() + long(at));
}

void Worker::CloseConnection(uint32_t id) {
  auto found = outlet_->connections.find(id);
  if (found == outlet_->connections.end()) return;
  core_->OnConnectionClosed(found->second->path);
  epoll_ctl(epoll_, EPOLL_CTL_DEL, found->second->fd, nullptr);
  close(found->second->fd);
  outlet_->connections.erase(found);
}

void Worker::SweepConnections(Micros now) {
  lastSweep_ = now;
  std::vector<uint32_t> stale;
  for (auto& [id, c] : outlet_->connections) {
    if (now - c->accepted > kUnknownConnectionTime && !core_->KnowsPath(c->path)) stale.push_back(id);
  }
  for (uint32_t id : stale) CloseConnection(id);
}

}  // namespace parley
