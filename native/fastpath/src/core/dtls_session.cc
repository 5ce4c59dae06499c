#include "core/dtls_session.h"

#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <sys/time.h>

#include <algorithm>
#include <cctype>
#include <iterator>

namespace parley {

namespace {

constexpr Micros kFirstInterval = 50'000;
constexpr Micros kLongestInterval = 1'000'000;
constexpr int kMostCopies = 3;
// A peer whose last flight is lost sends it again only for a Finished under a new record number. BoringSSL and OpenSSL
// give a handshake up at the thirteenth of these.
constexpr int kMostRenumbered = 11;
constexpr int kRenumberedInRow = 8;
// Nobody answers the last flight of a handshake.
constexpr int kLastFlightRepeats = 8;
constexpr size_t kMaxIncoming = 256;
constexpr size_t kMaxWaiting = 32;

std::string HexOf(const uint8_t* bytes, size_t size) {
  static constexpr char kDigits[] = "0123456789ABCDEF";
  std::string text;
  for (size_t i = 0; i < size; i++) {
    if (i) text += ':';
    text += kDigits[bytes[i] >> 4];
    text += kDigits[bytes[i] & 15];
  }
  return text;
}

std::string Digest(X509* certificate) {
  uint8_t digest[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  if (!X509_digest(certificate, EVP_sha256(), digest, &size)) return "";
  return HexOf(digest, size);
}

std::string Bare(const std::string& text) {
  std::string bare;
  for (char c : text) {
    if (std::isxdigit(static_cast<unsigned char>(c))) bare += char(std::toupper(static_cast<unsigned char>(c)));
  }
  return bare;
}

// The certificate is self-signed by design; what counts is its fingerprint, compared after the handshake.
int AcceptAny(int, X509_STORE_CTX*) { return 1; }

// Up to OpenSSL 3.1 the BIO is handed the session's own deadline, so our clock can rule it. Later ones
// hand out a copy and their timer follows the system clock.
bool DeadlineIsShared() { return OpenSSL_version_num() < 0x30200000L; }

}  // namespace

DtlsContext::DtlsContext() {
  EVP_PKEY* key = nullptr;
  EVP_PKEY_CTX* maker = EVP_PKEY_CTX_new_id(EVP_PKEY_EC, nullptr);
  if (!maker || EVP_PKEY_keygen_init(maker) <= 0 ||
      EVP_PKEY_CTX_set_ec_paramgen_curve_nid(maker, NID_X9_62_prime256v1) <= 0 || EVP_PKEY_keygen(maker, &key) <= 0) {
    EVP_PKEY_CTX_free(maker);
    return;
  }
  EVP_PKEY_CTX_free(maker);
  X509* certificate = X509_new();
  X509_set_version(certificate, 2);
  uint8_t serial[8];
  RAND_bytes(serial, sizeof serial);
  ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate), Get64(serial) >> 1);
  X509_gmtime_adj(X509_getm_notBefore(certificate), -86400);
  X509_gmtime_adj(X509_getm_notAfter(certificate), 365L * 86400);
  X509_NAME* name = X509_get_subject_name(certificate);
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, reinterpret_cast<const uint8_t*>("parley"), -1, -1, 0);
  X509_set_issuer_name(certificate, name);
  X509_set_pubkey(certificate, key);
  X509_sign(certificate, key, EVP_sha256());
  fingerprint_ = Digest(certificate);

  context_ = SSL_CTX_new(DTLS_method());
  SSL_CTX_set_min_proto_version(context_, DTLS1_2_VERSION);
  SSL_CTX_set_max_proto_version(context_, DTLS1_2_VERSION);
  SSL_CTX_use_certificate(context_, certificate);
  SSL_CTX_use_PrivateKey(context_, key);
  SSL_CTX_set_cipher_list(context_, "ECDHE+AESGCM:ECDHE+CHACHA20:ECDHE+AES");
  SSL_CTX_set_verify(context_, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, AcceptAny);
  SSL_CTX_set_options(context_, SSL_OP_NO_QUERY_MTU | SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION);
  SSL_CTX_set_session_cache_mode(context_, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_read_ahead(context_, 1);
  SSL_CTX_set_tlsext_use_srtp(context_, "SRTP_AEAD_AES_128_GCM:SRTP_AES128_CM_SHA1_80");
  X509_free(certificate);
  EVP_PKEY_free(key);

  method_ = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "parley datagrams");
  BIO_meth_set_write(method_, DtlsSession::Write);
  BIO_meth_set_read(method_, DtlsSession::Read);
  BIO_meth_set_ctrl(method_, DtlsSession::Control);
}

DtlsContext::~DtlsContext() {
  SSL_CTX_free(context_);
  BIO_meth_free(method_);
}

