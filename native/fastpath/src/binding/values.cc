#include "binding/values.h"

namespace parley {

namespace {

constexpr std::pair<const char*, Extension> kExtensions[] = {
    {"mid", Extension::kMid},
    {"rid", Extension::kRid},
    {"repairedRid", Extension::kRepairedRid},
    {"absSendTime", Extension::kAbsSendTime},
    {"transportSequence", Extension::kTransportSequence},
    {"audioLevel", Extension::kAudioLevel},
    {"dependencyDescriptor", Extension::kDependencyDescriptor},
    {"videoOrientation", Extension::kVideoOrientation},
    {"playoutDelay", Extension::kPlayoutDelay},
    {"absCaptureTime", Extension::kAbsCaptureTime},
    {"colorSpace", Extension::kColorSpace},
};

constexpr std::pair<const char*, Codec> kCodecs[] = {
    {"opus", Codec::kOpus}, {"red", Codec::kRed},   {"pcmu", Codec::kPcmu}, {"pcma", Codec::kPcma},
    {"g722", Codec::kG722}, {"vp8", Codec::kVp8},   {"vp9", Codec::kVp9},   {"h264", Codec::kH264},
    {"av1", Codec::kAv1},
};

Codec CodecOf(const std::string& name) {
  for (auto& [text, codec] : kCodecs) {
    if (name == text) return codec;
  }
  return Codec::kOther;
}

std::vector<std::pair<Extension, uint8_t>> ReadExtensions(const Reader& r) {
  std::vector<std::pair<Extension, uint8_t>> out;
  for (auto& [name, extension] : kExtensions) {
    double id = r.Number(name, 0);
    if (id >= 1 && id <= 255) out.emplace_back(extension, uint8_t(id));
  }
  return out;
}

uint8_t PayloadTypeOf(const Reader& r, const char* key) {
  double value = r.Number(key, 0);
  return value >= 0 && value <= 127 ? uint8_t(value) : 0;
}

uint32_t Unsigned(const Reader& r, const char* key) {
  double value = r.Number(key, 0);
  return value >= 0 && value <= 4294967295.0 ? uint32_t(value) : 0;
}

Micros Milliseconds(const Reader& r, const char* key, Micros otherwise) {
  double value = r.Number(key, -1);
  return value < 0 ? otherwise : Micros(value * 1000);
}

}  // namespace

napi_value Reader::Get(const char* key, napi_valuetype type) const {
  if (!object_) return nullptr;
  napi_value value = nullptr;
  napi_valuetype actual = napi_undefined;
  if (napi_get_named_property(env_, object_, key, &value) != napi_ok) return nullptr;
  napi_typeof(env_, value, &actual);
  return actual == type ? value : nullptr;
}

double Reader::Number(const char* key, double otherwise) const {
  napi_value value = Get(key, napi_number);
  return value ? NumberOf(env_, value) : otherwise;
}

bool Reader::Bool(const char* key, bool otherwise) const {
  napi_value value = Get(key, napi_boolean);
  if (value) napi_get_value_bool(env_, value, &otherwise);
  return otherwise;
}

std::string Reader::Text(const char* key) const {
  napi_value value = Get(key, napi_string);
  return value ? TextOf(env_, value) : "";
}

std::vector<std::string> Reader::Texts(const char* key) const {
  std::vector<std::string> out;
  napi_value list = Get(key, napi_object);
  uint32_t length = 0;
  if (!list || napi_get_array_length(env_, list, &length) != napi_ok) return out;
  for (uint32_t i = 0; i < length; i++) {
    napi_value item;
    napi_get_element(env_, list, i, &item);
    out.push_back(TextOf(env_, item));
  }
  return out;
}

std::vector<Reader> Reader::List(const char* key) const {
  std::vector<Reader> out;
  napi_value list = Get(key, napi_object);
  uint32_t length = 0;
  if (!list || napi_get_array_length(env_, list, &length) != napi_ok) return out;
  for (uint32_t i = 0; i < length; i++) {
    napi_value item;
    napi_get_element(env_, list, i, &item);
    out.emplace_back(env_, item);
  }
  return out;
}

Reader Reader::Object(const char* key) const { return Reader(env_, Get(key, napi_object)); }

std::string TextOf(napi_env env, napi_value value) {
  size_t size = 0;
  if (napi_get_value_string_utf8(env, value, nullptr, 0, &size) != napi_ok) return "";
  std::string text(size, '\0');
  napi_get_value_string_utf8(env, value, text.data(), size + 1, &size);
  return text;
}

double NumberOf(napi_env env, napi_value value) {
  double number = 0;
  napi_get_value_double(env, value, &number);
  return number;
}

View BytesOf(napi_env env, napi_value value) {
  bool typed = false;
  napi_is_typedarray(env, value, &typed);
  if (!typed) return View();
  napi_typedarray_type type;
  size_t length = 0;
  void* data = nullptr;
  napi_get_typedarray_info(env, value, &type, &length, &data, nullptr, nullptr);
  if (type != napi_uint8_array && type != napi_uint32_array) return View();
  return View(static_cast<uint8_t*>(data), type == napi_uint32_array ? length * 4 : length);
}

napi_value ToBytes(napi_env env, View bytes) {
  void* data = nullptr;
  napi_value buffer, array;
  napi_create_arraybuffer(env, bytes.size, &data, &buffer);
  if (bytes.size) std::memcpy(data, bytes.data, bytes.size);
  napi_create_typedarray(env, napi_uint8_array, bytes.size, buffer, 0, &array);
  return array;
}

napi_value ToObject(napi_env env, const Record& record) {
  napi_value object;
  napi_create_object(env, &object);
  for (auto& [key, value] : record.fields) {
    napi_value v = nullptr;
    switch (value.kind) {
      case Record::Value::Kind::kNumber:
        napi_create_double(env, value.number, &v);
        break;
      case Record::Value::Kind::kBool:
        napi_get_boolean(env, value.number != 0, &v);
        break;
      case Record::Value::Kind::kText:
        napi_create_string_utf8(env, value.text.data(), value.text.size(), &v);
        break;
      case Record::Value::Kind::kBytes:
        v = ToBytes(env, View(value.bytes));
        break;
      case Record::Value::Kind::kNumbers:
        napi_create_array_with_length(env, value.numbers.size(), &v);
        for (size_t i = 0; i < value.numbers.size(); i++) {
          napi_value number;
          napi_create_double(env, value.numbers[i], &number);
          napi_set_element(env, v, uint32_t(i), number);
        }
        break;
      case Record::Value::Kind::kRecord:
        v = ToObject(env, value.records[0]);
        break;
      case Record::Value::Kind::kRecords:
        v = ToArray(env, value.records);
        break;
    }
    napi_set_named_property(env, object, key, v);
  }
  return object;
}

napi_value ToArray(napi_env env, const std::vector<Record>& records) {
  napi_value array;
  napi_create_array_with_length(env, records.size(), &array);
  for (size_t i = 0; i < records.size(); i++) {
    napi_handle_scope scope;
    napi_open_handle_scope(env, &scope);
    napi_set_element(env, array, uint32_t(i), ToObject(env, records[i]));
    napi_close_handle_scope(env, scope);
  }
  return array;
}

CoreOptions ReadCoreOptions(const Reader& r) {
  CoreOptions o;
  o.frameHold = Milliseconds(r, "frameHoldMs", o.frameHold);
  o.reportHold = Milliseconds(r, "reportHoldMs", o.reportHold);
  o.consentTimeout = Milliseconds(r, "consentTimeoutMs", o.consentTimeout);
  o.connectTimeout = Milliseconds(r, "connectTimeoutMs", o.connectTimeout);
  o.levelInterval = Milliseconds(r, "levelIntervalMs", o.levelInterval);
  o.feedbackInterval = Milliseconds(r, "feedbackIntervalMs", o.feedbackInterval);
  o.piece = size_t(r.Number("piecePackets", double(o.piece)));
  return o;
}

TransportOptions ReadTransportOptions(const Reader& r) {
  TransportOptions o;
  o.ufrag = r.Text("iceUfrag");
  o.pwd = r.Text("icePwd");
  o.pacingBitrate = uint64_t(r.Number("pacingBitrate", double(o.pacingBitrate)));
  o.maxQueued = size_t(r.Number("maxQueuedPackets", double(o.maxQueued)));
  o.reportRtcp = r.Bool("reportRtcp", false);
  o.reportSent = r.Bool("reportSent", false);
  Reader peer = r.Object("peer");
  o.hasPeer = ParseAddress(peer.Text("address"), uint16_t(peer.Number("port", 0)), &o.peer);
  o.peer.local = uint16_t(peer.Number("local", 0));
  return o;
}

RemoteParameters ReadRemoteParameters(const Reader& r) {
  RemoteParameters o;
  o.weAreServer = r.Text("dtlsRole") != "client";
  o.fingerprints = r.Texts("fingerprints");
  o.ufrag = r.Text("iceUfrag");
  o.pwd = r.Text("icePwd");
  return o;
}

IngressTrackOptions ReadTrackOptions(const Reader& r) {
  IngressTrackOptions o;
  o.video = r.Text("kind") == "video";
  o.mid = r.Text("mid");
  o.nack = r.Bool("nack", o.video);
  o.pli = o.video && r.Bool("pli", true);
  o.extensions = ReadExtensions(r.Object("extensions"));
  for (const Reader& p : r.List("payloads")) {
    IngressPayload payload;
    payload.codec = CodecOf(p.Text("codec"));
    payload.payloadType = PayloadTypeOf(p, "payloadType");
    payload.rtxPayloadType = PayloadTypeOf(p, "rtxPayloadType");
    uint32_t clockRate = Unsigned(p, "clockRate");
    payload.clockRate = clockRate ? clockRate : o.video ? 90000 : 48000;
    o.payloads.push_back(payload);
  }
  for (const Reader& l : r.List("layers")) {
    IngressLayerOptions layer;
    layer.rid = l.Text("rid");
    layer.ssrc = Unsigned(l, "ssrc");
    layer.rtxSsrc = Unsigned(l, "rtxSsrc");
    o.layers.push_back(layer);
  }
  return o;
}

RepairOptions ReadRepairOptions(const Reader& r) {
  RepairOptions o;
  o.redDepth = int(r.Number("redDepth", 0));
  o.copies = int(r.Number("copies", 0));
  o.copyDistance = Milliseconds(r, "copyDistanceMs", 20);
  o.bursts = r.Bool("bursts", false);
  o.answers = int(r.Number("answers", 0));
  o.attempts = int(r.Number("attempts", 0));
  o.attemptsWithin = Milliseconds(r, "attemptsWithinMs", 0);
  o.deadline = Milliseconds(r, "deadlineMs", 0);
  double fecShare = r.Number("fecShare", 0);
  o.fecShare = fecShare > 0 ? fecShare < 1 ? fecShare : 1 : 0;
  return o;
}

EgressStreamOptions ReadStreamOptions(const Reader& r) {
  EgressStreamOptions o;
  o.video = r.Text("kind") == "video";
  o.paused = r.Bool("paused", false);
  o.ssrc = Unsigned(r, "ssrc");
  o.rtxSsrc = Unsigned(r, "rtxSsrc");
  o.layer = int(r.Number("layer", 0));
  o.temporalLayer = int(r.Number("temporalLayer", LayerSelector::kAll));
  o.spatialLayer = int(r.Number("spatialLayer", LayerSelector::kAll));
  o.historyTime = Milliseconds(r, "historyMs", o.video ? 1'000'000 : 500'000);
  double packets = r.Number("historyPackets", o.video ? 1024 : 128);
  o.historyPackets = size_t(packets < 0 ? 0 : packets > 16384 ? 16384 : packets);
  o.padTo = r.Bool("equalSizes", true) ? 16 : 0;
  o.startFromCache = r.Bool("startFromCache", false) ? PictureCache::kOldest : Milliseconds(r, "startFromCacheMs", 0);
  o.exactLayer = r.Bool("exactLayer", false);
  o.fecPayloadType = PayloadTypeOf(r, "fecPayloadType");
  o.redPayloadType = PayloadTypeOf(r, "redPayloadType");
  o.mid = r.Text("mid");
  o.cname = r.Text("cname");
  if (o.cname.empty()) o.cname = "parley";
  o.extensions = ReadExtensions(r.Object("extensions"));
  for (const Reader& p : r.List("payloads")) {
    EgressPayload payload;
    payload.from = PayloadTypeOf(p, "from");
    payload.payloadType = PayloadTypeOf(p, "payloadType");
    payload.rtxPayloadType = PayloadTypeOf(p, "rtxPayloadType");
    payload.stripRed = p.Bool("stripRed", false);
    o.payloads.push_back(payload);
  }
  return o;
}

}  // namespace parley
