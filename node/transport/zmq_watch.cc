#include "node/transport/zmq_watch.h"

#include <linux/tcp.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <utility>

#include "node/transport/listed_addresses.h"

namespace polydot::node {

namespace {

constexpr const char* kEvents = "inproc://polydot-connections";
constexpr auto kLeastPause = std::chrono::milliseconds(5);
constexpr auto kPausePerConnection = std::chrono::microseconds(100);
constexpr std::size_t kHandshakeBytes = 4096;
// What libzmq reads at once.
constexpr std::size_t kBatchBytes = 64 << 10;

// What libzmq has read from the connection; none: it is over, or the kernel does not count.
std::optional<std::uint64_t> bytes_read_from(int fd) {
  tcp_info info{};
  socklen_t size = sizeof info;
  if (::getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) != 0) return std::nullopt;
  if (size < offsetof(tcp_info, tcpi_bytes_received) + sizeof info.tcpi_bytes_received) return std::nullopt;
  int unread = 0;
  if (::ioctl(fd, FIONREAD, &unread) != 0) return std::nullopt;
  return info.tcpi_bytes_received -
         std::min<std::uint64_t>(static_cast<std::uint64_t>(std::max(unread, 0)), info.tcpi_bytes_received);
}

std::optional<sockaddr_storage> peer_of(int fd) {
  sockaddr_storage peer{};
  socklen_t size = sizeof peer;
  if (::getpeername(fd, reinterpret_cast<sockaddr*>(&peer), &size) != 0) return std::nullopt;
  return peer;
}

std::string address_of(const sockaddr_storage& peer) {
  char host[NI_MAXHOST];
  const bool known = ::getnameinfo(reinterpret_cast<const sockaddr*>(&peer), sizeof peer, host, sizeof host,
                                   nullptr, 0, NI_NUMERICHOST) == 0;
  return known ? plain_address(host) : std::string();
}

}  // namespace

ConnectionWatch::ConnectionWatch(zmq::context_t& context, zmq::socket_t& socket, WatchOptions options)
    : options_(std::move(options)), socket_(socket) {
  if (::zmq_socket_monitor(socket.handle(), kEvents, ZMQ_EVENT_ACCEPTED | ZMQ_EVENT_DISCONNECTED) != 0)
    throw zmq::error_t();
  events_ = zmq::socket_t(context, zmq::socket_type::pair);
  events_.set(zmq::sockopt::linger, 0);
  events_.set(zmq::sockopt::rcvhwm, 0);  // ZeroMQ's own thread must not wait for us
  events_.connect(kEvents);
}

// In this order: an event that nobody can take would stop ZeroMQ's own thread.
ConnectionWatch::~ConnectionWatch() { ::zmq_socket_monitor(socket_.handle(), nullptr, 0); }

void ConnectionWatch::took(zmq::message_t& part, std::size_t bytes) {
  hear_events();  // the message may be the first of its connection, or its descriptor another's a moment ago
  const char* fd = ::zmq_msg_gets(part.handle(), "__fd");
  const auto found = fd == nullptr ? connections_.end() : connections_.find(std::atoi(fd));
  if (found != connections_.end()) found->second.taken += bytes;
}

void ConnectionWatch::look(bool drained) {
  const auto now = std::chrono::steady_clock::now();
  if (now < next_look_) return;
  hear_events();
  for (auto at = connections_.begin(); at != connections_.end();)
    at = look_at(at->first, at->second, drained) ? std::next(at) : connections_.erase(at);
  while (connections_.size() > options_.max_connections) cut_one_of_too_many();
  next_look_ = now + kLeastPause + kPausePerConnection * connections_.size();
}

// Two parts each: event and value, endpoint.
void ConnectionWatch::hear_events() {
  for (zmq::message_t event, where; events_.recv(event, zmq::recv_flags::dontwait);) {
    (void)events_.recv(where, zmq::recv_flags::dontwait);
    std::uint16_t kind = 0;
    std::uint32_t value = 0;
    if (event.size() < sizeof kind + sizeof value) continue;
    std::memcpy(&kind, event.data(), sizeof kind);
    std::memcpy(&value, event.data<char>() + sizeof kind, sizeof value);
    if (kind == ZMQ_EVENT_ACCEPTED)
      add(static_cast<int>(value));
    else
      connections_.erase(static_cast<int>(value));
  }
}

void ConnectionWatch::add(int fd) {
  const std::optional<sockaddr_storage> peer = peer_of(fd);
  connections_.erase(fd);
  if (!peer || (peer->ss_family != AF_INET && peer->ss_family != AF_INET6)) return;
  Connection& one = connections_[fd];
  one.peer = *peer;
  one.number = next_number_++;
  one.address = address_of(*peer);
  if (options_.may_connect && !options_.may_connect(one.address)) {
    cut_off(fd);
    connections_.erase(fd);
  }
}

bool ConnectionWatch::look_at(int fd, Connection& connection, bool drained) {
  // The descriptor may be another's by now.
  const std::optional<sockaddr_storage> peer = peer_of(fd);
  if (!peer || std::memcmp(&*peer, &connection.peer, sizeof *peer) != 0) return false;
  const std::optional<std::uint64_t> brought = bytes_read_from(fd);
  if (!brought) return true;
  // What was whole when last looked has come out since, if nothing more does: the rest is of one message.
  const std::uint64_t compared = drained ? connection.brought : *brought;
  const std::uint64_t kept = compared - std::min(compared, connection.taken);
  const std::size_t most =
      options_.max_message_bytes + kHandshakeBytes + kBatchBytes + (drained ? 0 : options_.max_waiting_bytes);
  connection.brought = *brought;
  if (kept <= most) return true;
  cut_off(fd);
  return false;
}

void ConnectionWatch::cut_one_of_too_many() {
  const auto sooner = [](const auto& a, const auto& b) {
    return std::pair(a.second.taken > 0, a.second.number) < std::pair(b.second.taken > 0, b.second.number);
  };
  const auto oldest = std::min_element(connections_.begin(), connections_.end(), sooner);
  cut_off(oldest->first);
  connections_.erase(oldest);
}

// ZeroMQ finds it closed, drops what is incomplete and closes the descriptor; the other end is told so at
// once.
void ConnectionWatch::cut_off(int fd) {
  const linger at_once{.l_onoff = 1, .l_linger = 0};
  ::setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  ::shutdown(fd, SHUT_RDWR);
  ++cut_;
}

}  // namespace polydot::node