DtlsSession::DtlsSession(DtlsContext& context, bool server) : server_(server) {
  ssl_ = SSL_new(context.context_);
  BIO* bio = BIO_new(context.method_);
  BIO_set_data(bio, this);
  BIO_set_init(bio, 1);
  SSL_set_bio(ssl_, bio, bio);
  SSL_set_mtu(ssl_, kMtu);
  DTLS_set_link_mtu(ssl_, kMtu + 28);
  if (server_) {
    SSL_set_accept_state(ssl_);
  } else {
    SSL_set_connect_state(ssl_);
  }
}

DtlsSession::~DtlsSession() { SSL_free(ssl_); }

int DtlsSession::Write(BIO* bio, const char* data, int size) {
  auto self = static_cast<DtlsSession*>(BIO_get_data(bio));
  self->outgoing_.emplace_back(data, data + size);
  return size;
}

int DtlsSession::Read(BIO* bio, char* data, int size) {
  auto self = static_cast<DtlsSession*>(BIO_get_data(bio));
  BIO_clear_retry_flags(bio);
  if (self->input_.size == 0) {
    BIO_set_retry_read(bio);
    return -1;
  }
  int taken = std::min(size, int(self->input_.size));
  std::memcpy(data, self->input_.data, size_t(taken));
  self->input_ = View();
  return taken;
}

long DtlsSession::Control(BIO* bio, int command, long, void* pointer) {
  auto self = static_cast<DtlsSession*>(BIO_get_data(bio));
  switch (command) {
    case BIO_CTRL_FLUSH:
      return 1;
    case BIO_CTRL_DGRAM_QUERY_MTU:
    case BIO_CTRL_DGRAM_GET_FALLBACK_MTU:
      return long(kMtu);
    case BIO_CTRL_DGRAM_GET_MTU_OVERHEAD:
      return 28;
    case BIO_CTRL_DGRAM_SET_NEXT_TIMEOUT:
      if (self && pointer) {
        auto timeout = static_cast<struct timeval*>(pointer);
        bool runs = timeout->tv_sec != 0 || timeout->tv_usec != 0;
        if (DeadlineIsShared()) {
          self->timeout_ = timeout;
          // Never by itself: our own timer decides.
          if (runs) timeout->tv_sec = 0x7fffffff;
        }
      }
      return 1;
    case BIO_CTRL_PENDING:
    case BIO_CTRL_WPENDING:
      return 0;
    default:
      return 0;
  }
}

void DtlsSession::Start(Micros now) { Pump(now); }

void DtlsSession::OnDatagram(View bytes, Micros now) {
  if (state_ == State::kClosed || state_ == State::kFailed) return;
  // Repetitions of the peer's last flight: OpenSSL has nothing to say to them, but counts them against the peer.
  bool handshake = bytes.size > 0 && (bytes[0] == 20 || bytes[0] == 22);
  if (state_ == State::kEstablished && !server_ && handshake) return;
  input_ = bytes;
  Pump(now);
  input_ = View();
}

void DtlsSession::Pump(Micros now) {
  size_t first = outgoing_.size();
  bool wasEstablished = state_ == State::kEstablished;
  if (state_ == State::kHandshaking) Handshake();
  if (state_ == State::kEstablished) ReadData();
  if (outgoing_.size() > first) KeepFlight(first, now);
  // As client the last word was the peer's.
  if (state_ == State::kClosed || state_ == State::kFailed || (state_ == State::kEstablished && !server_)) deadline_ = 0;
  // It says its last flight again because ours was lost.
  if (wasEstablished && outgoing_.size() > first) outgoing_.insert(outgoing_.end(), flight_.begin(), flight_.end());
  if (!wasEstablished && state_ == State::kEstablished) {
    for (const Bytes& data : waiting_) Send(View(data));
    waiting_.clear();
  }
}

void DtlsSession::Handshake() {
  ERR_clear_error();
  int result = SSL_do_handshake(ssl_);
  if (result == 1) {
    state_ = State::kEstablished;
    return;
  }
  int error = SSL_get_error(ssl_, result);
  if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE) state_ = State::kFailed;
}

void DtlsSession::ReadData() {
  uint8_t buffer[16 * 1024];
  for (;;) {
    ERR_clear_error();
    int size = SSL_read(ssl_, buffer, sizeof buffer);
    if (size > 0) {
      if (incoming_.size() < kMaxIncoming) incoming_.emplace_back(buffer, buffer + size);
      continue;
    }
    int error = SSL_get_error(ssl_, size);
    if (error == SSL_ERROR_ZERO_RETURN) {
      state_ = State::kClosed;
    } else if (error == SSL_ERROR_SSL && (SSL_get_shutdown(ssl_) & SSL_RECEIVED_SHUTDOWN)) {
      state_ = State::kClosed;
    }
    return;
  }
}

void DtlsSession::Pack(size_t first) {
  std::vector<Bytes> packed;
  for (size_t at = first; at < outgoing_.size(); at++) {
    Bytes& records = outgoing_[at];
    if (packed.empty() || packed.back().size() + records.size() > kMtu) {
      packed.push_back(std::move(records));
    } else {
      packed.back().insert(packed.back().end(), records.begin(), records.end());
    }
  }
  outgoing_.resize(first);
  std::move(packed.begin(), packed.end(), std::back_inserter(outgoing_));
}

