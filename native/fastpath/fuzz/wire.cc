// Raw datagrams from authenticated and unknown addresses: demultiplexing, STUN, DTLS, SRTP.
#include "harness.h"

using namespace parley;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static Pair* pair = nullptr;
  static uint32_t id = 0;
  static int uses = 0;
  if (!pair || ++uses > 5000 || !pair->sfu.FindTransport(id)) {
    delete pair;
    pair = new Pair;
    id = 1;
    uses = 0;
    pair->Join(id);
  }
  size_t at = 0;
  while (at < size) {
    size_t length = size_t(data[at]) * 5 + 1;
    at++;
    if (length > size - at) length = size - at;
    pair->now += 10'000;
    pair->sfu.OnDatagram(View(data + at, length), TestPath(length % 2 ? 2 : 9), pair->now);
    at += length;
  }
  pair->sfu.Advance(pair->now);
  pair->sfu.Work(pair->now);
  pair->Drain();
  return 0;
}
