#include "core/net_address.h"

#include <arpa/inet.h>

namespace parley {

bool ParseAddress(const std::string& text, uint16_t port, Path* out) {
  *out = Path();
  out->port = port;
  if (inet_pton(AF_INET, text.c_str(), out->address) == 1) {
    out->family = 4;
    return true;
  }
  if (inet_pton(AF_INET6, text.c_str(), out->address) == 1) {
    out->family = 6;
    return true;
  }
  return false;
}

std::string AddressText(const Path& path) {
  char text[INET6_ADDRSTRLEN] = {0};
  inet_ntop(path.family == 6 ? AF_INET6 : AF_INET, path.address, text, sizeof text);
  return text;
}

}  // namespace parley
