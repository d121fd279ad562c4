#include "node/transport/local_addresses.h"

#include <ifaddrs.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <memory>

#include "node/transport/listed_addresses.h"

namespace polydot::node {

LocalAddresses LocalAddresses::read() {
  LocalAddresses local;
  ifaddrs* found = nullptr;
  if (::getifaddrs(&found) != 0) return local;
  const std::unique_ptr<ifaddrs, void (*)(ifaddrs*)> all(found, ::freeifaddrs);
  for (const ifaddrs* one = found; one != nullptr; one = one->ifa_next) {
    if (one->ifa_addr == nullptr) continue;
    const int family = one->ifa_addr->sa_family;
    if (family != AF_INET && family != AF_INET6) continue;
    char host[NI_MAXHOST];
    const socklen_t size = family == AF_INET ? sizeof(sockaddr_in) : sizeof(sockaddr_in6);
    if (::getnameinfo(one->ifa_addr, size, host, sizeof host, nullptr, 0, NI_NUMERICHOST) == 0)
      local.addresses_.emplace(plain_address(host));
  }
  return local;
}

bool LocalAddresses::contains(std::string_view address) const {
  const std::string plain = plain_address(address);
  return is_loopback_address(plain) || addresses_.contains(plain);
}

}  // namespace polydot::node
