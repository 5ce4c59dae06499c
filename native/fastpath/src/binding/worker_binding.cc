#include "binding/bindings.h"
#include "binding/commands.h"
#include "binding/values.h"
#include "worker/worker.h"

namespace parley {

namespace {

// Freed when the JavaScript object is gone and the last event was delivered.
class WorkerBinding final : public CommandTarget {
 public:
  WorkerBinding(napi_env env, WorkerOptions options) : env_(env) {
    worker_ = std::make_unique<Worker>(std::move(options), [this] {
      napi_call_threadsafe_function(report_, nullptr, napi_tsfn_nonblocking);
    });
  }

  void Run(std::function<void(Core&)> command) override {
    if (worker_ && !closed_) worker_->Post(std::move(command));
  }

  std::string Start(napi_value listener) {
    napi_value name;
    napi_create_string_utf8(env_, "parley fastpath", NAPI_AUTO_LENGTH, &name);
    napi_create_threadsafe_function(env_, listener, nullptr, name, 0, 1, nullptr, nullptr, this, Deliver, &report_);
    std::string error = worker_->Start();
    if (!error.empty()) {
      napi_release_threadsafe_function(report_, napi_tsfn_abort);
      closed_ = true;
      return error;
    }
    napi_add_env_cleanup_hook(env_, AtExit, this);
    return "";
  }

  void Close() {
    if (closed_) return;
    closed_ = true;
    worker_->Stop();
  }

  Worker& worker() { return *worker_; }
  bool closed() const { return closed_; }

  static void Finalize(napi_env, void* data, void*) {
    auto self = static_cast<WorkerBinding*>(data);
    if (!self->ended_ && self->worker_) {
      // Dropped without close(): the thread still holds this.
      self->Close();
      self->worker_->Join();
      self->End();
    }
    delete self;
  }

 private:
  static void AtExit(void* data) {
    auto self = static_cast<WorkerBinding*>(data);
    self->closed_ = true;
    self->worker_->Stop();
    self->worker_->Join();
    self->ended_ = true;
  }

  void End() {
    if (ended_) return;
    ended_ = true;
    worker_->Join();
    napi_remove_env_cleanup_hook(env_, AtExit, this);
    napi_release_threadsafe_function(report_, napi_tsfn_release);
  }

  static void Deliver(napi_env env, napi_value listener, void* context, void*) {
    auto self = static_cast<WorkerBinding*>(context);
    if (!env) return;
    std::vector<Record> batch = self->worker_->TakeEvents();
    napi_value events = ToArray(env, batch);
    if (!batch.empty() && batch.back().fields[0].second.text == "worker.closed") self->End();
    napi_value undefined;
    napi_get_undefined(env, &undefined);
    napi_call_function(env, undefined, listener, 1, &events, nullptr);
  }

  napi_env env_;
  napi_threadsafe_function report_ = nullptr;
  std::unique_ptr<Worker> worker_;
  bool closed_ = false;
  bool ended_ = false;
};

WorkerBinding& BindingOf(const Call& call) {
  return *static_cast<WorkerBinding*>(static_cast<CommandTarget*>(call.data));
}

napi_value RequestStats(napi_env env, napi_callback_info info) {
  Call call(env, info);
  if (!BindingOf(call).closed()) BindingOf(call).worker().RequestStats(call.Id(0));
  return nullptr;
}

napi_value Close(napi_env env, napi_callback_info info) {
  Call call(env, info);
  BindingOf(call).Close();
  return nullptr;
}

}  // namespace

napi_value CreateWorker(napi_env env, napi_callback_info info) {
  Call call(env, info);
  Reader r(env, call.arguments[0]);
  WorkerOptions options;
  options.addresses = r.Texts("addresses");
  double port = r.Number("port", 0);
  if (port < 0 || port > 65535) {
    napi_throw_range_error(env, nullptr, "port must be 0..65535");
    return nullptr;
  }
  options.port = uint16_t(port);
  options.tcp = r.Bool("tcp", true);
  options.socketBuffer = int(r.Number("socketBufferBytes", options.socketBuffer));
  options.pulseFd = int(r.Number("pulseFd", options.pulseFd));
  options.core = ReadCoreOptions(r);
  auto binding = new WorkerBinding(env, std::move(options));
  std::string error = binding->Start(call.arguments[1]);
  if (!error.empty()) {
    napi_throw_error(env, "bind-failed", error.c_str());
    delete binding;
    return nullptr;
  }
  napi_value object, value;
  napi_create_object(env, &object);
  CommandTarget* target = binding;
  AddCommands(env, object, target);
  AddMethod(env, object, "requestStats", RequestStats, target);
  AddMethod(env, object, "close", Close, target);
  napi_create_uint32(env, binding->worker().port(), &value);
  napi_set_named_property(env, object, "port", value);
  std::string fingerprint = binding->worker().fingerprint();
  napi_create_string_utf8(env, fingerprint.data(), fingerprint.size(), &value);
  napi_set_named_property(env, object, "fingerprint", value);
  napi_wrap(env, object, binding, WorkerBinding::Finalize, nullptr, nullptr);
  return object;
}

}  // namespace parley
