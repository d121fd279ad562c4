// Watches the TCP connections that a ZeroMQ socket has accepted, and cuts those that bring what no peer
// brings.
//
// libzmq hands a message over when its last part is there and keeps the parts until then, however many there
// are: neither its high-water mark nor ZMQ_MAXMSGSIZE (of one part) bounds a message that never ends. So what
// each connection has brought, as the kernel counts it, is compared with what came out of the socket.
#pragma once

#include <sys/socket.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <zmq.hpp>

namespace polydot::node {

struct WatchOptions {
  std::size_t max_message_bytes = 0;   // of all parts together
  std::size_t max_waiting_bytes = 0;   // of whole messages of one connection that wait to be read
  std::size_t max_connections = 1024;  // beyond it the oldest that has said nothing yet is cut
  // Whether anybody at this numeric address has something to say here.
  std::function<bool(std::string_view address)> may_connect{};
};

class ConnectionWatch {
 public:
  // Before `socket` is bound. Both outlive this.
  ConnectionWatch(zmq::context_t& context, zmq::socket_t& socket, WatchOptions options);
  ConnectionWatch(const ConnectionWatch&) = delete;
  ConnectionWatch& operator=(const ConnectionWatch&) = delete;
  ~ConnectionWatch();

  // A message that took so many bytes on the wire came out of the socket (wire_bytes of each of its parts);
  // part: one of them.
  void took(zmq::message_t& part, std::size_t bytes);
  static std::size_t wire_bytes(const zmq::message_t& part) {
    return part.size() + (part.size() > 255 ? 9 : 2);
  }
  // Now and then; does something at most every few ms. drained: the socket had nothing more to give.
  void look(bool drained);

  std::uint64_t cut() const { return cut_; }

 private:
  struct Connection {
    std::string address{};  // numeric
    std::uint64_t number = 0;
    sockaddr_storage peer{};
    std::uint64_t brought = 0;  // bytes that libzmq had read when last looked
    std::uint64_t taken = 0;    // bytes of whole messages that came out
  };
  void hear_events();
  void add(int fd);
  // False: that connection is over.
  bool look_at(int fd, Connection& connection, bool drained);
  void cut_one_of_too_many();
  void cut_off(int fd);

  WatchOptions options_;
  zmq::socket_t& socket_;
  zmq::socket_t events_{};
  std::map<int, Connection> connections_;  // by descriptor
  std::chrono::steady_clock::time_point next_look_{};
  std::uint64_t next_number_ = 0, cut_ = 0;
};

}  // namespace polydot::node
