// Peers over ZeroMQ in one process, on ports of the system's choice.
#pragma once

#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "node/transport/zmq_transport.h"

namespace polydot::node {

using protocol::Payload;
using protocol::Received;
using protocol::WireFrames;

inline constexpr protocol::ClusterId kCluster{11, 22};

struct Listener {
  int fd = -1;
  std::string endpoint;
};

// A socket that listens on a port of the system's choice.
inline Listener make_listener() {
  Listener listener{.fd = ::socket(AF_INET, SOCK_STREAM, 0), .endpoint = {}};
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  socklen_t size = sizeof(address);
  EXPECT_EQ(::bind(listener.fd, generic, size), 0);
  EXPECT_EQ(::listen(listener.fd, 64), 0);
  EXPECT_EQ(::getsockname(listener.fd, generic, &size), 0);
  listener.endpoint = "tcp://127.0.0.1:" + std::to_string(ntohs(address.sin_port));
  return listener;
}

inline bool is_open(int fd) { return ::fcntl(fd, F_GETFD) != -1; }

using Transport = std::unique_ptr<ZmqTransport>;

inline Transport make(const ZmqOptions& options) {
  auto transport = make_zmq_transport(options);
  EXPECT_TRUE(transport) << transport.failure().message;
  return std::move(*transport);
}

// `count` peers, each on a socket that was listening before.
inline std::vector<Transport> make_peers(int count, ZmqOptions options = {}) {
  std::vector<Listener> listeners;
  options.cluster = kCluster;
  for (int p = 0; p < count; ++p)
    options.endpoints.push_back(listeners.emplace_back(make_listener()).endpoint);
  std::vector<Transport> peers;
  for (int p = 0; p < count; ++p) {
    options.index = p;
    options.listen_fd = listeners[static_cast<std::size_t>(p)].fd;
    peers.push_back(make(options));
  }
  return peers;
}

inline Payload pattern(std::size_t size, int from, int to, int number) {
  auto owner = std::make_shared<std::vector<std::byte>>(size);
  for (std::size_t i = 0; i < size; ++i)
    (*owner)[i] =
        static_cast<std::byte>(static_cast<std::size_t>(7 * from + 31 * to + 101 * number) + i * (i >> 8));
  const std::span<const std::byte> bytes(*owner);
  return {std::move(owner), bytes};
}

// The transport carries any header; these say what the message is.
inline WireFrames frames_of(int from, int to, int number, Payload payload = {}) {
  WireFrames frames{.header = {}, .payload = std::move(payload)};
  const std::array<int, 3> name{from, to, number};
  std::memcpy(frames.header.data(), name.data(), sizeof(name));
  return frames;
}

inline std::array<int, 3> name_of(const Received& received) {
  std::array<int, 3> name{};
  EXPECT_EQ(received.header.size(), protocol::kHeaderBytes);
  std::memcpy(name.data(), received.header.data(), sizeof(name));
  return name;
}

inline bool same_bytes(const Payload& a, const Payload& b) {
  return std::equal(a.bytes().begin(), a.bytes().end(), b.bytes().begin(), b.bytes().end());
}

// Waits for one message; what it costs in time is ctest's business.
inline Received next(ZmqTransport& transport) {
  for (;;) {
    if (auto received = transport.receive()) return std::move(*received);
    transport.wait(100);
  }
}

inline constexpr int kGreeting = -1;

// Greets until `to` has heard `from`: nothing queues before there is a connection. Leaves other frames
// unread.
inline void connect(ZmqTransport& from, int from_index, ZmqTransport& to, int to_index) {
  for (;;) {
    from.send(to_index, frames_of(from_index, to_index, kGreeting));
    to.wait(20);
    while (auto received = to.receive())
      if (received->from == from_index) return;
  }
}

inline void connect_all(std::vector<Transport>& peers) {
  for (std::size_t p = 0; p < peers.size(); ++p)
    for (std::size_t q = 0; q < peers.size(); ++q)
      if (p != q) connect(*peers[p], static_cast<int>(p), *peers[q], static_cast<int>(q));
}

}  // namespace polydot::node
