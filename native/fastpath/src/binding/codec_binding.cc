#include <netinet/in.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "binding/bindings.h"
#include "binding/commands.h"
#include "binding/values.h"

namespace parley {

namespace {

struct SrtpBinding {
  SrtpBinding(SrtpProfile profile, View local, View remote) : session(profile, local, remote) {}
  static void Finalize(napi_env, void* data, void*) { delete static_cast<SrtpBinding*>(data); }
  SrtpSession session;
};

SrtpProfile ProfileOf(const std::string& name) {
  return name == "AEAD_AES_128_GCM" ? SrtpProfile::kAeadAes128Gcm : SrtpProfile::kAes128CmSha1_80;
}

SrtpSession& SessionOf(const Call& call) { return static_cast<SrtpBinding*>(call.data)->session; }

napi_value ProtectRtp(napi_env env, napi_callback_info info) {
  Call call(env, info);
  View packet = BytesOf(env, call.arguments[0]);
  size_t headerSize = RtpHeaderSize(packet);
  if (headerSize == 0 || packet.size + 64 > kMaxPacket) return nullptr;
  double rollover = 0;
  napi_get_value_double(env, call.arguments[1], &rollover);
  uint32_t ssrc = Get32(packet.data + 8);
  int64_t index = int64_t(rollover) << 16 | Get16(packet.data + 2);
  uint8_t out[kMaxPacket];
  std::memcpy(out, packet.data, headerSize);
  View body = packet.From(headerSize);
  size_t size = SessionOf(call).ProtectRtp(SessionOf(call).SenderOf(ssrc), out, headerSize, &body, 1, ssrc, index);
  return size ? ToBytes(env, View(out, size)) : nullptr;
}

napi_value UnprotectRtp(napi_env env, napi_callback_info info) {
  Call call(env, info);
  View packet = BytesOf(env, call.arguments[0]);
  if (packet.size > kMaxPacket) return nullptr;
  uint8_t out[kMaxPacket];
  size_t size = 0;
  if (SessionOf(call).UnprotectRtp(packet, 0, out, &size) != Unprotect::kOk) return nullptr;
  return ToBytes(env, View(out, size));
}

napi_value ProtectRtcp(napi_env env, napi_callback_info info) {
  Call call(env, info);
  View packet = BytesOf(env, call.arguments[0]);
  if (packet.size + 64 > kMaxPacket) return nullptr;
  napi_valuetype type = napi_undefined;
  if (call.count > 1) napi_typeof(env, call.arguments[1], &type);
  if (type == napi_number) SessionOf(call).SetRtcpIndex(call.Id(1));
  uint8_t out[kMaxPacket];
  size_t size = SessionOf(call).ProtectRtcp(out, packet);
  return size ? ToBytes(env, View(out, size)) : nullptr;
}

napi_value UnprotectRtcp(napi_env env, napi_callback_info info) {
  Call call(env, info);
  View packet = BytesOf(env, call.arguments[0]);
  if (packet.size > kMaxPacket) return nullptr;
  uint8_t out[kMaxPacket];
  size_t size = 0;
  if (SessionOf(call).UnprotectRtcp(packet, out, &size) != Unprotect::kOk) return nullptr;
  return ToBytes(env, View(out, size));
}

int64_t ThreadNanoseconds() {
  timespec t;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return int64_t(t.tv_sec) * 1'000'000'000 + t.tv_nsec;
}

}  // namespace

napi_value CreateSrtp(napi_env env, napi_callback_info info) {
  Call call(env, info);
  SrtpProfile profile = ProfileOf(TextOf(env, call.arguments[0]));
  View local = BytesOf(env, call.arguments[1]), remote = BytesOf(env, call.arguments[2]);
  size_t needed = SrtpCipher::KeySize() + SrtpCipher::SaltSize(profile);
  if (local.size != needed || remote.size != needed) {
    napi_throw_range_error(env, nullptr, "the key must be master key and salt");
    return nullptr;
  }
  auto binding = new SrtpBinding(profile, local, remote);
  napi_value object;
  napi_create_object(env, &object);
  AddMethod(env, object, "protectRtp", ProtectRtp, binding);
  AddMethod(env, object, "unprotectRtp", UnprotectRtp, binding);
  AddMethod(env, object, "protectRtcp", ProtectRtcp, binding);
  AddMethod(env, object, "unprotectRtcp", UnprotectRtcp, binding);
  napi_wrap(env, object, binding, SrtpBinding::Finalize, nullptr, nullptr);
  return object;
}

napi_value CheckStun(napi_env env, napi_callback_info info) {
  Call call(env, info);
  StunMessage message;
  if (!message.Parse(BytesOf(env, call.arguments[0]))) return nullptr;
  Record r;
  r.Number("type", message.type).Data("transactionId", View(message.transaction, 12));
  if (message.hasUsername) r.Text("username", message.username);
  r.Bool("integrity", message.IntegrityHolds(TextOf(env, call.arguments[1])));
  r.Bool("fingerprint", message.FingerprintHolds()).Bool("useCandidate", message.useCandidate);
  return ToObject(env, r);
}

napi_value MeasureSeal(napi_env env, napi_callback_info info) {
  Call call(env, info);
  SrtpProfile profile = ProfileOf(TextOf(env, call.arguments[0]));
  size_t payloadSize = size_t(call.Number(1));
  int64_t count = int64_t(call.Number(2));
  std::string mode = TextOf(env, call.arguments[3]);
  if (payloadSize > 1400 || count <= 0 || count > 100'000'000) {
    napi_throw_range_error(env, nullptr, "payload or count out of range");
    return nullptr;
  }
  uint8_t key[30] = {1, 2, 3};
  View keyView(key, 16 + SrtpCipher::SaltSize(profile));
  SrtpCipher cipher(profile, keyView.Sub(0, 16), keyView.From(16));
  constexpr size_t kBatch = 64;
  std::vector<uint8_t> arena(kBatch * kMaxPacket);
  uint8_t payload[1400] = {7};
  View part(payload, payloadSize);

  int sink = -1, out = -1;
  sockaddr_in address;
  std::memset(&address, 0, sizeof address);
  if (mode != "none") {
    sink = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    out = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    bind(sink, reinterpret_cast<sockaddr*>(&address), sizeof address);
    socklen_t size = sizeof address;
    getsockname(sink, reinterpret_cast<sockaddr*>(&address), &size);
    if (mode == "connected") connect(out, reinterpret_cast<sockaddr*>(&address), sizeof address);
  }
  mmsghdr messages[kBatch];
  iovec parts[kBatch];
  std::memset(messages, 0, sizeof messages);
  for (size_t i = 0; i < kBatch; i++) {
    parts[i] = {arena.data() + i * kMaxPacket, 0};
    messages[i].msg_hdr.msg_iov = &parts[i];
    messages[i].msg_hdr.msg_iovlen = 1;
    messages[i].msg_hdr.msg_name = &address;
    messages[i].msg_hdr.msg_namelen = sizeof address;
  }
  int64_t started = ThreadNanoseconds();
  size_t filled = 0;
  for (int64_t n = 1; n <= count; n++) {
    uint8_t* at = arena.data() + filled * kMaxPacket;
    at[0] = 0x80;
    at[1] = 96;
    Put16(at + 2, uint32_t(n & 0xffff));
    Put32(at + 4, uint32_t(n * 3000));
    Put32(at + 8, 0x1234);
    size_t size = cipher.SealRtp(at, 12, &part, 1, 0x1234, n);
    if (mode == "sendto") {
      sendto(out, at, size, 0, reinterpret_cast<sockaddr*>(&address), sizeof address);
    } else if (mode == "connected") {
      send(out, at, size, 0);
    } else if (mode == "sendmmsg") {
      parts[filled].iov_len = size;
      if (++filled == kBatch) {
        sendmmsg(out, messages, kBatch, 0);
        filled = 0;
      }
    }
  }
  double each = double(ThreadNanoseconds() - started) / double(count);
  if (sink >= 0) close(sink);
  if (out >= 0) close(out);
  napi_value result;
  napi_create_double(env, each, &result);
  return result;
}

}  // namespace parley
