// What a hostile host may send: ZMTP 3.0 by hand, over a plain socket, so that nothing of ours or of libzmq
// stands in the way.
#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "node/config/endpoint.h"

namespace polydot::node {

class ZmtpClient {
 public:
  // to: "tcp://127.0.0.1:port". from: a loopback address, or any.
  ZmtpClient(const std::string& to, const std::string& routing_id, const char* from = "127.0.0.1")
      : fd_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in own = address_of(from, 0), other = address_of("127.0.0.1", parse_endpoint(to)->port);
    EXPECT_EQ(::bind(fd_, reinterpret_cast<sockaddr*>(&own), sizeof own), 0);
    EXPECT_EQ(::connect(fd_, reinterpret_cast<sockaddr*>(&other), sizeof other), 0);
    std::string greeting("\xff\0\0\0\0\0\0\0\0\x7f\3\0NULL", 16);
    greeting.resize(64, '\0');
    send_bytes(greeting);
    std::string ready("\5READY");
    property(ready, "Socket-Type", "DEALER");
    property(ready, "Identity", routing_id);
    send_bytes(std::string{'\4', static_cast<char>(ready.size())} + ready);
    // Not before the other end is ready too: its greeting, and a command of its own.
    if (receive_bytes(64 + 2).size() == 64 + 2) receive_bytes(last_);
  }
  ZmtpClient(ZmtpClient&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  ZmtpClient& operator=(ZmtpClient&&) = delete;
  ~ZmtpClient() {
    if (fd_ >= 0) ::close(fd_);
  }

  // False: the connection is closed.
  bool send_bytes(const std::string& bytes) {
    for (std::size_t at = 0; at < bytes.size();) {
      const ssize_t sent = ::send(fd_, bytes.data() + at, bytes.size() - at, MSG_NOSIGNAL);
      if (sent <= 0) return false;
      at += static_cast<std::size_t>(sent);
    }
    return true;
  }
  static std::string frame(const std::string& content, bool more) {
    std::string bytes(1, static_cast<char>((more ? 1 : 0) | (content.size() > 255 ? 2 : 0)));
    if (content.size() > 255)
      for (int b = 7; b >= 0; --b) bytes.push_back(static_cast<char>(content.size() >> (8 * b) & 0xff));
    else
      bytes.push_back(static_cast<char>(content.size()));
    return bytes + content;
  }
  // Whether the other end has closed it: what it had to say (its handshake) is read away.
  bool is_closed() const {
    std::array<char, 4096> bytes;
    for (;;) {
      const ssize_t got = ::recv(fd_, bytes.data(), bytes.size(), MSG_DONTWAIT);
      if (got > 0) continue;
      return got == 0 || (errno != EAGAIN && errno != EINTR);
    }
  }

 private:
  // So many; fewer: the connection is closed. Keeps the last one.
  std::string receive_bytes(std::size_t count) {
    std::string bytes(count, '\0');
    std::size_t got = 0;
    for (ssize_t more = 1; got < count && more > 0;
         got += static_cast<std::size_t>(std::max<ssize_t>(more, 0)))
      more = ::recv(fd_, bytes.data() + got, count - got, 0);
    bytes.resize(got);
    last_ = bytes.empty() ? 0 : static_cast<unsigned char>(bytes.back());
    return bytes;
  }
  static sockaddr_in address_of(const char* host, std::uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    ::inet_pton(AF_INET, host, &address.sin_addr);
    return address;
  }
  static void property(std::string& command, const std::string& name, const std::string& value) {
    command += static_cast<char>(name.size()) + name + std::string("\0\0\0", 3);
    command += static_cast<char>(value.size()) + value;
  }

  int fd_;
  std::size_t last_ = 0;
};

}  // namespace polydot::node
