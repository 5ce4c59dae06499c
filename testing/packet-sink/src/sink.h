#pragma once
#include <netinet/in.h>
#include <sys/socket.h>

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <unordered_map>
#include <vector>

#include "place.h"

namespace parley {

struct SinkOptions {
  int bufferBytes;
  int pollMicroseconds;
};

struct SinkStatistics {
  uint64_t received;
  uint64_t passed;
  /** By the kernel, as the socket's buffer was full: what SO_RXQ_OVFL says with each packet, asked for once. */
  uint64_t dropped;
  /** Not handed over, as too much waited to be taken. */
  uint64_t overflowed;
  /** No packet that arrived before is still to be counted. Milliseconds of CLOCK_MONOTONIC. */
  double countedTo;
  int bufferBytes;
};

/**
 * One UDP socket with a thread that serves many listeners. While something comes the thread looks every
 * `pollMicroseconds` instead of waiting on the socket, so that no sender pays for waking it.
 */
class Sink {
 public:
  /** `onPending` is called by the thread once there is something to take; again only after the next `Take`. */
  Sink(const SinkOptions& options, std::function<void()> onPending);
  ~Sink();

  /** Binds and starts; errno where that fails, else 0. */
  int Start();
  /** Ends the thread. Idempotent. */
  void Stop();

  uint16_t port() const { return port_; }
  /** The last two octets of the new listener's address; 0 when all are taken. */
  uint16_t AddPlace(uint32_t passEvery);
  void RemovePlace(uint16_t place);
  void Know(uint16_t place, uint32_t ssrc);
  void Measure(const Span& span);
  std::vector<Stream> Streams(uint16_t place);
  /**
   * To loopback from the listener's own address; elsewhere from the machine's, where what this endpoint answers is the
   * listener's that sent to it last.
   */
  bool Send(uint16_t place, uint32_t address, uint16_t port, const uint8_t* data, size_t size);
  /** What is to be handed over: PassedHeader and bytes, each padded to 8. */
  std::vector<uint8_t> Take();
  SinkStatistics Statistics();

 private:
  void Run();
  size_t Receive();
  void Handle(msghdr& header, const uint8_t* data, size_t size, double now, double wallMinusMonotonic);
  uint16_t PlaceOf(const sockaddr_in& source) const;
  void Pass(uint16_t place, const sockaddr_in& source, double arrival, const uint8_t* data, size_t size);

  const SinkOptions options_;
  const std::function<void()> onPending_;
  int fd_ = -1;
  uint16_t port_ = 0;
  std::atomic<bool> stopping_{false};
  std::thread thread_;

  std::mutex mutex_;
  // Below: under the mutex.
  std::vector<std::unique_ptr<Place>> places_;
  /** By endpoints off loopback. */
  std::unordered_map<uint64_t, uint16_t> bySource_;
  Span span_{0, 1e300};
  std::vector<uint8_t> pending_;
  bool signalled_ = false;
  SinkStatistics statistics_{};

  // Of the thread alone.
  std::vector<uint8_t> buffers_;
  std::vector<uint8_t> controls_;
  std::vector<mmsghdr> messages_;
  std::vector<iovec> parts_;
  std::vector<sockaddr_in> sources_;
};

/** Before the bytes of each packet that is handed over; numbers in the order of the machine. */
struct PassedHeader {
  double arrival;
  uint32_t size;
  uint32_t address;
  uint16_t port;
  uint16_t place;
  uint32_t unused;
};
static_assert(sizeof(PassedHeader) == 24, "JavaScript reads it by offsets");

}  // namespace parley
