#include "node/transport/zmq_sockets.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <thread>
#include <utility>

#include "node/config/endpoint.h"
#include "node/system/owned_fd.h"
#include "node/text/printable.h"

namespace polydot::node {
namespace {

constexpr int kReconnectMs = 50;
constexpr int kReconnectMaxMs = 500;
constexpr int kConnectTimeoutMs = 2000;   // the system's own two minutes would miss a host that comes back
constexpr int kUnansweredTcpMs = 30'000;  // then a vanished host's connection is given up
constexpr int kKeepaliveIdleS = 10;       // the same for a connection that sends nothing
constexpr int kKeepaliveIntervalS = 5;
constexpr int kKeepaliveProbes = 4;
constexpr std::int64_t kMaxUnsolicitedBytes = 1024;  // towards a DEALER: handshakes only

// One connection's settings, the same for both of its ends.
void set_tcp_options(zmq::socket_t& socket, const Endpoint& address) {
  socket.set(zmq::sockopt::ipv6, address.host.find(':') != std::string::npos);
  socket.set(zmq::sockopt::tcp_keepalive, 1);
  socket.set(zmq::sockopt::tcp_keepalive_idle, kKeepaliveIdleS);
  socket.set(zmq::sockopt::tcp_keepalive_intvl, kKeepaliveIntervalS);
  socket.set(zmq::sockopt::tcp_keepalive_cnt, kKeepaliveProbes);
  socket.set(zmq::sockopt::tcp_maxrt, kUnansweredTcpMs);
}

// A high-water mark for `bytes` in messages of `message_bytes`; 0 would mean without limit.
int high_water_mark(std::size_t bytes, std::size_t message_bytes) {
  return static_cast<int>(std::clamp<std::size_t>(bytes / message_bytes, 4, 1'000'000));
}

// One for each peer, one that it opens anew before the last is found dead, and some for orders.
std::size_t most_connections(std::size_t peers) { return 2 * peers + 16; }

std::unique_ptr<ConnectionWatch> make_watch(ZmqSockets& sockets, const ZmqOptions& options) {
  WatchOptions watch;
  watch.max_message_bytes = options.max_payload_bytes + kMaxHeaderBytes;
  const auto waiting =
      static_cast<std::size_t>(high_water_mark(options.max_queue_bytes, options.max_payload_bytes));
  watch.max_waiting_bytes = (waiting + 1) * watch.max_message_bytes;
  watch.max_connections = most_connections(options.endpoints.size());
  watch.may_connect = [&sockets](std::string_view address) {
    const bool known = sockets.listed.is_known(address) || sockets.local.contains(address);
    if (!known) sockets.addresses.hurry();
    return known;
  };
  return std::make_unique<ConnectionWatch>(sockets.context, sockets.router, std::move(watch));
}

zmq::socket_t make_router(zmq::context_t& context, const ZmqOptions& options, const Endpoint& ours) {
  zmq::socket_t router(context, zmq::socket_type::router);
  set_tcp_options(router, ours);
  router.set(zmq::sockopt::linger, 0);
  // For each sender. It counts frames, so count the largest (small ones lose nothing by that: measured); what
  // does not fit waits in the sender's queue.
  router.set(zmq::sockopt::rcvhwm, high_water_mark(options.max_queue_bytes, options.max_payload_bytes));
  router.set(zmq::sockopt::maxmsgsize,
             static_cast<std::int64_t>(std::max(options.max_payload_bytes, kMaxHeaderBytes)));
  // A process that connects again must not wait until its old, half-open connection is noticed.
  router.set(zmq::sockopt::router_handover, true);
  return router;
}

// From the address that is ours in everybody's list, where the system lets us: of a host with several it
// would choose another one. Not between a loopback address and the others.
std::string source_of(const Endpoint& ours, const Endpoint& to) {
  const bool tcp = ours.scheme == Endpoint::Scheme::kTcp && to.scheme == Endpoint::Scheme::kTcp;
  const auto is_v6 = [](const Endpoint& a) { return a.host.find(':') != std::string::npos; };
  const bool any = ours.host == "0.0.0.0" || ours.host == "::";
  if (!tcp || any || is_v6(ours) || is_v6(to)) return "";
  if (is_loopback_address(ours.host) != is_loopback_address(to.host)) return "";
  return ours.host + ":0;";
}

zmq::socket_t make_dealer(zmq::context_t& context, const ZmqOptions& options) {
  zmq::socket_t dealer(context, zmq::socket_type::dealer);
  dealer.set(zmq::sockopt::routing_id, routing_id_of(options.cluster, options.index, options.incarnation));
  dealer.set(zmq::sockopt::linger, options.linger_ms);
  dealer.set(zmq::sockopt::immediate, true);
  dealer.set(zmq::sockopt::reconnect_ivl, kReconnectMs);
  dealer.set(zmq::sockopt::reconnect_ivl_max, kReconnectMaxMs);
  dealer.set(zmq::sockopt::connect_timeout, kConnectTimeoutMs);
  // Send counts bytes itself; this mark must only not come before.
  dealer.set(zmq::sockopt::sndhwm, high_water_mark(options.max_queue_bytes, kOverheadBytes));
  // Nobody has anything to say to a DEALER.
  dealer.set(zmq::sockopt::rcvhwm, 1);
  dealer.set(zmq::sockopt::maxmsgsize, kMaxUnsolicitedBytes);
  return dealer;
}

Result<std::vector<Endpoint>> parse_all(const ZmqOptions& options) {
  std::vector<Endpoint> endpoints;
  for (std::size_t p = 0; p < options.endpoints.size(); ++p) {
    Result<Endpoint> endpoint = parse_endpoint(options.endpoints[p]);
    const std::string who = "peer " + std::to_string(p) + ": ";
    if (!endpoint) return Failure{endpoint.failure().kind, who + endpoint.failure().message};
    const bool ours = static_cast<int>(p) == options.index;
    if (!ours && endpoint->scheme == Endpoint::Scheme::kTcp && endpoint->port == 0)
      return usage_failure(who + "'" + options.endpoints[p] + "' needs a port to connect to");
    endpoints.push_back(*std::move(endpoint));
  }
  return endpoints;
}

// Ours, to listen there; it stays as it is when somebody listens there for us already. While a machine starts
// its own name may not be known yet, so it is asked for again for a while.
Result<Resolved> resolve_own(const ZmqOptions& options, const Endpoint& endpoint) {
  constexpr std::chrono::milliseconds kMost{3000}, kPause{200};
  if (options.listen_fd >= 0) return Resolved{endpoint, {}};
  const auto end = std::chrono::steady_clock::now() + kMost;
  for (;;) {
    Result<Resolved> own = resolve_all(endpoint);
    if (own || std::chrono::steady_clock::now() >= end) {
      if (own) return own;
      return Failure{own.failure().kind, "peer " + std::to_string(options.index) + ": " +
                                             own.failure().message + ", or say --bind ADDRESS:PORT"};
    }
    std::this_thread::sleep_for(kPause);
  }
}

bool is_loopback(const Endpoint& address) { return is_loopback_address(address.host); }

// Many a machine resolves its own name to 127.0.1.1: there the others would wait for ever.
Outcome check_reachable(const ZmqOptions& options, const ZmqSockets& sockets) {
  const auto own = static_cast<std::size_t>(options.index);
  bool elsewhere = false;
  for (int p = 0; p < static_cast<int>(options.endpoints.size()); ++p)
    if (const Resolved* at = sockets.addresses.address(p))
      elsewhere = elsewhere || (at->endpoint.scheme == Endpoint::Scheme::kTcp && !is_loopback(at->endpoint));
  const Endpoint& ours = sockets.ours;
  if (options.listen_fd >= 0 || !elsewhere || !is_loopback(ours)) return Unit{};
  return network_failure("peer " + std::to_string(own) + ": '" + options.endpoints[own] + "' is " +
                         ours.host +
                         " here, which other machines cannot reach; write its address in the network");
}

// So that memory can be shared with who listens there, if the system lets us.
bool is_on_this_host(const Endpoint& address, const LocalAddresses& local) {
  return address.scheme == Endpoint::Scheme::kIpc || local.contains(address.host);
}

// libzmq deletes the socket file that it finds, also one that another process listens on.
bool somebody_listens(const Endpoint& ipc) {
  const OwnedFd probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  ipc.path.copy(address.sun_path, sizeof(address.sun_path) - 1);
  return ::connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
}

std::string reason_of(int error) {
  switch (error) {
    case EADDRINUSE:
      return "the address is in use; stop who uses it or choose another port";
    case ENODEV:
    case EADDRNOTAVAIL:
      return "this machine has no such address; correct the configuration";
    default:
      return zmq_strerror(error);
  }
}

Outcome adopt(zmq::socket_t& router, OwnedFd& fd) {
  const auto option = [&](int name) {
    int value = 0;
    socklen_t size = sizeof(value);
    return ::getsockopt(fd.get(), SOL_SOCKET, name, &value, &size) == 0 ? value : -1;
  };
  const int domain = option(SO_DOMAIN);
  if (option(SO_ACCEPTCONN) != 1 || (domain != AF_INET && domain != AF_INET6))
    return network_failure("descriptor " + std::to_string(fd.get()) + " is not a listening TCP socket");
  // A connection that is gone before it is accepted must not block ZeroMQ's thread.
  ::fcntl(fd.get(), F_SETFL, ::fcntl(fd.get(), F_GETFL) | O_NONBLOCK);
  ::fcntl(fd.get(), F_SETFD, FD_CLOEXEC);
  router.set(zmq::sockopt::use_fd, fd.get());
  router.bind("tcp://127.0.0.1:0");  // not looked at, since there is a socket already
  fd.release();
  return Unit{};
}

Outcome listen(zmq::socket_t& router, const Endpoint& ours, const std::string& configured) {
  const std::string refused = "cannot listen on '" + configured + "': ";
  if (ours.scheme == Endpoint::Scheme::kIpc && somebody_listens(ours))
    return network_failure(refused + reason_of(EADDRINUSE));
  try {
    router.bind(to_string(ours));
  } catch (const zmq::error_t& error) {
    return network_failure(refused + reason_of(error.num()));
  }
  return Unit{};
}

}  // namespace

// Before the socket is closed, so that it is still ours and not a successor's.
ZmqSockets::~ZmqSockets() {
  if (!socket_file.empty()) ::unlink(socket_file.c_str());
}

bool ZmqSockets::came_from_this_host(const zmq::message_t& message) const {
  if (listens_on_file) return true;
  const char* const address = zmq_msg_gets(message.handle(), "Peer-Address");
  return address != nullptr && local.contains(address);
}

void ZmqSockets::set_address(int peer, const Resolved& at) {
  listed.set(peer, at);
  ZmqLink& link = links[static_cast<std::size_t>(peer)];
  const Endpoint& to = at.endpoint;
  link.on_this_host = shares_memory && is_on_this_host(to, local);
  std::string where = to_string(to);
  if (const std::string source = adopted ? "" : source_of(ours, to); !source.empty())
    where.insert(where.find("//") + 2, source);
  if (where == link.dialled) return;
  try {
    if (!link.dialled.empty()) link.dealer.disconnect(link.dialled);
  } catch (const zmq::error_t&) {  // it had given up by itself
  }
  set_tcp_options(link.dealer, to);
  link.dealer.connect(where);
  link.dialled = where;
}

void ZmqSockets::look_at_addresses() {
  addresses.look(
      PeerAddresses::Clock::now(), [this](int peer, const Resolved& at) { set_address(peer, at); },
      [](const std::string& line) { say(line); });
}

namespace {

// All names are asked for at once; who is not known soon is dialled when it is.
Outcome open_links(ZmqSockets& sockets, const ZmqOptions& options) {
  constexpr std::chrono::milliseconds kMostAtStart{1000};
  for (int p = 0; p < static_cast<int>(options.endpoints.size()); ++p) {
    ZmqLink& link = sockets.links.emplace_back();
    if (p != options.index) link.dealer = make_dealer(sockets.context, options);
  }
  sockets.addresses.begin(
      kMostAtStart, [&](int peer, const Resolved& at) { sockets.set_address(peer, at); },
      [](const std::string& line) { say(line); });
  return check_reachable(options, sockets);
}

}  // namespace

Result<std::unique_ptr<ZmqSockets>> open_sockets(const ZmqOptions& options) {
  OwnedFd listening(options.listen_fd);
  auto endpoints = parse_all(options);
  if (!endpoints) return endpoints.failure();
  const auto own = static_cast<std::size_t>(options.index);
  const auto ours = resolve_own(options, (*endpoints)[own]);
  if (!ours) return ours.failure();
  try {
    auto sockets = std::make_unique<ZmqSockets>(PeerAddresses(*std::move(endpoints), options.index));
    sockets->ours = ours->endpoint;
    sockets->adopted = listening.get() >= 0;
    sockets->shares_memory = options.share_memory;
    sockets->local = LocalAddresses::read();
    sockets->listed = ListedAddresses(static_cast<int>(options.endpoints.size()), *ours);
    sockets->listed.set(options.index, *ours);
    sockets->router = make_router(sockets->context, options, sockets->ours);
    sockets->watch = make_watch(*sockets, options);
    const Outcome listens = sockets->adopted ? adopt(sockets->router, listening)
                                             : listen(sockets->router, sockets->ours, options.endpoints[own]);
    if (!listens) return listens.failure();
    if (!sockets->adopted) sockets->socket_file = sockets->ours.path;
    sockets->listens_on_file = !sockets->socket_file.empty();
    if (Outcome opened = open_links(*sockets, options); !opened) return opened.failure();
    return sockets;
  } catch (const zmq::error_t& error) {
    return network_failure(std::string("cannot open ZeroMQ sockets: ") + error.what());
  }
}

}  // namespace polydot::node
