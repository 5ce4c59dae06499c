#include "core/ice_agent.h"

#include <openssl/rand.h>

#include <algorithm>

namespace parley {

bool IceAgent::Knows(const Path& path) const {
  return std::find(paths_.begin(), paths_.end(), path) != paths_.end();
}

bool IceAgent::Forget(const Path& path) {
  paths_.erase(std::remove(paths_.begin(), paths_.end(), path), paths_.end());
  if (hasPending_ && pending_ == path) hasPending_ = false;
  if (!hasSelected_ || selected_ != path) return false;
  hasSelected_ = false;
  return true;
}

bool IceAgent::Move(const Path& path, Micros now) {
  if (hasSelected_ && selected_ == path) return false;
  int64_t refill = (now - lastRefill_) / kMoveRefill;
  if (refill > 0) {
    moves_ = int(std::min<int64_t>(kMoveBudget, moves_ + refill));
    lastRefill_ += refill * kMoveRefill;
  }
  if (moves_ == 0) return false;
  moves_--;
  Select(path);
  return true;
}

void IceAgent::Restart(std::string ufrag, std::string pwd) {
  ufrag_ = std::move(ufrag);
  pwd_ = std::move(pwd);
  remoteUfrag_.clear();
  remotePwd_.clear();
  hasPending_ = false;
  // Requests under the new password cannot be replays of older ones.
  proven_ = false;
}

IceAgent::Outcome IceAgent::OnStun(const StunMessage& message, const Path& path, Micros now) {
  Outcome outcome;
  if (fixed_) return outcome;
  if (message.type == StunMessage::kBindingSuccess) {
    if (hasPending_ && pending_ == path && std::memcmp(message.transaction, check_, 12) == 0 &&
        message.IntegrityHolds(remotePwd_)) {
      outcome.moved = Move(path, now);
    }
    return outcome;
  }
  if (message.type != StunMessage::kBindingRequest) return outcome;
  requests++;
  size_t colon = message.username.find(':');
  bool ours = message.hasUsername && colon != std::string::npos && message.username.compare(0, colon, ufrag_) == 0;
  bool theirs = remoteUfrag_.empty() || (ours && message.username.compare(colon + 1, std::string::npos, remoteUfrag_) == 0);
  if (!ours || !theirs || !message.FingerprintHolds() || !message.IntegrityHolds(pwd_)) {
    // Unauthenticated requests get no answer: nothing to amplify, nothing to probe.
    rejected++;
    return outcome;
  }
  if (message.unknownRequired) {
    outcome.replies.push_back(StunError(message.transaction, 420, "Unknown Attribute", pwd_, message.unknownRequired));
    return outcome;
  }
  if (message.hasControlled) {
    // A lite agent is always controlled: the peer has to switch (RFC 8445 section 7.3.1.1).
    outcome.replies.push_back(StunError(message.transaction, 487, "Role Conflict", pwd_));
    return outcome;
  }
  outcome.authenticated = true;
  lastConsent_ = now;
  outcome.replies.push_back(StunSuccess(message.transaction, path, pwd_));
  if (!Knows(path)) {
    if (paths_.size() >= kMaxPaths) {
      auto old = std::find_if(paths_.begin(), paths_.end(), [&](const Path& p) { return !hasSelected_ || p != selected_; });
      outcome.dropped = true;
      outcome.droppedPath = *old;
      paths_.erase(old);
    }
    paths_.push_back(path);
    outcome.newPath = true;
  }
  if (!hasSelected_) {
    outcome.moved = Move(path, now);
    proven_ = false;
  } else if (message.useCandidate && selected_ != path) {
    if (!proven_) {
      // Nothing flows yet that a replayed request could misdirect.
      outcome.moved = Move(path, now);
    } else if (!hasPending_ || pending_ != path || outcome.newPath) {
      pending_ = path;
      hasPending_ = true;
    }
    if (hasPending_ && pending_ == path && !remotePwd_.empty()) {
      RAND_bytes(check_, sizeof check_);
      outcome.replies.push_back(StunCheck(check_, remoteUfrag_ + ":" + ufrag_, remotePwd_, 1));
    }
  }
  return outcome;
}

bool IceAgent::OnAuthenticatedMedia(const Path& path, Micros now) {
  proven_ = true;
  if (hasPending_ && pending_ == path) return Move(path, now);
  return false;
}

}  // namespace parley
