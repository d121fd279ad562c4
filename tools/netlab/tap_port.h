// A host of the lab: a network namespace of its own with loopback and one interface, eth0, whose other end is
// a file descriptor (a TAP device). Neither has a name outside: when the last process and the last descriptor
// are gone, so are they. Nothing of the machine's own network is touched, and labs cannot collide.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>

#include "codes/base/result.h"
#include "tools/netlab/file_descriptor.h"

namespace polydot::netlab {

inline constexpr std::size_t kMaxFrameBytes = 1514;  // eth0 has an MTU of 1500

// 10.29.0.1/24 for port 0, and so on.
std::string address_of(int port);

class TapPort {
 public:
  // Leaves the calling process, which must have one thread, in the new namespace. Failure: kUsage if this
  // machine lacks what it takes (namespaces, TAP devices, the right to make them); kNetwork for all else.
  static Result<TapPort> open(int port);

  int fd() const { return tap_.get(); }
  // /proc/PID/fd/N of the calling process is the namespace, for setns or nsenter.
  int namespace_fd() const { return namespace_.get(); }
  // Switches eth0 on or off, as an administrator of the host would. Failure: kNetwork.
  Outcome set_up(bool up) const;
  // The size of the next frame that the host sends, copied into `room`; empty: none at present.
  std::optional<std::size_t> read(std::span<std::byte> room) const;
  // An interface that is down, or whose queue is full, takes nothing: the frame is gone.
  void write(std::span<const std::byte> frame) const;

 private:
  TapPort() = default;
  FileDescriptor namespace_, tap_;
  FileDescriptor control_;  // a socket of the namespace: through it, eth0 is configured from outside
};

}  // namespace polydot::netlab