void DtlsSession::KeepFlight(size_t first, Micros now) {
  Pack(first);
  flight_.assign(outgoing_.begin() + long(first), outgoing_.end());
  repeats_ = 0;
  renumbered_ = 0;
  interval_ = kFirstInterval;
  deadline_ = confirmed_ ? 0 : now + interval_;
}

void DtlsSession::OnTimeout(Micros now) {
  if (deadline_ == 0 || now < deadline_) return;
  repeats_++;
  interval_ = std::min(interval_ * 5 / 4, kLongestInterval);
  deadline_ = now + interval_;
  size_t first = outgoing_.size();
  bool renumbers = renumbered_ < kMostRenumbered && (repeats_ <= kRenumberedInRow || repeats_ % 4 == 0);
  if (state_ == State::kHandshaking && renumbers && Retransmit() && outgoing_.size() > first) {
    renumbered_++;
    Pack(first);
    flight_.assign(outgoing_.begin() + long(first), outgoing_.end());
  } else {
    outgoing_.insert(outgoing_.end(), flight_.begin(), flight_.end());
  }
  // What was lost so often is likely to be lost again.
  for (int copy = 1; copy < std::min(1 + repeats_ / 2, kMostCopies); copy++) {
    outgoing_.insert(outgoing_.end(), flight_.begin(), flight_.end());
  }
  if (state_ == State::kFailed || (state_ == State::kEstablished && repeats_ >= kLastFlightRepeats)) deadline_ = 0;
}

bool DtlsSession::Retransmit() {
  if (DeadlineIsShared() && timeout_) {
    timeout_->tv_sec = 1;
    timeout_->tv_usec = 0;
  }
  ERR_clear_error();
  int result = DTLSv1_handle_timeout(ssl_);
  if (result < 0) state_ = State::kFailed;
  return result > 0;
}

bool DtlsSession::HasKeys() const {
  if (state_ == State::kEstablished) return true;
  if (state_ != State::kHandshaking || server_) return false;
  OSSL_HANDSHAKE_STATE at = SSL_get_state(ssl_);
  return at == TLS_ST_CW_FINISHED || at == TLS_ST_CR_CHANGE || at == TLS_ST_CR_FINISHED;
}

void DtlsSession::Confirm() {
  confirmed_ = true;
  if (state_ == State::kEstablished) deadline_ = 0;
}

bool DtlsSession::Send(View bytes) {
  if (bytes.size == 0) return false;
  if (state_ == State::kHandshaking && HasKeys() && waiting_.size() < kMaxWaiting) {
    waiting_.emplace_back(bytes.data, bytes.data + bytes.size);
    return true;
  }
  if (state_ != State::kEstablished) return false;
  ERR_clear_error();
  return SSL_write(ssl_, bytes.data, int(bytes.size)) > 0;
}

void DtlsSession::Close() {
  if (state_ == State::kEstablished) {
    ERR_clear_error();
    SSL_shutdown(ssl_);
  }
  state_ = State::kClosed;
  deadline_ = 0;
}

bool DtlsSession::FingerprintMatches(const std::vector<std::string>& expected) const {
  X509* certificate = SSL_get1_peer_certificate(ssl_);
  if (!certificate) return false;
  std::string actual = Bare(Digest(certificate));
  X509_free(certificate);
  if (actual.empty()) return false;
  return std::any_of(expected.begin(), expected.end(), [&](const std::string& e) { return Bare(e) == actual; });
}

bool DtlsSession::ExportSrtp(SrtpProfile* profile, Bytes* local, Bytes* remote) const {
  const SRTP_PROTECTION_PROFILE* chosen = SSL_get_selected_srtp_profile(ssl_);
  if (!chosen) return false;
  if (chosen->id == SRTP_AEAD_AES_128_GCM) {
    *profile = SrtpProfile::kAeadAes128Gcm;
  } else if (chosen->id == SRTP_AES128_CM_SHA1_80) {
    *profile = SrtpProfile::kAes128CmSha1_80;
  } else {
    return false;
  }
  size_t salt = SrtpCipher::SaltSize(*profile);
  uint8_t material[2 * (16 + 14)];
  static constexpr char kLabel[] = "EXTRACTOR-dtls_srtp";
  if (SSL_export_keying_material(ssl_, material, 2 * (16 + salt), kLabel, sizeof kLabel - 1, nullptr, 0, 0) != 1) {
    return false;
  }
  // RFC 5764 section 4.2: client key, server key, client salt, server salt.
  Bytes client(material, material + 16), server(material + 16, material + 32);
  client.insert(client.end(), material + 32, material + 32 + salt);
  server.insert(server.end(), material + 32 + salt, material + 32 + 2 * salt);
  *local = server_ ? server : client;
  *remote = server_ ? client : server;
  return true;
}

}  // namespace parley
