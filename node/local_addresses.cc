#include "node/local_addresses.h"

#include <ifaddrs.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <memory>

namespace polydot::node {

namespace {

// As the system writes it, without what says how it came here.
std::string_view plain(std::string_view address) {
  constexpr std::string_view kMapped = "::ffff:";
  address = address.substr(0, address.find('%'));
  if (address.starts_with(kMapped) && address.find('.') != std::string_view::npos)
    address.remove_prefix(kMapped.size());
  return address;
}

}  // namespace

bool is_loopback_address(std::string_view address) {
  const std::string_view text = plain(address);
  return text == "::1" || text.starts_with("127.");
}

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
      local.addresses_.emplace(plain(host));
  }
  return local;
}

bool LocalAddresses::contains(std::string_view address) const {
  return is_loopback_address(address) || addresses_.contains(plain(address));
}

}  // namespace polydot::node
