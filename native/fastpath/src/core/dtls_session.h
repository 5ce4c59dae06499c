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

/**
 * DTLS 1.2 with use_srtp (RFC 5764) over datagrams handed in and out. Flights are repeated by a timer of its own, as
 * those of OpenSSL begin at a second and double.
 */
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
  /** Before the handshake is complete it waits. @returns false when it was not taken. */
  bool Send(View bytes);
  /** The peer has shown that it holds the keys: nothing of the handshake is repeated to it unasked any more. */
  void Confirm();
  void Close();

  State state() const { return state_; }
  /**
   * SRTP can be keyed: the handshake is complete, or, as client, our Finished is out. What the peer still has to say
   * tells nothing new then (RFC 7918): its certificate has signed the key exchange, and only strong ciphers are offered.
   */
  bool HasKeys() const;
  /** Of the flight that is out now. */
  int repeats() const { return repeats_; }
  /** 0 when nothing has to be repeated. */
  Micros deadline() const { return deadline_; }
  std::vector<Bytes>& outgoing() { return outgoing_; }
  std::vector<Bytes>& incoming() { return incoming_; }
  bool FingerprintMatches(const std::vector<std::string>& expected) const;
  /** After `HasKeys`. @returns false when no SRTP profile was agreed. */
  bool ExportSrtp(SrtpProfile* profile, Bytes* local, Bytes* remote) const;

 private:
  static int Write(BIO* bio, const char* data, int size);
  static int Read(BIO* bio, char* data, int size);
  static long Control(BIO* bio, int command, long number, void* pointer);
  friend class DtlsContext;
  void Pump(Micros now);
  void Handshake();
  void ReadData();
  /** Puts the records written since `first` into as few datagrams as they fit in: OpenSSL repeats each in its own. */
  void Pack(size_t first);
  /** Keeps what OpenSSL wrote since `first` as the flight to repeat. */
  void KeepFlight(size_t first, Micros now);
  /** By OpenSSL, under new record numbers. @returns false when it would not. */
  bool Retransmit();

  SSL* ssl_ = nullptr;
  bool server_;
  State state_ = State::kHandshaking;
  View input_;
  std::vector<Bytes> outgoing_;
  std::vector<Bytes> incoming_;
  std::vector<Bytes> flight_;
  /** Application data that came before the handshake was complete. */
  std::vector<Bytes> waiting_;
  Micros deadline_ = 0;
  Micros interval_ = 0;
  int repeats_ = 0;
  int renumbered_ = 0;
  bool confirmed_ = false;
  struct timeval* timeout_ = nullptr;
};

}  // namespace parley
