#pragma once
#include <string>

#include "core/bytes.h"
#include "core/net_address.h"

namespace parley {

/** A parsed STUN message (RFC 8489) with the ICE attributes (RFC 8445). Borrows the bytes. */
class StunMessage {
 public:
  static constexpr uint16_t kBindingRequest = 0x0001;
  static constexpr uint16_t kBindingIndication = 0x0011;
  static constexpr uint16_t kBindingSuccess = 0x0101;
  static constexpr uint16_t kBindingError = 0x0111;

  /** @returns false when the bytes are no well-formed STUN message with the magic cookie. */
  bool Parse(View bytes);
  /** MESSAGE-INTEGRITY (HMAC-SHA1) under a short-term password. */
  bool IntegrityHolds(const std::string& password) const;
  /** FINGERPRINT present and right. */
  bool FingerprintHolds() const;

  uint16_t type = 0;
  uint8_t transaction[12] = {0};
  std::string username;
  bool hasUsername = false;
  bool useCandidate = false;
  bool hasControlled = false;
  bool hasControlling = false;
  uint64_t tieBreaker = 0;
  /** A comprehension-required attribute we do not know; 0 without. */
  uint16_t unknownRequired = 0;

 private:
  View bytes_;
  size_t integrityAt_ = 0;
  size_t fingerprintAt_ = 0;
};

/** A success response with XOR-MAPPED-ADDRESS, integrity and fingerprint. */
Bytes StunSuccess(const uint8_t* transaction, const Path& mapped, const std::string& password);
/** An error response; without integrity when `password` is empty. */
Bytes StunError(const uint8_t* transaction, int code, const char* reason, const std::string& password,
                uint16_t unknownAttribute = 0);
/** A connectivity check by the controlled side. */
Bytes StunCheck(const uint8_t* transaction, const std::string& username, const std::string& password,
                uint64_t tieBreaker);

}  // namespace parley
