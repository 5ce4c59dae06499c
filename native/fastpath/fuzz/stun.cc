#include "core/stun_message.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  parley::StunMessage message;
  if (message.Parse(parley::View(data, size))) {
    message.IntegrityHolds("password");
    message.FingerprintHolds();
  }
  return 0;
}
