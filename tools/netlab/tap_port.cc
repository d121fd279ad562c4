#include "tools/netlab/tap_port.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <fmt/format.h>

#include "tools/netlab/switch_fabric.h"

namespace polydot::netlab {

namespace {

std::string reason() { return std::strerror(errno); }

ifreq request_for(const char* interface) {
  ifreq request{};
  std::strncpy(request.ifr_name, interface, IFNAMSIZ - 1);
  return request;
}

bool switch_interface(int socket, const char* interface, bool up) {
  ifreq request = request_for(interface);
  if (ioctl(socket, SIOCGIFFLAGS, &request) != 0) return false;
  const int flags = up ? request.ifr_flags | IFF_UP : request.ifr_flags & ~IFF_UP;
  request.ifr_flags = static_cast<short>(flags);
  return ioctl(socket, SIOCSIFFLAGS, &request) == 0;
}

bool set_hardware_address(int socket, int port) {
  ifreq request = request_for("eth0");
  const auto address = mac_address(port);
  request.ifr_hwaddr.sa_family = ARPHRD_ETHER;
  std::memcpy(request.ifr_hwaddr.sa_data, address.data(), address.size());
  return ioctl(socket, SIOCSIFHWADDR, &request) == 0;
}

bool set_internet_address(int socket, unsigned long what, const std::string& text) {
  ifreq request = request_for("eth0");
  sockaddr_in address{};
  address.sin_family = AF_INET;
  if (inet_pton(AF_INET, text.c_str(), &address.sin_addr) != 1) return false;
  std::memcpy(&request.ifr_addr, &address, sizeof address);
  return ioctl(socket, what, &request) == 0;
}

Result<FileDescriptor> open_tap() {
  FileDescriptor tap(open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC));
  if (!tap) return usage_failure("no TAP devices: cannot open /dev/net/tun: " + reason());
  ifreq request = request_for("eth0");
  request.ifr_flags = IFF_TAP | IFF_NO_PI;
  if (ioctl(tap.get(), TUNSETIFF, &request) != 0)
    return usage_failure("cannot make a TAP device: " + reason());
  return tap;
}

}  // namespace

std::string address_of(int port) { return fmt::format("10.29.0.{}", port + 1); }

Result<TapPort> TapPort::open(int port) {
  if (unshare(CLONE_NEWNET) != 0) return usage_failure("cannot make a network namespace: " + reason());
  TapPort made;
  made.namespace_ = FileDescriptor(::open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC));
  made.control_ = FileDescriptor(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!made.namespace_ || !made.control_)
    return network_failure("cannot hold a network namespace: " + reason());
  auto tap = open_tap();
  if (!tap) return tap.failure();
  made.tap_ = std::move(*tap);
  const int socket = made.control_.get();
  if (!set_hardware_address(socket, port) || !set_internet_address(socket, SIOCSIFADDR, address_of(port)) ||
      !set_internet_address(socket, SIOCSIFNETMASK, "255.255.255.0") ||
      !switch_interface(socket, "lo", true) || !switch_interface(socket, "eth0", true))
    return network_failure(fmt::format("cannot configure the interface of port {}: {}", port, reason()));
  return made;
}

Outcome TapPort::set_up(bool up) const {
  if (!switch_interface(control_.get(), "eth0", up))
    return network_failure(fmt::format("cannot switch eth0 {}: {}", up ? "on" : "off", reason()));
  return Unit{};
}

std::optional<std::size_t> TapPort::read(std::span<std::byte> room) const {
  const ssize_t size = ::read(tap_.get(), room.data(), room.size());
  if (size <= 0) return std::nullopt;
  return static_cast<std::size_t>(size);
}

void TapPort::write(std::span<const std::byte> frame) const {
  if (::write(tap_.get(), frame.data(), frame.size()) < 0) return;
}

}  // namespace polydot::netlab
