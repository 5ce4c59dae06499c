#pragma once
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <memory>
#include <unordered_map>

#include "core/bytes.h"

namespace parley {

enum class SrtpProfile : uint8_t { kAes128CmSha1_80, kAeadAes128Gcm };

const char* SrtpProfileName(SrtpProfile profile);

/** Received indexes of one SSRC: replay list of RFC 3711 section 3.3.2 and rollover estimation. */
class ReplayWindow {
 public:
  static constexpr int64_t kSize = 1024;
  bool started() const { return newest_ >= 0; }
  int64_t newest() const { return newest_; }
  /** True when the index is neither seen nor too old to tell. */
  bool Fresh(int64_t index) const;
  void Mark(int64_t index);

 private:
  int64_t newest_ = -1;
  uint64_t bits_[kSize / 64] = {};
};

enum class Unprotect : uint8_t { kOk, kForged, kReplayed, kMalformed, kTooManySources };

/** Keys and cipher contexts of one direction (RFC 3711 section 4.3, RFC 7714 section 11). */
class SrtpCipher {
 public:
  SrtpCipher(SrtpProfile profile, View masterKey, View masterSalt);
  ~SrtpCipher();
  SrtpCipher(const SrtpCipher&) = delete;

  static size_t KeySize() { return 16; }
  static size_t SaltSize(SrtpProfile profile) { return profile == SrtpProfile::kAeadAes128Gcm ? 12 : 14; }
  size_t rtpOverhead() const { return gcm() ? 16 : 10; }
  size_t rtcpOverhead() const { return gcm() ? 20 : 14; }

  /** Encrypts `parts` after the `headerSize` bytes already in `out`. @returns total size. */
  size_t SealRtp(uint8_t* out, size_t headerSize, const View* parts, size_t partCount, uint32_t ssrc, int64_t index);
  /** Writes the plain packet to `out`. @returns its size or -1 when forged. */
  int OpenRtp(View packet, size_t headerSize, uint32_t ssrc, int64_t index, uint8_t* out);
  size_t SealRtcp(uint8_t* out, View packet, uint32_t index);
  /** @returns plain size or -1. */
  int OpenRtcp(View packet, uint8_t* out, uint32_t* index);

 private:
  bool gcm() const { return profile_ == SrtpProfile::kAeadAes128Gcm; }
  void Derive(const uint8_t* key, View salt, uint8_t label, uint8_t* out, size_t size);
  void CmIv(const uint8_t* salt, uint32_t ssrc, uint64_t index, uint8_t* iv) const;
  void HmacTag(HMAC_CTX* key, View a, View b, uint8_t* tag);

  SrtpProfile profile_;
  uint8_t rtpSalt_[16] = {0};
  uint8_t rtcpSalt_[16] = {0};
  EVP_CIPHER_CTX* rtpSeal_ = nullptr;
  EVP_CIPHER_CTX* rtpOpen_ = nullptr;
  EVP_CIPHER_CTX* rtcpSeal_ = nullptr;
  EVP_CIPHER_CTX* rtcpOpen_ = nullptr;
  HMAC_CTX* rtpMac_ = nullptr;
  HMAC_CTX* rtcpMac_ = nullptr;
};

/** Both directions of one peer with their per-SSRC state. */
class SrtpSession {
 public:
  static constexpr size_t kMaxSources = 1024;
  SrtpSession(SrtpProfile profile, View localKey, View remoteKey);

  SrtpProfile profile() const { return profile_; }

  /** State of one SSRC we send. An index is used for one plaintext only. */
  struct Sender {
    ReplayWindow used;
  };

  /**
   * Seals header + parts under (ssrc, index) into `out`, which holds the header already.
   * `identical` allows a repetition of the very same bytes.
   * @returns 0 when the index was used before.
   */
  size_t ProtectRtp(Sender& sender, uint8_t* out, size_t headerSize, const View* parts, size_t partCount,
                    uint32_t ssrc, int64_t index, bool identical = false);
  /** Plain packet to `out` (as large as the input). State changes only after authentication. */
  Unprotect UnprotectRtp(View packet, Micros now, uint8_t* out, size_t* size);
  size_t ProtectRtcp(uint8_t* out, View packet);
  Unprotect UnprotectRtcp(View packet, uint8_t* out, size_t* size);

  size_t rtpOverhead() const { return local_.rtpOverhead(); }
  size_t rtcpOverhead() const { return local_.rtcpOverhead(); }
  Sender& SenderOf(uint32_t ssrc) { return senders_[ssrc]; }
  /** Drops the state of an SSRC that is never sent again. Both directions may use one number. */
  void ForgetSender(uint32_t ssrc) { senders_.erase(ssrc); }
  /** Drops the state of an SSRC that is not received any more. */
  void ForgetReceiver(uint32_t ssrc) {
    receivers_.erase(ssrc);
    rtcpReceivers_.erase(ssrc);
  }
  /** The peer is one of ours: as many SSRCs as it declares. */
  void LiftLimit() { maxSources_ = SIZE_MAX; }
  /** Continues the SRTCP row after this index; only forwards. */
  void SetRtcpIndex(uint32_t index) {
    if (index > rtcpIndex_) rtcpIndex_ = index;
  }

 private:
  struct Receiver {
    ReplayWindow window;
    Micros accepted = 0;
  };
  SrtpProfile profile_;
  SrtpCipher local_;
  SrtpCipher remote_;
  std::unordered_map<uint32_t, Receiver> receivers_;
  std::unordered_map<uint32_t, Sender> senders_;
  std::unordered_map<uint32_t, ReplayWindow> rtcpReceivers_;
  uint32_t rtcpIndex_ = 0;
  size_t maxSources_ = kMaxSources;
};

/** Size of the RTP header with CSRCs and extension, 0 when malformed. */
size_t RtpHeaderSize(View packet);

}  // namespace parley
