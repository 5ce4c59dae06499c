#pragma once
#include <node_api.h>

namespace parley {

napi_value CreateWorker(napi_env env, napi_callback_info info);
napi_value CreateCore(napi_env env, napi_callback_info info);
napi_value CreateSrtp(napi_env env, napi_callback_info info);
napi_value CheckStun(napi_env env, napi_callback_info info);
napi_value MeasureSeal(napi_env env, napi_callback_info info);

}  // namespace parley
