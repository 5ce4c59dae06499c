#include "binding/bindings.h"
#include "binding/commands.h"

NAPI_MODULE_INIT() {
  parley::AddMethod(env, exports, "createWorker", parley::CreateWorker, nullptr);
  parley::AddMethod(env, exports, "createCore", parley::CreateCore, nullptr);
  parley::AddMethod(env, exports, "createSrtp", parley::CreateSrtp, nullptr);
  parley::AddMethod(env, exports, "checkStun", parley::CheckStun, nullptr);
  parley::AddMethod(env, exports, "measureSeal", parley::MeasureSeal, nullptr);
  return exports;
}
