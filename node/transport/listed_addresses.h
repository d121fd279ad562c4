// From which addresses each peer may be heard: those that its listed name had when it was looked up.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "node/config/endpoint.h"

namespace polydot::node {

class ListedAddresses {
 public:
  ListedAddresses() = default;
  // Of nobody yet. peers: all; ours: where we are ourselves.
  ListedAddresses(int peers, const Resolved& ours);
  // From now on peer may be heard from these addresses, and from no others.
  void set(int peer, const Resolved& at);

  // address: numeric, of a TCP connection to us; empty: it came through a socket file, whose permissions
  // count. Between addresses of this host the system chooses: who is listed on it may come from any loopback
  // address.
  bool may_be(int peer, std::string_view address) const;
  // Of any listed peer, or loopback. Orders to a peer come from these, too.
  bool is_known(std::string_view address) const;
  // "10.0.0.7 or 10.0.0.8"
  std::string text(int peer) const;

 private:
  struct Host {
    std::vector<std::string> addresses{};
    bool is_this_one = false;
  };
  std::vector<Host> hosts_{};  // by peer
  std::vector<std::string> ours_{};
};

bool is_loopback_address(std::string_view address);
// Numeric, without a zone and without the prefix of an IPv4 address in IPv6: of one host there is one text.
std::string plain_address(std::string_view address);

}  // namespace polydot::node
