#pragma once
#include <atomic>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "core/core.h"
#include "core/stats_walk.h"
#include "worker/datagram_outlet.h"
#include "worker/event_queue.h"
#include "worker/pulse.h"

namespace parley {

struct WorkerOptions {
  std::vector<std::string> addresses;
  uint16_t port = 0;
  bool tcp = true;
  int socketBuffer = 4 << 20;
  /** Gets the signs of life of the packet thread (`Pulse`); not owned. */
  int pulseFd = -1;
  CoreOptions core;
};

/** The packet thread: sockets, clock and command queue around one Core. */
class Worker {
 public:
  using Command = std::function<void(Core&)>;
  /** Called on the packet thread when events wait and the reader has taken all before. */
  using Listener = std::function<void()>;

  Worker(WorkerOptions options, Listener listener);
  ~Worker();
  Worker(const Worker&) = delete;

  /** Binds all sockets and starts the thread. @returns an empty string, or why not. */
  std::string Start();
  void Post(Command command);
  void RequestStats(uint32_t request);
  /** All events that wait, in order; from any one thread. */
  std::vector<Record> TakeEvents() { return events_.Take(); }
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
  bool RunCommands(Micros budget);
  void ContinueStats();
  void Tell(std::vector<Record> events);
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
  EventQueue events_;
  // Of the packet thread alone:
  Pulse pulse_;
  std::vector<Command> taken_;
  size_t takenAt_ = 0;
  std::deque<std::pair<uint32_t, StatsWalk>> walks_;
  std::unique_ptr<DatagramOutlet> outlet_;
  std::unique_ptr<Core> core_;
  std::vector<uint8_t> received_;
  Micros lastSweep_ = 0;
};

}  // namespace parley
