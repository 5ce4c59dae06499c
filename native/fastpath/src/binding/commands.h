#pragma once
#include <node_api.h>

#include <functional>

#include "core/core.h"

namespace parley {

/** Takes commands: the worker queues them, the virtual-clock core runs them at once. */
class CommandTarget {
 public:
  virtual ~CommandTarget() = default;
  virtual void Run(std::function<void(Core&)> command) = 0;
};

/** Adds the command methods to a JavaScript object. `target` must outlive the object. */
void AddCommands(napi_env env, napi_value object, CommandTarget* target);
void AddMethod(napi_env env, napi_value object, const char* name, napi_callback method, void* data);

/** The arguments of a call, with the data given to AddMethod. */
struct Call {
  static constexpr size_t kMax = 6;
  Call(napi_env env, napi_callback_info info);
  uint32_t Id(size_t i) const;
  double Number(size_t i) const;
  bool Bool(size_t i) const;

  napi_env env;
  napi_value arguments[kMax];
  size_t count = kMax;
  void* data = nullptr;
};

}  // namespace parley
