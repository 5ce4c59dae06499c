#include "worker/datagram_outlet.h"

#include <errno.h>
#include <netinet/udp.h>
#include <sys/epoll.h>
#include <unistd.h>

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif
#ifndef SOL_UDP
#define SOL_UDP 17
#endif

namespace parley {

socklen_t SocketAddress(const Path& path, sockaddr_storage* out) {
  if (path.family == 6) {
    auto a = reinterpret_cast<sockaddr_in6*>(out);
    std::memset(a, 0, sizeof *a);
    a->sin6_family = AF_INET6;
    a->sin6_port = htons(path.port);
    std::memcpy(&a->sin6_addr, path.address, 16);
    return sizeof *a;
  }
  auto a = reinterpret_cast<sockaddr_in*>(out);
  std::memset(a, 0, sizeof *a);
  a->sin_family = AF_INET;
  a->sin_port = htons(path.port);
  std::memcpy(&a->sin_addr, path.address, 4);
  return sizeof *a;
}

Path PathOf(const sockaddr_storage& address, uint16_t local) {
  Path path;
  path.local = local;
  if (address.ss_family == AF_INET6) {
    auto a = reinterpret_cast<const sockaddr_in6*>(&address);
    path.family = 6;
    path.port = ntohs(a->sin6_port);
    std::memcpy(path.address, &a->sin6_addr, 16);
  } else {
    auto a = reinterpret_cast<const sockaddr_in*>(&address);
    path.family = 4;
    path.port = ntohs(a->sin_port);
    std::memcpy(path.address, &a->sin_addr, 4);
  }
  return path;
}

DatagramOutlet::DatagramOutlet(const std::vector<int>& sockets, int epoll)
    : sockets_(sockets), epoll_(epoll), slots_(kBatch) {
  int off = 0;
  segments_ = !sockets.empty() && setsockopt(sockets[0], SOL_UDP, UDP_SEGMENT, &off, sizeof off) == 0;
}

DatagramOutlet::~DatagramOutlet() {
  for (auto& [id, connection] : connections) close(connection->fd);
}

uint8_t* DatagramOutlet::Reserve() {
  if (count_ == kBatch) Flush();
  return slots_[count_].data;
}

void DatagramOutlet::Commit(const Path& path, size_t size) {
  Slot& slot = slots_[count_];
  if (path.tcp()) {
    auto found = connections.find(path.connection);
    if (found != connections.end()) SendTcp(*found->second, slot.data, size);
    return;
  }
  if (path.local >= sockets_.size()) return;
  slot.path = path;
  slot.size = uint16_t(size);
  slot.next = -1;
  count_++;
}

// Chains the datagrams of each destination, in their order.
void DatagramOutlet::Collect() {
  std::memset(table_, -1, sizeof table_);
  groupCount_ = 0;
  Group* group = nullptr;
  constexpr size_t kMask = kBatch * 2 - 1;
  static_assert((kBatch & (kBatch - 1)) == 0, "the table is masked");
  for (size_t i = 0; i < count_; i++) {
    // Most follow one to the same destination.
    if (i > 0 && slots_[i].path == slots_[i - 1].path) {
      slots_[i - 1].next = int16_t(i);
      group->last = int16_t(i);
      continue;
    }
    size_t at = PathHash()(slots_[i].path) & kMask;
    while (table_[at] >= 0 && slots_[size_t(groups_[table_[at]].first)].path != slots_[i].path) at = (at + 1) & kMask;
    if (table_[at] < 0) {
      table_[at] = int16_t(groupCount_);
      group = &groups_[groupCount_++];
      *group = {int16_t(i), int16_t(i)};
    } else {
      group = &groups_[table_[at]];
      slots_[size_t(group->last)].next = int16_t(i);
      group->last = int16_t(i);
    }
  }
}

// Runs of equal size leave in one call as segments; only the last of a run may be shorter.
void DatagramOutlet::AddMessages(const Group& group) {
  for (int16_t at = group.first; at >= 0;) {
    Slot& first = slots_[size_t(at)];
    size_t message = messageCount_++;
    msghdr& header = messages_[message].msg_hdr;
    std::memset(&header, 0, sizeof header);
    header.msg_name = &addresses_[message];
    header.msg_namelen = SocketAddress(first.path, &addresses_[message]);
    header.msg_iov = &parts_[partCount_];
    messageSocket_[message] = first.path.local;
    size_t total = 0, segments = 0;
    bool shorter = false;
    do {
      Slot& slot = slots_[size_t(at)];
      if (segments && (!segments_ || slot.size > first.size || shorter || segments == kMaxSegments ||
                       total + slot.size > 60'000)) {
        break;
      }
      shorter = slot.size < first.size;
      parts_[partCount_++] = {slot.data, slot.size};
      total += slot.size;
      segments++;
      at = slot.next;
    } while (at >= 0);
    header.msg_iovlen = segments;
    messagePackets_[message] = uint16_t(segments);
    if (segments > 1) {
      header.msg_control = control_[message];
      header.msg_controllen = sizeof control_[message];
      cmsghdr* control = CMSG_FIRSTHDR(&header);
      control->cmsg_level = SOL_UDP;
      control->cmsg_type = UDP_SEGMENT;
      control->cmsg_len = CMSG_LEN(sizeof(uint16_t));
      std::memcpy(CMSG_DATA(control), &first.size, sizeof(uint16_t));
    }
  }
}

void DatagramOutlet::SendMessages() {
  size_t at = 0;
  while (at < messageCount_) {
    size_t run = 1;
    while (at + run < messageCount_ && messageSocket_[at + run] == messageSocket_[at]) run++;
    int done = sendmmsg(sockets_[messageSocket_[at]], messages_ + at, unsigned(run), 0);
    if (done > 0) {
      for (size_t i = at; i < at + size_t(done); i++) sent += messagePackets_[i];
      messages += uint64_t(done);
      at += size_t(done);
      continue;
    }
    if (errno == EINTR) continue;
    if (messagePackets_[at] > 1) {
      // A path or device without segmentation: one by one, now and from here on.
      segments_ = errno != EIO && errno != EINVAL && segments_;
      msghdr& header = messages_[at].msg_hdr;
      for (size_t i = 0; i < messagePackets_[at]; i++) {
        ssize_t n = sendto(sockets_[messageSocket_[at]], header.msg_iov[i].iov_base, header.msg_iov[i].iov_len, 0,
                           static_cast<sockaddr*>(header.msg_name), header.msg_namelen);
        (n >= 0 ? sent : failures)++;
      }
    } else {
      // Unreachable, or no room: it is lost, as on any network.
      failures++;
    }
    at++;
  }
}

void DatagramOutlet::Flush() {
  if (count_ == 0) return;
  Collect();
  messageCount_ = partCount_ = 0;
  for (size_t i = 0; i < groupCount_; i++) AddMessages(groups_[i]);
  SendMessages();
  count_ = 0;
  if (onFlushed) onFlushed();
}

void DatagramOutlet::SendTcp(TcpConnection& connection, const uint8_t* data, size_t size) {
  size_t waiting = connection.output.size() - connection.outputAt;
  if (size > 0xffff || waiting + size + 2 > kMaxTcpBacklog) {
    failures++;
    return;
  }
  uint8_t head[2];
  Put16(head, uint32_t(size));
  connection.output.insert(connection.output.end(), head, head + 2);
  connection.output.insert(connection.output.end(), data, data + size);
  sent++;
  if (!connection.waitsForSpace) Drain(connection);
}

bool DatagramOutlet::Drain(TcpConnection& c) {
  while (c.outputAt < c.output.size()) {
    ssize_t n = send(c.fd, c.output.data() + c.outputAt, c.output.size() - c.outputAt, MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK) {
      c.output.clear();
      c.outputAt = 0;
      return false;
    }
    if (n <= 0) break;
    c.outputAt += size_t(n);
  }
  bool waits = c.outputAt < c.output.size();
  if (!waits) {
    c.output.clear();
    c.outputAt = 0;
  } else if (c.outputAt > kMaxTcpBacklog / 4) {
    c.output.erase(c.output.begin(), c.output.begin() + long(c.outputAt));
    c.outputAt = 0;
  }
  if (waits != c.waitsForSpace) {
    c.waitsForSpace = waits;
    epoll_event event;
    event.events = EPOLLIN | (waits ? unsigned(EPOLLOUT) : 0u);
    event.data.u64 = uint64_t(3) << 32 | c.path.connection;
    epoll_ctl(epoll_, EPOLL_CTL_MOD, c.fd, &event);
  }
  return true;
}

}  // namespace parley
