// How a peer is reached: checks of paths, DTLS, keys.
#include "core/transport.h"

#include "core/core.h"

namespace parley {

namespace {

constexpr Micros kSecond = 1'000'000;
// A peer that hears our answers checks less often than this.
constexpr Micros kHurriedCheck = 200'000;
constexpr int kCopiesOfAnswer = 2;
constexpr int kMostCopiesASecond = 40;
// As client of DTLS: about 400 ms after our Finished.
constexpr int kRepeatsBeforeSending = 5;

}  // namespace

void Transport::OnStun(const StunMessage& message, const Path& path, Micros now) {
  IceAgent::Outcome outcome = ice_.OnStun(message, path, now);
  if (outcome.dropped) core_.ForgetPath(outcome.droppedPath, *this);
  if (outcome.newPath) core_.LearnPath(path, *this);
  AnswerCheck(outcome, path, now);
  if (outcome.moved) PathChanged();
  if (outcome.authenticated && hasRemote_ && !remote_.weAreServer && !dtls_) {
    dtls_ = std::make_unique<DtlsSession>(core_.dtls(), false);
    dtls_->Start(now);
    AfterDtls(now);
  }
}

void Transport::AnswerCheck(const IceAgent::Outcome& outcome, const Path& path, Micros now) {
  for (const Bytes& reply : outcome.replies) core_.SendDatagram(path, View(reply));
  if (!outcome.authenticated) return;
  bool hurried = !connected_ || now - lastCheck_ < kHurriedCheck;
  lastCheck_ = now;
  if (!hurried || path.tcp()) return;
  if (now - checkCopiesSince_ >= kSecond) {
    checkCopiesSince_ = now;
    checkCopies_ = 0;
  }
  for (int copy = 0; copy < kCopiesOfAnswer && checkCopies_ < kMostCopiesASecond; copy++, checkCopies_++) {
    core_.SendDatagram(path, View(outcome.replies.front()));
  }
}

void Transport::PathChanged() {
  const Path& path = ice_.selected();
  core_.reports().Flush();
  Record event;
  event.Text("type", "path.selected").Number("transport", id).Text("protocol", path.tcp() ? "tcp" : "udp");
  event.Text("address", AddressText(path)).Number("port", path.port).Number("local", path.local);
  core_.Emit(std::move(event));
}

void Transport::OnConnectionClosed(const Path& path) { ice_.Forget(path); }

void Transport::OnDtls(View bytes, Micros now) {
  if (!dtls_) {
    // A ClientHello may overtake the peer's answer; who it is gets verified when that is here.
    bool helloFirst = bytes.size > 13 && bytes[0] == 22 && bytes[13] == 1;
    if (!helloFirst || (hasRemote_ && !remote_.weAreServer)) return;
    dtls_ = std::make_unique<DtlsSession>(core_.dtls(), true);
  }
  dtls_->OnDatagram(bytes, now);
  AfterDtls(now);
}

void Transport::AfterDtls(Micros now) {
  if (ice_.hasSelected()) {
    for (const Bytes& datagram : dtls_->outgoing()) core_.SendDatagram(ice_.selected(), View(datagram));
  }
  dtls_->outgoing().clear();
  TryKeys();
  if (closed_) return;
  if (dtls_->state() == DtlsSession::State::kEstablished || dtls_->repeats() >= kRepeatsBeforeSending) Connect(now);
  if (srtp_) {
    for (Bytes& data : dtls_->incoming()) {
      if (!TakeData(now)) {
        counters.dataDropped++;
        continue;
      }
      counters.dataReceived++;
      Record event;
      event.Text("type", "data.received").Number("transport", id).Data("bytes", std::move(data));
      core_.Emit(std::move(event));
    }
    dtls_->incoming().clear();
  }
  if (dtls_->deadline() > 0) {
    core_.wheel().Arm(dtlsTimer_, dtls_->deadline());
  } else {
    dtlsTimer_.Cancel();
  }
  if (dtls_->state() == DtlsSession::State::kFailed) {
    Close("dtls-failed");
  } else if (dtls_->state() == DtlsSession::State::kClosed) {
    Close("dtls-closed");
  }
}

void Transport::TryKeys() {
  if (!hasRemote_ || !dtls_ || srtp_ || !dtls_->HasKeys()) return;
  if (!dtls_->FingerprintMatches(remote_.fingerprints)) {
    Close("fingerprint-mismatch");
    return;
  }
  SrtpProfile profile;
  Bytes local, remote;
  if (!dtls_->ExportSrtp(&profile, &local, &remote)) {
    Close("dtls-failed");
    return;
  }
  srtp_ = std::make_unique<SrtpSession>(profile, View(local), View(remote));
  if (ice_.fixed()) srtp_->LiftLimit();
}

void Transport::Connect(Micros now) {
  if (connected_ || !srtp_) return;
  connected_ = true;
  Record event;
  event.Text("type", "transport.connected").Number("transport", id);
  event.Text("srtpProfile", SrtpProfileName(srtp_->profile()));
  core_.Emit(std::move(event));
  for (auto& stream : streams_) stream->OnTransportConnected(now);
  for (auto& track : tracks_) {
    if (track->options.video) track->RequestKeyFrame(-1, now);
  }
}

void Transport::OnDtlsTimer(Micros now) {
  if (!dtls_) return;
  dtls_->OnTimeout(now);
  AfterDtls(now);
}

void Transport::SetRemote(RemoteParameters remote, Micros now) {
  ice_.SetRemote(remote.ufrag, remote.pwd);
  remote_ = std::move(remote);
  hasRemote_ = true;
  if (dtls_) {
    AfterDtls(now);
  } else if (!remote_.weAreServer && ice_.hasSelected()) {
    dtls_ = std::make_unique<DtlsSession>(core_.dtls(), false);
    dtls_->Start(now);
    AfterDtls(now);
  }
}

}  // namespace parley
