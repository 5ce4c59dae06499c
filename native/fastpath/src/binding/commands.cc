#include "binding/commands.h"

#include <algorithm>

#include "binding/values.h"

namespace parley {

Call::Call(napi_env e, napi_callback_info info) : env(e) {
  napi_get_cb_info(env, info, &count, arguments, nullptr, &data);
}

double Call::Number(size_t i) const { return NumberOf(env, arguments[i]); }

uint32_t Call::Id(size_t i) const {
  double number = Number(i);
  return number >= 0 && number <= 4294967295.0 ? uint32_t(number) : 0;
}

bool Call::Bool(size_t i) const {
  bool value = false;
  napi_get_value_bool(env, arguments[i], &value);
  return value;
}

void AddMethod(napi_env env, napi_value object, const char* name, napi_callback method, void* data) {
  napi_value function;
  napi_create_function(env, name, NAPI_AUTO_LENGTH, method, data, &function);
  napi_set_named_property(env, object, name, function);
}

namespace {

CommandTarget& TargetOf(const Call& call) { return *static_cast<CommandTarget*>(call.data); }

uint64_t Rate(const Call& call, size_t i) {
  double value = call.Number(i);
  return value > 0 && value < 1e12 ? uint64_t(value) : 0;
}

napi_value CreateTransport(napi_env env, napi_callback_info info) {
  Call call(env, info);
  TargetOf(call).Run([id = call.Id(0), options = ReadTransportOptions(Reader(env, call.arguments[1]))](Core& core) {
    core.CreateTransport(id, options);
  });
  return nullptr;
}

napi_value SetRemote(napi_env env, napi_callback_info info) {
  Call call(env, info);
  TargetOf(call).Run([id = call.Id(0), remote = ReadRemoteParameters(Reader(env, call.arguments[1]))](Core& core) {
    core.SetRemote(id, remote);
  });
  return nullptr;
}

napi_value RestartIce(napi_env env, napi_callback_info info) {
  Call call(env, info);
  TargetOf(call).Run([id = call.Id(0), ufrag = TextOf(env, call.arguments[1]), pwd = TextOf(env, call.arguments[2])](
                         Core& core) { core.RestartIce(id, ufrag, pwd); });
  return nullptr;
}

napi_value SetPacing(napi_env env, napi_callback_info info) {
  Call call(env, info);
  TargetOf(call).Run([id = call.Id(0), rate = Rate(call, 1)](Core& core) { core.SetPacing(id, rate); });
  return nullptr;
}

napi_value SendData(napi_env env, napi_callback_info info) {
  Call call(env, info);
  View bytes = BytesOf(env, call.arguments[1]);
  TargetOf(call).Run([id = call.Id(0), copy = Bytes(bytes.data, bytes.data + bytes.size)](Core& core) {
    core.SendData(id, View(copy));
  });
  return nullptr;
}

napi_value AllowData(napi_env env, napi_callback_info info) {
  Call call(env, info);
  TargetOf(call).Run([id = call.Id(0), rate = uint32_t(std::min<uint64_t>(Rate(call, 1), 1'000'000))](Core& core) {
    core.AllowData(id, rate);
  });
  return nullptr;
}

napi_value SendRemb(napi_env env, napi_callback_info info) {
  Call call(env, info);
  TargetOf(call).Run([id = call.Id(0), rate = Rate(call, 1)](Core& core) { core.SetRemb(id, rate); });
  return nullptr;
}

napi_value SendProbe(napi_env env, napi_callback_info info) {
  Call call(env, info);
  TargetOf(call).Run([id = call.Id(0), bytes = size_t(Rate(call, 1)), rate = Rate(call, 2)](Core& core) {
    core.Probe(id, bytes, rate);
  });
  return nullptr;
}

napi_value CloseTransport(napi_env env, napi_callback_info info) {
  Call call(env, info);
  TargetOf(call).Run([id = call.Id(0)](Core& core) { core.CloseTransport(id); });
  return nullptr;
}

napi_value CreateTrack(napi_env env, napi_callback_info info) {
  Call call(env, info);
  TargetOf(call).Run([id = call.Id(0), transport = call.Id(1),
                      options = ReadTrackOptions(Reader(env, call.arguments[2]))](Core& core) {
    core.CreateTrack(id, transport, options);
  });
  return nullptr;
}

napi_value SetTrackGate(napi_env env, napi_callback_info info) {
  Call call(env, info);
  TargetOf(call).Run([id = call.Id(0), open = call.Bool(1)](Core& core) { core.SetTrackGate(id, open); });
  return nullptr;
}

napi_value RequestKeyFrame(napi_env env, napi_callback_info info) {
  Call call(env, info);
  TargetOf(call).Run([id = call.Id(0), layer = int(call.Number(1))](Core& core) { core.RequestKeyFrame(id, layer); });
  return nullptr;
}

napi_value CloseTrack(napi_env env, napi_callback_info info) {
  Call call(env, info);
  TargetOf(call).Run([id = call.Id(0)](Core& core) { core.CloseTrack(id); });
  return nullptr;
}

napi_value CreateStream(napi_env env, napi_callback_info info) {
  Call call(env, info);
  TargetOf(call).Run([id = call.Id(0), transport = call.Id(1), track = call.Id(2),
                      options = ReadStreamOptions(Reader(env, call.arguments[3]))](Core& core) {
    core.CreateStream(id, transport, track, options);
  });
  return nullptr;
}

napi_value SelectLayer(napi_env env, napi_callback_info info) {
  Call call(env, info);
  int layer = int(call.Number(1)), temporal = int(call.Number(2)), spatial = int(call.Number(3));
  TargetOf(call).Run([id = call.Id(0), layer, temporal, spatial](Core& core) {
    core.SelectLayer(id, layer, temporal, spatial);
  });
  return nullptr;
}

napi_value SetSource(napi_env env, napi_callback_info info) {
  Call call(env, info);
  TargetOf(call).Run([id = call.Id(0), track = call.Id(1), layer = int(call.Number(2))](Core& core) {
    core.SetSource(id, track, layer);
  });
  return nullptr;
}

napi_value SetPaused(napi_env env, napi_callback_info info) {
  Call call(env, info);
  View bytes = BytesOf(env, call.arguments[0]);
  std::vector<uint32_t> ids(bytes.size / 4);
  if (!ids.empty()) std::memcpy(ids.data(), bytes.data, ids.size() * 4);
  TargetOf(call).Run([ids = std::move(ids), paused = call.Bool(1)](Core& core) { core.SetPaused(ids, paused); });
  return nullptr;
}

napi_value SetPlayoutDelay(napi_env env, napi_callback_info info) {
  Call call(env, info);
  TargetOf(call).Run([id = call.Id(0), low = int(call.Number(1)), high = int(call.Number(2))](Core& core) {
    core.SetPlayoutDelay(id, low, high);
  });
  return nullptr;
}

napi_value SetRepair(napi_env env, napi_callback_info info) {
  Call call(env, info);
  TargetOf(call).Run([id = call.Id(0), repair = ReadRepairOptions(Reader(env, call.arguments[1]))](Core& core) {
    core.SetRepair(id, repair);
  });
  return nullptr;
}

napi_value SetRepairBudget(napi_env env, napi_callback_info info) {
  Call call(env, info);
  TargetOf(call).Run([id = call.Id(0), rate = Rate(call, 1)](Core& core) { core.SetRepairBudget(id, rate); });
  return nullptr;
}

napi_value CloseStream(napi_env env, napi_callback_info info) {
  Call call(env, info);
  TargetOf(call).Run([id = call.Id(0)](Core& core) { core.CloseStream(id); });
  return nullptr;
}

}  // namespace

void AddCommands(napi_env env, napi_value object, CommandTarget* target) {
  const std::pair<const char*, napi_callback> methods[] = {
      {"createTransport", CreateTransport}, {"setRemote", SetRemote},
      {"restartIce", RestartIce},           {"setPacing", SetPacing},
      {"sendData", SendData},               {"sendRemb", SendRemb},
      {"allowData", AllowData},
      {"sendProbe", SendProbe},             {"closeTransport", CloseTransport},
      {"createTrack", CreateTrack},         {"setTrackGate", SetTrackGate},
      {"requestKeyFrame", RequestKeyFrame}, {"closeTrack", CloseTrack},
      {"createStream", CreateStream},       {"selectLayer", SelectLayer},
      {"setSource", SetSource},             {"setPaused", SetPaused},
      {"setPlayoutDelay", SetPlayoutDelay}, {"setRepair", SetRepair},
      {"setRepairBudget", SetRepairBudget}, {"closeStream", CloseStream},
  };
  for (auto& [name, method] : methods) AddMethod(env, object, name, method, target);
}

}  // namespace parley
