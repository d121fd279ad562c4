#include "node/config/endpoint.h"

#include <netdb.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <charconv>
#include <memory>
#include <string_view>
#include <utility>

namespace polydot::node {
namespace {

constexpr std::string_view kTcp = "tcp://";
constexpr std::string_view kIpc = "ipc://";

Failure malformed(const std::string& text, const std::string& why) {
  return usage_failure("'" + text + "' is not an endpoint: " + why +
                       "; write host:port, tcp://host:port or ipc://path");
}

Result<Endpoint> parse_ipc(const std::string& text) {
  const std::string path = text.substr(kIpc.size());
  if (path.empty() || path == "*") return malformed(text, "the path of the socket file is missing");
  if (path.front() == '@') return malformed(text, "abstract names have no file permissions");
  if (path.size() >= sizeof(sockaddr_un::sun_path))
    return malformed(text, "the path is too long for a socket file");
  return Endpoint{.scheme = Endpoint::Scheme::kIpc, .path = path};
}

// In numeric form, those of IPv4 first.
std::vector<std::string> numeric_addresses(const addrinfo* addresses) {
  std::vector<std::string> numeric;
  for (const int family : {AF_INET, AF_INET6})
    for (const addrinfo* a = addresses; a != nullptr; a = a->ai_next) {
      char host[NI_MAXHOST];
      if (a->ai_family == family &&
          getnameinfo(a->ai_addr, a->ai_addrlen, host, sizeof(host), nullptr, 0, NI_NUMERICHOST) == 0)
        numeric.emplace_back(host);
    }
  return numeric;
}

}  // namespace

Result<Endpoint> parse_endpoint(const std::string& text) {
  const std::string_view view = text;
  if (view.substr(0, kIpc.size()) == kIpc) return parse_ipc(text);
  const std::string_view rest = view.substr(0, kTcp.size()) == kTcp ? view.substr(kTcp.size()) : view;
  const std::size_t colon = rest.rfind(':');
  if (colon == std::string_view::npos) return malformed(text, "the port is missing");
  std::string_view host = rest.substr(0, colon);
  const std::string_view port_text = rest.substr(colon + 1);

  const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);
  if (host.empty()) return malformed(text, "the host is missing");
  if (host == "*") return malformed(text, "'*' is no address (0.0.0.0 listens on every interface)");
  if (!bracketed && host.find(':') != std::string_view::npos)
    return malformed(text, "an IPv6 address stands in [brackets]");
  if (host.find_first_of(" \t\r\n/;,@[]") != std::string_view::npos)
    return malformed(text, "the host has a stray character");

  std::uint16_t port = 0;
  const char* end = port_text.data() + port_text.size();
  const auto [stop, error] = std::from_chars(port_text.data(), end, port);
  if (port_text.empty() || error != std::errc() || stop != end)
    return malformed(text, "a port is a number up to 65535");
  return Endpoint{.host = std::string(host), .port = port};
}

std::string to_string(const Endpoint& endpoint) {
  if (endpoint.scheme == Endpoint::Scheme::kIpc) return std::string(kIpc) + endpoint.path;
  const bool v6 = endpoint.host.find(':') != std::string::npos;
  const std::string host = v6 ? "[" + endpoint.host + "]" : endpoint.host;
  return std::string(kTcp) + host + ":" + std::to_string(endpoint.port);
}

Result<Endpoint> resolve(const Endpoint& endpoint) {
  Result<Resolved> resolved = resolve_all(endpoint);
  if (!resolved) return resolved.failure();
  return std::move(resolved->endpoint);
}

Result<Resolved> resolve_all(const Endpoint& endpoint) {
  if (endpoint.scheme == Endpoint::Scheme::kIpc) return Resolved{endpoint, {}};
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int error = getaddrinfo(endpoint.host.c_str(), nullptr, &hints, &found);
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> addresses(found, [](addrinfo* a) {
    if (a != nullptr) freeaddrinfo(a);
  });
  Resolved resolved{endpoint, error == 0 ? numeric_addresses(found) : std::vector<std::string>()};
  const std::string why = error != 0 ? gai_strerror(error) : "no IPv4 or IPv6 address";
  if (resolved.addresses.empty())
    return network_failure("cannot resolve host '" + endpoint.host + "' (" + why +
                           "); correct the name or use an address");
  resolved.endpoint.host = resolved.addresses.front();
  return resolved;
}

}  // namespace polydot::node
