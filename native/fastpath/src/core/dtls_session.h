#pragma once
#include <openssl/ssl.h>

#include <string>
#include <vector>

#include "core/bytes.h"
#include "core/srtp_session.h"

namespace parley {

/** Certificate and OpenSSL context shared by the sessions of one worker. */
class DtlsContext {
 public:
  DtlsContext();
  ~DtlsContext();
  DtlsContext(const DtlsContext&) = delete;
  bool ok() const { return context_ != nullptr; }
  /** sha-256 of our certificate: upper-case hex with colons. */
  const std::string& fingerprint() const { return fingerprint_; }

 private:
  friend class DtlsSession;
  SSL_CTX* context_ = nullptr;
  BIO_METHOD* method_ = nullptr;
  std::string fingerprint_;
};

/** DTLS 1.2 with use_srtp (RFC 5764) over datagrams handed in and out. */
class DtlsSession {
 public:
  static constexpr size_t kMtu = 1200;
  enum class State { kHandshaking, kEstablished, kClosed, kFailed };

  DtlsSession(DtlsContext& context, bool server);
  ~DtlsSession();
  DtlsSession(const DtlsSession&) = delete;

  /** Sends the first flight when we are the client. */
  void Start(Micros now);
  void OnDatagram(View bytes, Micros now);
  void OnTimeout(Micros now);
  /** @returns false when it was not taken. */
  bool Send(View bytes);
  void Close();

  State state() const { return state_; }
  /** 0 when nothing has to be retransmitted. */
  Micros deadline() const { return deadline_; }
  std::vector<Bytes>& outgoing() { return outgoing_; }
  std::vector<Bytes>& incoming() { return incoming_; }
  bool FingerprintMatches(const std::vector<std::string>& expected) const;
  /** After `kEstablished`. @returns false when no SRTP profile was agreed. */
  bool ExportSrtp(SrtpProfile* profile, Bytes* local, Bytes* remote) const;

 private:
  static int Write(BIO* bio, const char* data, int size);
  static int Read(BIO* bio, char* data, int size);
  static long Control(BIO* bio, int command, long number, void* pointer);
  friend class DtlsContext;
  void Pump(Micros now);
  void Schedule(Micros now);
  void RepeatFlight(int times);

  SSL* ssl_ = nullptr;
  bool server_;
  State state_ = State::kHandshaking;
  View input_;
  std::vector<Bytes> outgoing_;
  std::vector<Bytes> incoming_;
  Micros deadline_ = 0;
  Micros interval_ = 0;
  int retransmissions_ = 0;
  struct timeval* timeout_ = nullptr;
  bool timerRuns_ = false;
};

}  // namespace parley
