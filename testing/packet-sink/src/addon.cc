#include <node_api.h>

#include <cstring>

#include "sink.h"

namespace parley {
namespace {

/** The sink of one JavaScript object, and the way to its callback. */
struct Binding {
  napi_env env;
  napi_threadsafe_function onBatch = nullptr;
  std::unique_ptr<Sink> sink;
};

napi_value Undefined(napi_env env) {
  napi_value value;
  napi_get_undefined(env, &value);
  return value;
}

double NumberOf(napi_env env, napi_value value) {
  double number = 0;
  napi_get_value_double(env, value, &number);
  return number;
}

napi_value ToNumber(napi_env env, double number) {
  napi_value value;
  napi_create_double(env, number, &value);
  return value;
}

double Option(napi_env env, napi_value object, const char* name) {
  napi_value value;
  napi_get_named_property(env, object, name, &value);
  return NumberOf(env, value);
}

struct Call {
  napi_value arguments[5];
  Binding* binding = nullptr;

  Call(napi_env env, napi_callback_info info) {
    size_t count = 5;
    napi_get_cb_info(env, info, &count, arguments, nullptr, nullptr);
    void* data = nullptr;
    if (napi_get_value_external(env, arguments[0], &data) == napi_ok) binding = static_cast<Binding*>(data);
  }
  Sink* sink() const { return binding ? binding->sink.get() : nullptr; }
};

void Release(Binding* binding) {
  if (!binding->sink) return;
  binding->sink.reset();
  napi_release_threadsafe_function(binding->onBatch, napi_tsfn_abort);
}

void HandOver(napi_env env, napi_value callback, void* context, void*) {
  auto binding = static_cast<Binding*>(context);
  if (env == nullptr || !binding->sink) return;
  const std::vector<uint8_t> batch = binding->sink->Take();
  napi_value bytes;
  napi_create_buffer_copy(env, batch.size(), batch.data(), nullptr, &bytes);
  napi_call_function(env, Undefined(env), callback, 1, &bytes, nullptr);
}

/** open(options, onBatch): the sink. */
napi_value Open(napi_env env, napi_callback_info info) {
  Call call(env, info);
  const SinkOptions options{int(Option(env, call.arguments[0], "bufferBytes")),
                            int(Option(env, call.arguments[0], "pollMicroseconds"))};
  auto binding = new Binding{env};
  napi_value name;
  napi_create_string_utf8(env, "packet-sink", NAPI_AUTO_LENGTH, &name);
  napi_create_threadsafe_function(env, call.arguments[1], nullptr, name, 0, 1, nullptr, nullptr, binding, HandOver,
                                  &binding->onBatch);
  binding->sink = std::make_unique<Sink>(options, [binding] {
    napi_call_threadsafe_function(binding->onBatch, nullptr, napi_tsfn_nonblocking);
  });
  if (const int error = binding->sink->Start()) {
    Release(binding);
    napi_throw_error(env, nullptr, std::strerror(error));
    return nullptr;
  }
  // The thread must not outlive the environment it reports to; the memory does, it is a few bytes a process.
  napi_add_env_cleanup_hook(env, [](void* data) { Release(static_cast<Binding*>(data)); }, binding);
  napi_value external;
  napi_create_external(env, binding, nullptr, nullptr, &external);
  return external;
}

napi_value Port(napi_env env, napi_callback_info info) {
  Call call(env, info);
  return ToNumber(env, call.sink() ? call.sink()->port() : 0);
}

/** addPlace(sink, passEvery): its number, 0 when all are taken. */
napi_value AddPlace(napi_env env, napi_callback_info info) {
  Call call(env, info);
  return ToNumber(env, call.sink() ? call.sink()->AddPlace(uint32_t(NumberOf(env, call.arguments[1]))) : 0);
}

napi_value RemovePlace(napi_env env, napi_callback_info info) {
  Call call(env, info);
  if (call.sink()) call.sink()->RemovePlace(uint16_t(NumberOf(env, call.arguments[1])));
  return nullptr;
}

/** know(sink, place, ssrc) */
napi_value Know(napi_env env, napi_callback_info info) {
  Call call(env, info);
  if (!call.sink()) return nullptr;
  call.sink()->Know(uint16_t(NumberOf(env, call.arguments[1])), uint32_t(NumberOf(env, call.arguments[2])));
  return nullptr;
}

/** measure(sink, fromMs, toMs) */
napi_value Measure(napi_env env, napi_callback_info info) {
  Call call(env, info);
  if (call.sink()) call.sink()->Measure({NumberOf(env, call.arguments[1]), NumberOf(env, call.arguments[2])});
  return nullptr;
}

/** streams(sink, place): five numbers for each. */
napi_value Streams(napi_env env, napi_callback_info info) {
  Call call(env, info);
  napi_value list;
  napi_create_array(env, &list);
  if (!call.sink()) return list;
  uint32_t at = 0;
  for (const Stream& stream : call.sink()->Streams(uint16_t(NumberOf(env, call.arguments[1])))) {
    for (const double number : {double(stream.ssrc), double(stream.payloadType), double(stream.received),
                                double(stream.reached - stream.before), double(stream.highest)}) {
      napi_set_element(env, list, at++, ToNumber(env, number));
    }
  }
  return list;
}

/** send(sink, place, address, port, bytes): whether the kernel took it. */
napi_value Send(napi_env env, napi_callback_info info) {
  Call call(env, info);
  void* data = nullptr;
  size_t size = 0;
  bool sent = false;
  if (call.sink() && napi_get_typedarray_info(env, call.arguments[4], nullptr, &size, &data, nullptr, nullptr) == napi_ok) {
    sent = call.sink()->Send(uint16_t(NumberOf(env, call.arguments[1])), uint32_t(NumberOf(env, call.arguments[2])),
                             uint16_t(NumberOf(env, call.arguments[3])), static_cast<uint8_t*>(data), size);
  }
  napi_value value;
  napi_get_boolean(env, sent, &value);
  return value;
}

napi_value Statistics(napi_env env, napi_callback_info info) {
  Call call(env, info);
  const SinkStatistics now = call.sink() ? call.sink()->Statistics() : SinkStatistics{};
  napi_value object;
  napi_create_object(env, &object);
  const auto set = [&](const char* name, double number) {
    napi_set_named_property(env, object, name, ToNumber(env, number));
  };
  set("received", double(now.received));
  set("passed", double(now.passed));
  set("dropped", double(now.dropped));
  set("overflowed", double(now.overflowed));
  set("countedTo", now.countedTo);
  set("bufferBytes", now.bufferBytes);
  return object;
}

napi_value Close(napi_env env, napi_callback_info info) {
  Call call(env, info);
  if (call.binding) Release(call.binding);
  return nullptr;
}

}  // namespace
}  // namespace parley

NAPI_MODULE_INIT() {
  const auto add = [&](const char* name, napi_callback method) {
    napi_value function;
    napi_create_function(env, name, NAPI_AUTO_LENGTH, method, nullptr, &function);
    napi_set_named_property(env, exports, name, function);
  };
  add("open", parley::Open);
  add("port", parley::Port);
  add("addPlace", parley::AddPlace);
  add("removePlace", parley::RemovePlace);
  add("know", parley::Know);
  add("measure", parley::Measure);
  add("streams", parley::Streams);
  add("send", parley::Send);
  add("statistics", parley::Statistics);
  add("close", parley::Close);
  return exports;
}
