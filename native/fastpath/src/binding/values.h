#pragma once
#include <node_api.h>

#include <string>
#include <vector>

#include "core/core.h"

namespace parley {

/** Reads options objects leniently: what is absent or of another type keeps its default. */
class Reader {
 public:
  Reader(napi_env env, napi_value object) : env_(env), object_(object) {}

  double Number(const char* key, double otherwise) const;
  bool Bool(const char* key, bool otherwise) const;
  std::string Text(const char* key) const;
  std::vector<std::string> Texts(const char* key) const;
  std::vector<Reader> List(const char* key) const;
  Reader Object(const char* key) const;
  bool exists() const { return object_ != nullptr; }

 private:
  napi_value Get(const char* key, napi_valuetype type) const;
  napi_env env_;
  napi_value object_;
};

std::string TextOf(napi_env env, napi_value value);
double NumberOf(napi_env env, napi_value value);
/** Borrows the bytes of a Uint8Array; empty for anything else. */
View BytesOf(napi_env env, napi_value value);
napi_value ToBytes(napi_env env, View bytes);
napi_value ToObject(napi_env env, const Record& record);
napi_value ToArray(napi_env env, const std::vector<Record>& records);

CoreOptions ReadCoreOptions(const Reader& r);
TransportOptions ReadTransportOptions(const Reader& r);
RemoteParameters ReadRemoteParameters(const Reader& r);
IngressTrackOptions ReadTrackOptions(const Reader& r);
RepairOptions ReadRepairOptions(const Reader& reader);
EgressStreamOptions ReadStreamOptions(const Reader& r);

}  // namespace parley
