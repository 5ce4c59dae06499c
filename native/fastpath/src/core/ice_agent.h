#pragma once
#include <string>
#include <vector>

#include "core/net_address.h"
#include "core/stun_message.h"

namespace parley {

/**
 * ICE-lite side of one peer (RFC 8445 section 2.5). A path counts only after an authenticated binding
 * request on it; once connected, media moves to another path only when it is proven reachable and
 * not more often than the budget allows.
 */
class IceAgent {
 public:
  static constexpr Micros kConsentDefault = 30'000'000;
  static constexpr size_t kMaxPaths = 16;
  static constexpr int kMoveBudget = 8;
  static constexpr Micros kMoveRefill = 1'000'000;

  struct Outcome {
    /** Datagrams to send on the path the request came from. */
    std::vector<Bytes> replies;
    bool authenticated = false;
    /** The path was not known before; the caller indexes it. */
    bool newPath = false;
    /** Media goes somewhere else from now on. */
    bool moved = false;
    /** A path that was given up to stay within the bound. */
    bool dropped = false;
    Path droppedPath;
  };

  IceAgent(std::string ufrag, std::string pwd) : ufrag_(std::move(ufrag)), pwd_(std::move(pwd)) {}

  void SetRemote(std::string ufrag, std::string pwd) {
    remoteUfrag_ = std::move(ufrag);
    remotePwd_ = std::move(pwd);
  }

  /** New credentials (RFC 8839 ICE restart). Media keeps its path until the new session selects one. */
  void Restart(std::string ufrag, std::string pwd);
  Outcome OnStun(const StunMessage& message, const Path& path, Micros now);
  /** An authenticated DTLS, SRTP or SRTCP packet arrived here. @returns true when media moves to this path. */
  bool OnAuthenticatedMedia(const Path& path, Micros now);
  bool Knows(const Path& path) const;
  /** The peer is known to be here, and nowhere else: nothing has to be checked. */
  void Fix(const Path& path) {
    paths_.push_back(path);
    Select(path);
    fixed_ = true;
  }
  bool fixed() const { return fixed_; }
  /** A TCP connection ended. @returns true when it was the selected path. */
  bool Forget(const Path& path);

  bool hasSelected() const { return hasSelected_; }
  const Path& selected() const { return selected_; }
  const std::vector<Path>& paths() const { return paths_; }
  Micros lastConsent() const { return lastConsent_; }
  const std::string& ufrag() const { return ufrag_; }
  const std::string& pwd() const { return pwd_; }
  uint64_t requests = 0;
  uint64_t rejected = 0;

 private:
  bool Move(const Path& path, Micros now);
  void Select(const Path& path) {
    selected_ = path;
    hasSelected_ = true;
    hasPending_ = false;
  }

  std::string ufrag_, pwd_, remoteUfrag_, remotePwd_;
  std::vector<Path> paths_;
  Path selected_;
  Path pending_;
  bool hasSelected_ = false;
  bool hasPending_ = false;
  bool proven_ = false;
  bool fixed_ = false;
  uint8_t check_[12] = {0};
  Micros lastConsent_ = 0;
  Micros lastRefill_ = 0;
  int moves_ = kMoveBudget;
};

}  // namespace parley
