#pragma once
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <string>
#include <vector>

#include "core/core.h"

namespace parley {

struct Sent {
  Path path;
  Bytes data;
};

class ListOutlet final : public Outlet {
 public:
  uint8_t* Reserve() override { return scratch_; }
  void Commit(const Path& path, size_t size) override { sent.push_back({path, Bytes(scratch_, scratch_ + size)}); }
  std::vector<Sent> sent;

 private:
  uint8_t scratch_[kMaxPacket];
};

inline Path TestPath(uint8_t last) {
  Path path;
  ParseAddress("10.0.0." + std::to_string(last), 5000, &path);
  return path;
}

inline uint32_t TestCrc(const Bytes& bytes) {
  uint32_t crc = 0xffffffff;
  for (uint8_t b : bytes) {
    crc ^= b;
    for (int i = 0; i < 8; i++) crc = crc & 1 ? crc >> 1 ^ 0xedb88320u : crc >> 1;
  }
  return ~crc;
}

/** A binding request of a controlling full agent. */
inline Bytes Binding(const std::string& username, const std::string& password, uint8_t transaction) {
  Bytes out;
  Writer w(out);
  w.U16(1);
  w.U16(0);
  w.U32(0x2112a442);
  for (int i = 0; i < 12; i++) w.U8(transaction);
  w.U16(6);
  w.U16(uint32_t(username.size()));
  w.Append(username.data(), username.size());
  while (out.size() % 4) w.U8(0);
  w.U16(0x802a);
  w.U16(8);
  w.U32(1);
  w.U32(2);
  w.U16(0x25);
  w.U16(0);
  Put16(out.data() + 2, uint32_t(out.size() - 20 + 24));
  uint8_t mac[20];
  unsigned size = 0;
  HMAC(EVP_sha1(), password.data(), int(password.size()), out.data(), out.size(), mac, &size);
  w.U16(8);
  w.U16(20);
  w.Append(mac, 20);
  Put16(out.data() + 2, uint32_t(out.size() - 20 + 8));
  uint32_t crc = TestCrc(out) ^ 0x5354554e;
  w.U16(0x8028);
  w.U16(4);
  w.U32(crc);
  return out;
}

/** An SFU core and a client core joined by lossless wires. */
class Pair {
 public:
  explicit Pair(CoreOptions options = CoreOptions()) : sfu(options, sfuOut), client(CoreOptions(), clientOut) {}

  Transport* Join(uint32_t id) {
    TransportOptions options;
    options.ufrag = "user" + std::to_string(id);
    options.pwd = "password-password-password";
    sfu.CreateTransport(id, options);
    client.CreateTransport(id, options);
    RemoteParameters remote;
    remote.fingerprints = {client.dtls().fingerprint()};
    sfu.SetRemote(id, remote);
    remote.weAreServer = false;
    remote.fingerprints = {sfu.dtls().fingerprint()};
    client.SetRemote(id, remote);
    Path path = TestPath(uint8_t(id % 250 + 1));
    Bytes request = Binding(options.ufrag + ":x", options.pwd, 1);
    sfu.OnDatagram(View(request), path, now);
    client.OnDatagram(View(request), path, now);
    for (int i = 0; i < 20; i++) {
      std::vector<Sent> up, down;
      up.swap(clientOut.sent);
      down.swap(sfuOut.sent);
      for (Sent& s : up) sfu.OnDatagram(View(s.data), s.path, now);
      for (Sent& s : down) {
        if (s.data[0] > 3) client.OnDatagram(View(s.data), s.path, now);
      }
      if (clientOut.sent.empty() && sfuOut.sent.empty()) break;
    }
    Drain();
    return sfu.FindTransport(id);
  }

  void Leave(uint32_t id) {
    client.CloseTransport(id);
    sfu.CloseTransport(id);
    Drain();
  }

  void Drain() {
    sfuOut.sent.clear();
    clientOut.sent.clear();
    sfu.TakeEvents();
    client.TakeEvents();
  }

  Micros now = 1'000'000;
  ListOutlet sfuOut, clientOut;
  Core sfu, client;
};

inline IngressTrackOptions TestTrack(bool video, Codec codec, uint8_t payloadType, uint32_t ssrc) {
  IngressTrackOptions track;
  track.video = track.nack = track.pli = video;
  track.mid = video ? "v" : "a";
  track.payloads.push_back({codec, payloadType, uint8_t(payloadType + 1), video ? 90000u : 48000u});
  for (int e = 1; e < int(Extension::kCount); e++) track.extensions.emplace_back(Extension(e), uint8_t(e));
  IngressLayerOptions layer;
  layer.ssrc = ssrc;
  layer.rtxSsrc = ssrc + 1;
  track.layers.push_back(layer);
  return track;
}

inline EgressStreamOptions TestStream(bool video, uint8_t payloadType, uint32_t ssrc) {
  EgressStreamOptions stream;
  stream.video = video;
  stream.ssrc = ssrc;
  stream.rtxSsrc = ssrc + 1;
  stream.mid = "m";
  stream.cname = "c";
  if (video) {
    stream.fecPayloadType = 88;
    stream.redPayloadType = 89;
  }
  stream.payloads.push_back({payloadType, payloadType, uint8_t(payloadType + 1), !video});
  for (int e = 1; e < int(Extension::kCount); e++) stream.extensions.emplace_back(Extension(e), uint8_t(e));
  return stream;
}

}  // namespace parley
