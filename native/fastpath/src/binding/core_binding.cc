#include "binding/bindings.h"
#include "binding/commands.h"
#include "binding/values.h"

namespace parley {

namespace {

struct Datagram {
  Path path;
  Bytes data;
};

class MemoryOutlet final : public Outlet {
 public:
  uint8_t* Reserve() override { return scratch_; }
  void Commit(const Path& path, size_t size) override { sent.push_back({path, Bytes(scratch_, scratch_ + size)}); }
  std::vector<Datagram> sent;

 private:
  uint8_t scratch_[kMaxPacket];
};

class CoreBinding final : public CommandTarget {
 public:
  explicit CoreBinding(CoreOptions options) : core(std::make_unique<Core>(options, outlet)) {}
  void Run(std::function<void(Core&)> command) override {
    if (core) command(*core);
  }
  static void Finalize(napi_env, void* data, void*) { delete static_cast<CoreBinding*>(data); }

  MemoryOutlet outlet;
  std::unique_ptr<Core> core;
};

CoreBinding& BindingOf(const Call& call) { return *static_cast<CoreBinding*>(static_cast<CommandTarget*>(call.data)); }

napi_value Step(napi_env env, napi_callback_info info) {
  Call call(env, info);
  CoreBinding& binding = BindingOf(call);
  napi_value result, list;
  napi_create_object(env, &result);
  napi_create_array(env, &list);
  if (!binding.core) {
    napi_set_named_property(env, result, "packets", list);
    napi_set_named_property(env, result, "events", list);
    return result;
  }
  Micros now = Micros(call.Number(0));
  uint32_t length = 0;
  napi_get_array_length(env, call.arguments[1], &length);
  for (uint32_t i = 0; i < length; i++) {
    napi_handle_scope scope;
    napi_open_handle_scope(env, &scope);
    napi_value item, data;
    napi_get_element(env, call.arguments[1], i, &item);
    Reader r(env, item);
    Path path;
    if (ParseAddress(r.Text("address"), uint16_t(r.Number("port", 0)), &path)) {
      path.local = uint16_t(r.Number("local", 0));
      path.connection = uint32_t(r.Number("connection", 0));
      napi_get_named_property(env, item, "data", &data);
      View bytes = BytesOf(env, data);
      Bytes copy(bytes.data, bytes.data + bytes.size);
      binding.core->OnDatagram(View(copy), path, now, Micros(r.Number("receivedAt", double(now))));
    }
    napi_close_handle_scope(env, scope);
  }
  binding.core->Advance(now);
  binding.core->Work(now);
  uint32_t at = 0;
  for (const Datagram& datagram : binding.outlet.sent) {
    napi_handle_scope scope;
    napi_open_handle_scope(env, &scope);
    Record packet;
    packet.Number("local", datagram.path.local).Text("address", AddressText(datagram.path));
    packet.Number("port", datagram.path.port);
    if (datagram.path.connection) packet.Number("connection", datagram.path.connection);
    packet.Data("data", View(datagram.data));
    napi_set_element(env, list, at++, ToObject(env, packet));
    napi_close_handle_scope(env, scope);
  }
  binding.outlet.sent.clear();
  napi_set_named_property(env, result, "packets", list);
  napi_set_named_property(env, result, "events", ToArray(env, binding.core->TakeEvents()));
  return result;
}

napi_value Stats(napi_env env, napi_callback_info info) {
  Call call(env, info);
  CoreBinding& binding = BindingOf(call);
  Record stats = binding.core ? binding.core->Stats() : Record();
  stats.Number("sendFailures", 0).Number("packetsSent", 0).Number("messagesSent", 0).Number("tcpConnections", 0).Number("cpuMicroseconds", 0);
  return ToObject(env, stats);
}

napi_value SrtpKeys(napi_env env, napi_callback_info info) {
  Call call(env, info);
  CoreBinding& binding = BindingOf(call);
  Transport* transport = binding.core ? binding.core->FindTransport(call.Id(0)) : nullptr;
  SrtpProfile profile;
  Bytes local, remote;
  if (!transport || !transport->srtp() || !transport->TestKeys(&profile, &local, &remote)) return nullptr;
  Record keys;
  keys.Text("profile", SrtpProfileName(profile)).Data("local", std::move(local)).Data("remote", std::move(remote));
  return ToObject(env, keys);
}

napi_value Close(napi_env env, napi_callback_info info) {
  Call call(env, info);
  BindingOf(call).core.reset();
  return nullptr;
}

}  // namespace

napi_value CreateCore(napi_env env, napi_callback_info info) {
  Call call(env, info);
  auto binding = new CoreBinding(ReadCoreOptions(Reader(env, call.arguments[0])));
  napi_value object, value;
  napi_create_object(env, &object);
  CommandTarget* target = binding;
  AddCommands(env, object, target);
  AddMethod(env, object, "step", Step, target);
  AddMethod(env, object, "stats", Stats, target);
  AddMethod(env, object, "srtpKeys", SrtpKeys, target);
  AddMethod(env, object, "close", Close, target);
  const std::string& fingerprint = binding->core->dtls().fingerprint();
  napi_create_string_utf8(env, fingerprint.data(), fingerprint.size(), &value);
  napi_set_named_property(env, object, "fingerprint", value);
  napi_wrap(env, object, binding, CoreBinding::Finalize, nullptr, nullptr);
  return object;
}

}  // namespace parley
