#include "core/stun_message.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

namespace parley {

namespace {

constexpr uint32_t kCookie = 0x2112a442;
constexpr uint32_t kFingerprintXor = 0x5354554e;

enum Attribute : uint16_t {
  kUsername = 0x0006,
  kMessageIntegrity = 0x0008,
  kErrorCode = 0x0009,
  kUnknownAttributes = 0x000a,
  kXorMappedAddress = 0x0020,
  kPriority = 0x0024,
  kUseCandidate = 0x0025,
  kFingerprint = 0x8028,
  kIceControlled = 0x8029,
  kIceControlling = 0x802a,
};

uint32_t Crc32(View bytes) {
  uint32_t crc = 0xffffffff;
  for (size_t i = 0; i < bytes.size; i++) {
    crc ^= bytes[i];
    for (int bit = 0; bit < 8; bit++) crc = crc >> 1 ^ (0xedb88320u & (0u - (crc & 1)));
  }
  return ~crc;
}

void HmacSha1(const std::string& key, View a, View b, uint8_t* out) {
  // Two runs so that the length field can be replaced without copying the message.
  uint8_t joined[2048];
  if (a.size + b.size > sizeof joined) {
    std::memset(out, 0, 20);
    return;
  }
  std::memcpy(joined, a.data, a.size);
  if (b.size) std::memcpy(joined + a.size, b.data, b.size);
  unsigned size = 0;
  HMAC(EVP_sha1(), key.data(), int(key.size()), joined, a.size + b.size, out, &size);
}

void Header(Writer& w, uint16_t type, const uint8_t* transaction) {
  w.U16(type);
  w.U16(0);
  w.U32(kCookie);
  w.Append(transaction, 12);
}

void SetLength(Bytes& out, size_t attributesSize) { Put16(out.data() + 2, uint32_t(attributesSize)); }

void AppendText(Writer& w, uint16_t type, const std::string& text) {
  w.U16(type);
  w.U16(uint32_t(text.size()));
  w.Append(text.data(), text.size());
  for (size_t i = text.size(); i % 4; i++) w.U8(0);
}

void Finish(Bytes& out, const std::string& password) {
  Writer w(out);
  if (!password.empty()) {
    SetLength(out, out.size() - 20 + 24);
    uint8_t mac[20];
    HmacSha1(password, View(out), View(), mac);
    w.U16(kMessageIntegrity);
    w.U16(20);
    w.Append(mac, 20);
  }
  SetLength(out, out.size() - 20 + 8);
  uint32_t crc = Crc32(View(out)) ^ kFingerprintXor;
  w.U16(kFingerprint);
  w.U16(4);
  w.U32(crc);
}

}  // namespace

bool StunMessage::Parse(View bytes) {
  if (bytes.size < 20 || bytes.size > 1500 || bytes[0] > 3) return false;
  size_t length = Get16(bytes.data + 2);
  if (length % 4 || length + 20 != bytes.size || Get32(bytes.data + 4) != kCookie) return false;
  bytes_ = bytes;
  type = Get16(bytes.data);
  std::memcpy(transaction, bytes.data + 8, 12);
  size_t at = 20;
  while (at + 4 <= bytes.size) {
    uint16_t kind = Get16(bytes.data + at);
    size_t size = Get16(bytes.data + at + 2);
    if (size > bytes.size - at - 4) return false;
    const uint8_t* value = bytes.data + at + 4;
    if (fingerprintAt_) return false;  // FINGERPRINT is the last one
    // After MESSAGE-INTEGRITY only FINGERPRINT counts (RFC 8489 section 14.5).
    bool counts = integrityAt_ == 0 || kind == kFingerprint;
    if (counts) {
      switch (kind) {
        case kUsername:
          if (size > 513) return false;
          username.assign(reinterpret_cast<const char*>(value), size);
          hasUsername = true;
          break;
        case kMessageIntegrity:
          if (size != 20) return false;
          integrityAt_ = at;
          break;
        case kFingerprint:
          if (size != 4) return false;
          fingerprintAt_ = at;
          break;
        case kUseCandidate:
          useCandidate = true;
          break;
        case kIceControlled:
        case kIceControlling:
          if (size != 8) return false;
          (kind == kIceControlled ? hasControlled : hasControlling) = true;
          tieBreaker = Get64(value);
          break;
        case kPriority:
        case kXorMappedAddress:
        case kErrorCode:
        case kUnknownAttributes:
          break;
        default:
          if (kind < 0x8000 && unknownRequired == 0) unknownRequired = kind;
      }
    }
    size_t padded = (size + 3) & ~size_t(3);
    if (padded > bytes.size - at - 4) return false;
    at += 4 + padded;
  }
  return at == bytes.size;
}

bool StunMessage::IntegrityHolds(const std::string& password) const {
  if (integrityAt_ == 0) return false;
  uint8_t head[20];
  std::memcpy(head, bytes_.data, 20);
  Put16(head + 2, uint32_t(integrityAt_ - 20 + 24));
  uint8_t mac[20];
  HmacSha1(password, View(head, 20), bytes_.Sub(20, integrityAt_ - 20), mac);
  return CRYPTO_memcmp(mac, bytes_.data + integrityAt_ + 4, 20) == 0;
}

bool StunMessage::FingerprintHolds() const {
  if (fingerprintAt_ == 0) return false;
  return (Crc32(bytes_.Sub(0, fingerprintAt_)) ^ kFingerprintXor) == Get32(bytes_.data + fingerprintAt_ + 4);
}

Bytes StunSuccess(const uint8_t* transaction, const Path& mapped, const std::string& password) {
  Bytes out;
  out.reserve(96);
  Writer w(out);
  Header(w, StunMessage::kBindingSuccess, transaction);
  size_t size = mapped.family == 6 ? 16 : 4;
  w.U16(kXorMappedAddress);
  w.U16(uint32_t(4 + size));
  w.U8(0);
  w.U8(mapped.family == 6 ? 2 : 1);
  w.U16(mapped.port ^ (kCookie >> 16));
  uint8_t mask[16];
  Put32(mask, kCookie);
  std::memcpy(mask + 4, transaction, 12);
  for (size_t i = 0; i < size; i++) w.U8(mapped.address[i] ^ mask[i]);
  Finish(out, password);
  return out;
}

Bytes StunError(const uint8_t* transaction, int code, const char* reason, const std::string& password,
                uint16_t unknownAttribute) {
  Bytes out;
  Writer w(out);
  Header(w, StunMessage::kBindingError, transaction);
  std::string text(4, '\0');
  text[2] = char(code / 100);
  text[3] = char(code % 100);
  AppendText(w, kErrorCode, text + reason);
  if (unknownAttribute) {
    w.U16(kUnknownAttributes);
    w.U16(2);
    w.U16(unknownAttribute);
    w.U16(0);
  }
  Finish(out, password);
  return out;
}

Bytes StunCheck(const uint8_t* transaction, const std::string& username, const std::string& password,
                uint64_t tieBreaker) {
  Bytes out;
  Writer w(out);
  Header(w, StunMessage::kBindingRequest, transaction);
  AppendText(w, kUsername, username);
  w.U16(kPriority);
  w.U16(4);
  w.U32(0x7effffff);
  w.U16(kIceControlled);
  w.U16(8);
  w.U32(uint32_t(tieBreaker >> 32));
  w.U32(uint32_t(tieBreaker));
  Finish(out, password);
  return out;
}

}  // namespace parley
