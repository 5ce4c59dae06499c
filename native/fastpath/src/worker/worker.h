#pragma once
#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "core/core.h"
#include "worker/datagram_outlet.h"

namespace parley {

struct WorkerOptions {
  std::vector<std::string> addresses;
  uint16_t port = 0;
  bool tcp = true;
  int socketBuffer = 4 << 20;
  CoreOptions core;
};

/** The packet thread: sockets, clock and command queue around one Core. */
class Worker {
 public:
  using Command = std::function<void(Core&)>;
  /** Called on the packet thread with batches of events. */
  using Listener = std::function<void(std::vector<Record>)>;

  Worker(WorkerOptions options, Listener listener);
  ~Worker();
  Worker(const Worker&) = delete;

  /** Binds all sockets and starts the thread. @returns an empty string, or why not. */
  std::string Start();
  void Post(Command command);
  void RequestStats(uint32_t request);
  /** Asks the thread to end; it reports `worker.closed` last. */
  void Stop();
  /** Waits for the thread and closes the sockets. */
  void Join();
  uint16_t port() const { return port_; }
  std::string fingerprint() const { return fingerprint_; }

 private:
  struct Connection;
  std::string Bind(uint16_t port);
  void CloseSockets();
  void Run();
  void Wake();
  void DrainCommands();
  void ReceiveUdp(size_t index);
  void Accept(size_t index);
  void ReceiveTcp(uint32_t id);
  void CloseConnection(uint32_t id);
  void SweepConnections(Micros now);
  Micros Now() const;

  WorkerOptions options_;
  Listener listener_;
  uint16_t port_ = 0;
  std::string fingerprint_;
  std::vector<int> udp_;
  std::vector<int> tcp_;
  int epoll_ = -1;
  int wake_ = -1;
  std::thread thread_;
  std::atomic<bool> stopping_{false};
  std::atomic<bool> awake_{false};
  std::mutex mutex_;
  std::vector<Command> commands_;
  std::unique_ptr<DatagramOutlet> outlet_;
  std::unique_ptr<Core> core_;
  std::vector<uint8_t> received_;
  Micros lastSweep_ = 0;
};

}  // namespace parley
