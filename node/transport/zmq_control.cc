#include "node/transport/zmq_control.h"

#include <algorithm>
#include <chrono>
#include <random>
#include <zmq.hpp>

#include "codes/base/check.h"
#include "node/config/endpoint.h"
#include "node/transport/control.h"

namespace polydot::node {

namespace {

using Clock = std::chrono::steady_clock;

zmq::socket_t connect_to(zmq::context_t& context, const Endpoint& address, const std::string& id) {
  zmq::socket_t socket(context, zmq::socket_type::dealer);
  socket.set(zmq::sockopt::routing_id, id);
  socket.set(zmq::sockopt::linger, 0);  // an order that was not taken in time must not arrive later
  socket.set(zmq::sockopt::ipv6, address.host.find(':') != std::string::npos);
  socket.set(zmq::sockopt::maxmsgsize, static_cast<std::int64_t>(kMaxAnswerBytes));
  socket.connect(to_string(address));
  return socket;
}

// Waits until one of the sockets can be read; false: the time is over.
bool wait_for_any(std::vector<zmq::pollitem_t>& items, Clock::time_point deadline) {
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now());
  if (left.count() <= 0) return false;
  try {
    zmq::poll(items.data(), items.size(), left);
  } catch (const zmq::error_t& error) {
    POLYDOT_CHECK_EQ(error.num(), EINTR);
  }
  return true;
}

}  // namespace

Result<std::vector<std::optional<std::string>>> ask_peers(const protocol::ClusterId& cluster,
                                                          const std::vector<std::string>& endpoints,
                                                          const std::string& text, int timeout_ms) {
  POLYDOT_CHECK(is_control_text(text));
  std::random_device random;
  zmq::context_t context;
  std::vector<std::optional<std::string>> answers(endpoints.size());
  std::vector<zmq::socket_t> sockets(endpoints.size());
  for (std::size_t i = 0; i < endpoints.size(); ++i) {
    const auto endpoint = parse_endpoint(endpoints[i]);
    if (!endpoint) return endpoint.failure();
    const auto address = resolve(*endpoint);
    if (!address) continue;
    const std::uint64_t own = std::uint64_t{random()} << 32 | random();
    sockets[i] = connect_to(context, *address, control_id_of(cluster, own));
    sockets[i].send(zmq::buffer(text), zmq::send_flags::dontwait);
  }
  const auto deadline = Clock::now() + std::chrono::milliseconds(timeout_ms);
  for (;;) {
    std::vector<zmq::pollitem_t> items;
    std::vector<std::size_t> asked;
    for (std::size_t i = 0; i < sockets.size(); ++i)
      if (sockets[i] && !answers[i]) {
        items.push_back({sockets[i].handle(), 0, ZMQ_POLLIN, 0});
        asked.push_back(i);
      }
    if (items.empty() || !wait_for_any(items, deadline)) return answers;
    for (const std::size_t i : asked) {
      zmq::message_t answer;
      if (sockets[i].recv(answer, zmq::recv_flags::dontwait)) answers[i] = answer.to_string();
    }
  }
}

}  // namespace polydot::node
