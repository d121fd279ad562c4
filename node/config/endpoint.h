// Where a peer listens: "tcp://host:port", "host:port" (the same), "[v6 address]:port" or "ipc://path".
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "codes/base/result.h"

namespace polydot::node {

struct Endpoint {
  enum class Scheme { kTcp, kIpc };
  Scheme scheme = Scheme::kTcp;
  std::string host{};      // tcp: a name or an address, an IPv6 address without brackets
  std::uint16_t port = 0;  // tcp: 0 leaves the choice to the system, for listening only
  std::string path{};      // ipc: of the socket file

  friend bool operator==(const Endpoint&, const Endpoint&) = default;
};

// Failure (kUsage): any other form. Wildcards ("*") are refused: who wants every interface says 0.0.0.0.
Result<Endpoint> parse_endpoint(const std::string& text);
// The canonical text: parse_endpoint(to_string(e)) is e.
std::string to_string(const Endpoint& endpoint);
// The same with a numeric address, IPv4 where the host has one. May block as long as the system's resolver
// does. Failure (kNetwork): the host cannot be resolved.
Result<Endpoint> resolve(const Endpoint& endpoint);

// The same, and every numeric address of the host: it may connect from any of them.
struct Resolved {
  Endpoint endpoint{};
  std::vector<std::string> addresses{};  // none of an ipc endpoint
};
Result<Resolved> resolve_all(const Endpoint& endpoint);

}  // namespace polydot::node
