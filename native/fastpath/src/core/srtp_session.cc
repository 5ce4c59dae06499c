#include "core/srtp_session.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>

namespace parley {

namespace {

constexpr size_t kTag = 16;      // GCM
constexpr size_t kCmTag = 10;    // HMAC-SHA1-80
constexpr uint32_t kEncrypted = 0x80000000u;

// A silent source may have rolled over unseen; beyond this silence the next rollover is tried too.
constexpr Micros kRolloverDoubt = 5'000'000;

void Seek(const uint8_t* salt, uint32_t ssrc, uint64_t index, uint8_t* iv) {
  // RFC 7714 section 8.1: 00 00 SSRC ROC SEQ, exclusive-or with the salt.
  uint8_t block[12] = {0};
  Put32(block + 2, ssrc);
  Put32(block + 6, uint32_t(index >> 16));
  Put16(block + 10, uint32_t(index & 0xffff));
  for (int i = 0; i < 12; i++) iv[i] = block[i] ^ salt[i];
}

void SeekRtcp(const uint8_t* salt, uint32_t ssrc, uint32_t index, uint8_t* iv) {
  // RFC 7714 section 9.1: 00 00 SSRC 00 00 index.
  uint8_t block[12] = {0};
  Put32(block + 2, ssrc);
  Put32(block + 8, index & ~kEncrypted);
  for (int i = 0; i < 12; i++) iv[i] = block[i] ^ salt[i];
}

}  // namespace

const char* SrtpProfileName(SrtpProfile profile) {
  return profile == SrtpProfile::kAeadAes128Gcm ? "AEAD_AES_128_GCM" : "AES128_CM_SHA1_80";
}

size_t RtpHeaderSize(View p) {
  if (p.size < 12 || p[0] >> 6 != 2) return 0;
  size_t size = 12 + size_t(p[0] & 15) * 4;
  if (p[0] & 0x10) {
    if (p.size < size + 4) return 0;
    size += 4 + size_t(Get16(p.data + size + 2)) * 4;
  }
  return size <= p.size ? size : 0;
}

bool ReplayWindow::Fresh(int64_t index) const {
  if (index < 0) return false;
  if (newest_ < 0 || index > newest_) return true;
  if (newest_ - index >= kSize) return false;
  return !(bits_[(index % kSize) / 64] >> (index % 64) & 1);
}

void ReplayWindow::Mark(int64_t index) {
  if (newest_ < 0) {
    newest_ = index;
  } else if (index > newest_) {
    if (index - newest_ >= kSize) {
      std::memset(bits_, 0, sizeof bits_);
    } else {
      for (int64_t i = newest_ + 1; i <= index; i++) bits_[(i % kSize) / 64] &= ~(uint64_t(1) << (i % 64));
    }
    newest_ = index;
  }
  bits_[(index % kSize) / 64] |= uint64_t(1) << (index % 64);
}

SrtpCipher::SrtpCipher(SrtpProfile profile, View key, View salt) : profile_(profile) {
  uint8_t rtpKey[16], rtcpKey[16], mac[20];
  Derive(key.data, salt, 0, rtpKey, 16);
  Derive(key.data, salt, 3, rtcpKey, 16);
  size_t saltSize = SaltSize(profile);
  Derive(key.data, salt, 2, rtpSalt_, saltSize);
  Derive(key.data, salt, 5, rtcpSalt_, saltSize);
  const EVP_CIPHER* cipher = gcm() ? EVP_aes_128_gcm() : EVP_aes_128_ctr();
  auto make = [&](const uint8_t* k, int seal) {
    EVP_CIPHER_CTX* context = EVP_CIPHER_CTX_new();
    EVP_CipherInit_ex(context, cipher, nullptr, k, nullptr, seal);
    return context;
  };
  rtpSeal_ = make(rtpKey, 1);
  rtpOpen_ = make(rtpKey, 0);
  rtcpSeal_ = make(rtcpKey, 1);
  rtcpOpen_ = make(rtcpKey, 0);
  if (!gcm()) {
    Derive(key.data, salt, 1, mac, 20);
    rtpMac_ = HMAC_CTX_new();
    HMAC_Init_ex(rtpMac_, mac, 20, EVP_sha1(), nullptr);
    Derive(key.data, salt, 4, mac, 20);
    rtcpMac_ = HMAC_CTX_new();
    HMAC_Init_ex(rtcpMac_, mac, 20, EVP_sha1(), nullptr);
  }
  OPENSSL_cleanse(rtpKey, sizeof rtpKey);
  OPENSSL_cleanse(rtcpKey, sizeof rtcpKey);
  OPENSSL_cleanse(mac, sizeof mac);
}

SrtpCipher::~SrtpCipher() {
  for (EVP_CIPHER_CTX* context : {rtpSeal_, rtpOpen_, rtcpSeal_, rtcpOpen_}) EVP_CIPHER_CTX_free(context);
  HMAC_CTX_free(rtpMac_);
  HMAC_CTX_free(rtcpMac_);
}

// RFC 3711 section 4.3.1: AES-CM keystream at (label << 48 xor salt) << 16, key derivation rate 0.
void SrtpCipher::Derive(const uint8_t* key, View salt, uint8_t label, uint8_t* out, size_t size) {
  uint8_t iv[16] = {0};
  std::memcpy(iv, salt.data, salt.size < 14 ? salt.size : 14);
  iv[7] ^= label;
  uint8_t zero[32] = {0};
  EVP_CIPHER_CTX* context = EVP_CIPHER_CTX_new();
  int written = 0;
  uint8_t stream[32];
  EVP_EncryptInit_ex(context, EVP_aes_128_ctr(), nullptr, key, iv);
  EVP_EncryptUpdate(context, stream, &written, zero, int(size));
  std::memcpy(out, stream, size);
  EVP_CIPHER_CTX_free(context);
}

// RFC 3711 section 4.1.1: salt << 16 xor SSRC << 64 xor index << 16.
void SrtpCipher::CmIv(const uint8_t* salt, uint32_t ssrc, uint64_t index, uint8_t* iv) const {
  std::memcpy(iv, salt, 14);
  iv[14] = iv[15] = 0;
  uint8_t block[4];
  Put32(block, ssrc);
  for (int i = 0; i < 4; i++) iv[4 + i] ^= block[i];
  for (int i = 0; i < 6; i++) iv[8 + i] ^= uint8_t(index >> (8 * (5 - i)));
}

void SrtpCipher::HmacTag(HMAC_CTX* mac, View a, View b, uint8_t* tag) {
  uint8_t full[20];
  unsigned size = 0;
  HMAC_Init_ex(mac, nullptr, 0, nullptr, nullptr);
  HMAC_Update(mac, a.data, a.size);
  HMAC_Update(mac, b.data, b.size);
  HMAC_Final(mac, full, &size);
  std::memcpy(tag, full, kCmTag);
}

size_t SrtpCipher::SealRtp(uint8_t* out, size_t headerSize, const View* parts, size_t count, uint32_t ssrc,
                           int64_t index) {
  uint8_t iv[16];
  int written = 0;
  uint8_t* at = out + headerSize;
  if (gcm()) {
    Seek(rtpSalt_, ssrc, uint64_t(index), iv);
    EVP_EncryptInit_ex(rtpSeal_, nullptr, nullptr, nullptr, iv);
    EVP_EncryptUpdate(rtpSeal_, nullptr, &written, out, int(headerSize));
  } else {
    CmIv(rtpSalt_, ssrc, uint64_t(index), iv);
    EVP_EncryptInit_ex(rtpSeal_, nullptr, nullptr, nullptr, iv);
  }
  for (size_t i = 0; i < count; i++) {
    if (parts[i].size == 0) continue;
    EVP_EncryptUpdate(rtpSeal_, at, &written, parts[i].data, int(parts[i].size));
    at += written;
  }
  if (gcm()) {
    EVP_EncryptFinal_ex(rtpSeal_, at, &written);
    EVP_CIPHER_CTX_ctrl(rtpSeal_, EVP_CTRL_AEAD_GET_TAG, int(kTag), at);
    return size_t(at - out) + kTag;
  }
  uint8_t roc[4];
  Put32(roc, uint32_t(index >> 16));
  HmacTag(rtpMac_, View(out, size_t(at - out)), View(roc, 4), at);
  return size_t(at - out) + kCmTag;
}

int SrtpCipher::OpenRtp(View p, size_t headerSize, uint32_t ssrc, int64_t index, uint8_t* out) {
  uint8_t iv[16];
  int written = 0;
  if (p.size < headerSize + rtpOverhead()) return -1;
  size_t body = p.size - headerSize - rtpOverhead();
  const uint8_t* tag = p.data + headerSize + body;
  if (gcm()) {
    Seek(rtpSalt_, ssrc, uint64_t(index), iv);
    EVP_DecryptInit_ex(rtpOpen_, nullptr, nullptr, nullptr, iv);
    EVP_DecryptUpdate(rtpOpen_, nullptr, &written, p.data, int(headerSize));
    if (body) EVP_DecryptUpdate(rtpOpen_, out + headerSize, &written, p.data + headerSize, int(body));
    EVP_CIPHER_CTX_ctrl(rtpOpen_, EVP_CTRL_AEAD_SET_TAG, int(kTag), const_cast<uint8_t*>(tag));
    uint8_t none[16];
    if (EVP_DecryptFinal_ex(rtpOpen_, none, &written) != 1) return -1;
  } else {
    uint8_t roc[4], expected[kCmTag];
    Put32(roc, uint32_t(index >> 16));
    HmacTag(rtpMac_, View(p.data, headerSize + body), View(roc, 4), expected);
    if (CRYPTO_memcmp(expected, tag, kCmTag) != 0) return -1;
    CmIv(rtpSalt_, ssrc, uint64_t(index), iv);
    EVP_DecryptInit_ex(rtpOpen_, nullptr, nullptr, nullptr, iv);
    if (body) EVP_DecryptUpdate(rtpOpen_, out + headerSize, &written, p.data + headerSize, int(body));
  }
  std::memcpy(out, p.data, headerSize);
  return int(headerSize + body);
}

size_t SrtpCipher::SealRtcp(uint8_t* out, View p, uint32_t index) {
  uint8_t iv[16];
  int written = 0;
  uint32_t ssrc = Get32(p.data + 4);
  std::memcpy(out, p.data, 8);
  size_t body = p.size - 8;
  uint8_t word[4];
  Put32(word, index | kEncrypted);
  if (gcm()) {
    SeekRtcp(rtcpSalt_, ssrc, index, iv);
    EVP_EncryptInit_ex(rtcpSeal_, nullptr, nullptr, nullptr, iv);
    EVP_EncryptUpdate(rtcpSeal_, nullptr, &written, out, 8);
    EVP_EncryptUpdate(rtcpSeal_, nullptr, &written, word, 4);
    if (body) EVP_EncryptUpdate(rtcpSeal_, out + 8, &written, p.data + 8, int(body));
    EVP_EncryptFinal_ex(rtcpSeal_, out + p.size, &written);
    EVP_CIPHER_CTX_ctrl(rtcpSeal_, EVP_CTRL_AEAD_GET_TAG, int(kTag), out + p.size);
    std::memcpy(out + p.size + kTag, word, 4);
    return p.size + kTag + 4;
  }
  CmIv(rtcpSalt_, ssrc, index, iv);
  EVP_EncryptInit_ex(rtcpSeal_, nullptr, nullptr, nullptr, iv);
  if (body) EVP_EncryptUpdate(rtcpSeal_, out + 8, &written, p.data + 8, int(body));
  std::memcpy(out + p.size, word, 4);
  HmacTag(rtcpMac_, View(out, p.size + 4), View(), out + p.size + 4);
  return p.size + 4 + kCmTag;
}

int SrtpCipher::OpenRtcp(View p, uint8_t* out, uint32_t* index) {
  if (p.size < 8 + rtcpOverhead()) return -1;
  uint8_t iv[16];
  int written = 0;
  uint32_t ssrc = Get32(p.data + 4);
  size_t plain = p.size - rtcpOverhead();
  size_t body = plain - 8;
  const uint8_t* word = gcm() ? p.data + p.size - 4 : p.data + plain;
  bool encrypted = (Get32(word) & kEncrypted) != 0;
  *index = Get32(word) & ~kEncrypted;
  if (gcm()) {
    const uint8_t* tag = p.data + plain;
    SeekRtcp(rtcpSalt_, ssrc, *index, iv);
    EVP_DecryptInit_ex(rtcpOpen_, nullptr, nullptr, nullptr, iv);
    EVP_DecryptUpdate(rtcpOpen_, nullptr, &written, p.data, encrypted ? 8 : int(plain));
    EVP_DecryptUpdate(rtcpOpen_, nullptr, &written, word, 4);
    if (encrypted && body) EVP_DecryptUpdate(rtcpOpen_, out + 8, &written, p.data + 8, int(body));
    EVP_CIPHER_CTX_ctrl(rtcpOpen_, EVP_CTRL_AEAD_SET_TAG, int(kTag), const_cast<uint8_t*>(tag));
    uint8_t none[16];
    if (EVP_DecryptFinal_ex(rtcpOpen_, none, &written) != 1) return -1;
  } else {
    uint8_t expected[kCmTag];
    HmacTag(rtcpMac_, View(p.data, plain + 4), View(), expected);
    if (CRYPTO_memcmp(expected, p.data + plain + 4, kCmTag) != 0) return -1;
    if (encrypted) {
      CmIv(rtcpSalt_, ssrc, *index, iv);
      EVP_DecryptInit_ex(rtcpOpen_, nullptr, nullptr, nullptr, iv);
      if (body) EVP_DecryptUpdate(rtcpOpen_, out + 8, &written, p.data + 8, int(body));
    }
  }
  std::memcpy(out, p.data, 8);
  if (!encrypted) std::memcpy(out + 8, p.data + 8, body);
  return int(plain);
}

SrtpSession::SrtpSession(SrtpProfile profile, View localKey, View remoteKey)
    : profile_(profile),
      local_(profile, localKey.Sub(0, 16), localKey.From(16)),
      remote_(profile, remoteKey.Sub(0, 16), remoteKey.From(16)) {}

size_t SrtpSession::ProtectRtp(Sender& sender, uint8_t* out, size_t headerSize, const View* parts, size_t count,
                               uint32_t ssrc, int64_t index, bool identical) {
  if (index < 0 || index >> 48) return 0;
  if (!identical) {
    if (!sender.used.Fresh(index)) return 0;
    sender.used.Mark(index);
  }
  return local_.SealRtp(out, headerSize, parts, count, ssrc, index);
}

Unprotect SrtpSession::UnprotectRtp(View p, Micros now, uint8_t* out, size_t* size) {
  size_t headerSize = RtpHeaderSize(p);
  if (headerSize == 0 || p.size < headerSize + remote_.rtpOverhead()) return Unprotect::kMalformed;
  uint32_t ssrc = Get32(p.data + 8);
  uint16_t sequence = Get16(p.data + 2);
  auto found = receivers_.find(ssrc);
  if (found == receivers_.end()) {
    if (receivers_.size() >= maxSources_) return Unprotect::kTooManySources;
    int plain = remote_.OpenRtp(p, headerSize, ssrc, sequence, out);
    if (plain < 0) return Unprotect::kForged;
    Receiver& receiver = receivers_[ssrc];
    receiver.window.Mark(sequence);
    receiver.accepted = now;
    *size = size_t(plain);
    return Unprotect::kOk;
  }
  Receiver& receiver = found->second;
  int64_t index = Extend16(receiver.window.newest(), sequence);
  if (index < 0) index += 0x10000;
  if (!receiver.window.Fresh(index)) return Unprotect::kReplayed;
  int plain = remote_.OpenRtp(p, headerSize, ssrc, index, out);
  if (plain < 0 && now - receiver.accepted > kRolloverDoubt) {
    index += 0x10000;
    plain = remote_.OpenRtp(p, headerSize, ssrc, index, out);
  }
  if (plain < 0) return Unprotect::kForged;
  receiver.window.Mark(index);
  receiver.accepted = now;
  *size = size_t(plain);
  return Unprotect::kOk;
}

size_t SrtpSession::ProtectRtcp(uint8_t* out, View packet) {
  if (packet.size < 8 || rtcpIndex_ >= 0x7fffffff) return 0;
  rtcpIndex_++;
  return local_.SealRtcp(out, packet, rtcpIndex_);
}

Unprotect SrtpSession::UnprotectRtcp(View p, uint8_t* out, size_t* size) {
  if (p.size < 8 + remote_.rtcpOverhead() || p[0] >> 6 != 2) return Unprotect::kMalformed;
  uint32_t ssrc = Get32(p.data + 4);
  auto found = rtcpReceivers_.find(ssrc);
  if (found == rtcpReceivers_.end() && rtcpReceivers_.size() >= maxSources_) return Unprotect::kTooManySources;
  uint32_t index = 0;
  // The index travels in the packet, so replay is judged after authentication.
  int plain = remote_.OpenRtcp(p, out, &index);
  if (plain < 0) return Unprotect::kForged;
  ReplayWindow& window = found == rtcpReceivers_.end() ? rtcpReceivers_[ssrc] : found->second;
  if (!window.Fresh(index)) return Unprotect::kReplayed;
  window.Mark(index);
  *size = size_t(plain);
  return Unprotect::kOk;
}

}  // namespace parley
