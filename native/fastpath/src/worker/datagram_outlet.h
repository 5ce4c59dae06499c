#pragma once
#include <netinet/in.h>
#include <sys/socket.h>

#include <functional>
#include <memory>
#include <unordered_map>
#include <vector>

#include "core/core.h"

namespace parley {

/** A socket address of a path's remote end. */
socklen_t SocketAddress(const Path& path, sockaddr_storage* out);
Path PathOf(const sockaddr_storage& address, uint16_t local);

/** One accepted ICE-TCP connection with RFC 4571 framing. */
struct TcpConnection {
  int fd = -1;
  Path path;
  Micros accepted = 0;
  Bytes input;
  Bytes output;
  size_t outputAt = 0;
  bool waitsForSpace = false;
};

/** Collects datagrams and sends them in few system calls; bounded. */
class DatagramOutlet final : public Outlet {
 public:
  static constexpr size_t kBatch = 1024;
  /** Segments in one UDP GSO call; the kernel allows 64 and 64 KiB. */
  static constexpr size_t kMaxSegments = 48;
  static constexpr size_t kMaxTcpBacklog = 512 * 1024;

  DatagramOutlet(const std::vector<int>& sockets, int epoll);
  ~DatagramOutlet() override;

  uint8_t* Reserve() override;
  void Commit(const Path& path, size_t size) override;
  void Flush();
  /** Sends what a connection still holds. @returns false when it is broken. */
  bool Drain(TcpConnection& connection);

  std::unordered_map<uint32_t, std::unique_ptr<TcpConnection>> connections;
  /** Called after each batch that left. */
  std::function<void()> onFlushed;
  uint64_t failures = 0;
  uint64_t sent = 0;
  /** System-call messages the datagrams left in. */
  uint64_t messages = 0;

 private:
  struct Slot {
    Path path;
    uint16_t size;
    int16_t next;  // of the same destination, -1 at the end
    uint8_t data[kMaxPacket];
  };
  struct Group {
    int16_t first;
    int16_t last;
  };
  void Collect();
  void AddMessages(const Group& group);
  void SendMessages();
  void SendTcp(TcpConnection& connection, const uint8_t* data, size_t size);

  std::vector<int> sockets_;
  int epoll_;
  bool segments_;
  std::vector<Slot> slots_;
  size_t count_ = 0;
  Group groups_[kBatch];
  size_t groupCount_ = 0;
  int16_t table_[kBatch * 2];
  mmsghdr messages_[kBatch];
  uint16_t messageSocket_[kBatch];
  uint16_t messagePackets_[kBatch];
  sockaddr_storage addresses_[kBatch];
  iovec parts_[kBatch];
  alignas(cmsghdr) uint8_t control_[kBatch][CMSG_SPACE(sizeof(uint16_t))];
  size_t messageCount_ = 0;
  size_t partCount_ = 0;
};

}  // namespace parley
