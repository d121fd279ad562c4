// The addresses of this machine (in its network namespace), for the question whether another peer is on it.
#pragma once

#include <set>
#include <string>
#include <string_view>

namespace polydot::node {

class LocalAddresses {
 public:
  // Asks the system. Where it does not say, only loopback addresses are known.
  static LocalAddresses read();
  // address: numeric, without brackets; an IPv4 address may be written as an IPv6 one, a zone may follow.
  bool contains(std::string_view address) const;

 private:
  std::set<std::string, std::less<>> addresses_;
};

}  // namespace polydot::node
