// polydot-netlab-switch SEED LINK [LINK ...]: hosts, one for each link, and the switch between them.
//
// Says on stdout, for each port, its address and the descriptor of its namespace ("port 0 10.29.0.1 5"), then
// "ready". Obeys lines on stdin: "side PORT N" (ports on equal sides reach each other), "down PORT", "up
// PORT". At the end of stdin it writes its counters and ends, and with it everything it made; so it does when
// killed. Exit codes: 0; 2 usage; 4 network; 77 this machine cannot do it.
#include <poll.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include <array>
#include <chrono>
#include <cstdio>
#include <sstream>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "tools/netlab/link_options.h"
#include "tools/netlab/switch_fabric.h"
#include "tools/netlab/tap_port.h"

namespace polydot::netlab {
namespace {

constexpr int kSkipped = 77;

Nanoseconds now() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

int report(const Failure& failure, int exit_code) {
  std::fputs(fmt::format("polydot-netlab-switch: {}\n", failure.message).c_str(), stderr);
  return exit_code;
}

class Switch {
 public:
  Switch(std::vector<TapPort> taps, SwitchFabric fabric)
      : taps_(std::move(taps)), fabric_(std::move(fabric)) {
    for (const TapPort& tap : taps_) polled_.push_back({tap.fd(), POLLIN, 0});
    polled_.push_back({0, POLLIN, 0});  // stdin
  }

  // Until the end of stdin.
  Outcome run() {
    while (true) {
      wait();
      if (polled_.back().revents != 0) {
        const auto more = read_orders();
        if (!more) return more.failure();
        if (!*more) return Unit{};
      }
      for (std::size_t k = 0; k < taps_.size(); ++k)
        if (polled_[k].revents != 0) take_from(static_cast<int>(k));
      while (const auto delivery = fabric_.deliver(now()))
        taps_[static_cast<std::size_t>(delivery->port)].write(delivery->frame);
    }
  }

  void print_counters() const {
    for (int port = 0; port < fabric_.ports(); ++port) {
      const PortCounters& seen = fabric_.counters(port);
      std::puts(fmt::format("port {} taken {} delivered {} lost {} cut {} overflowed {}", port, seen.taken,
                            seen.delivered, seen.lost, seen.cut, seen.overflowed)
                    .c_str());
    }
  }

 private:
  void wait() {
    timespec left{};
    const Nanoseconds due = fabric_.next_due();
    if (due != kNever) {
      const Nanoseconds wait = std::max<Nanoseconds>(due - now(), 0);
      left = {wait / 1'000'000'000, wait % 1'000'000'000};
    }
    if (ppoll(polled_.data(), polled_.size(), due == kNever ? nullptr : &left, nullptr) < 0)
      for (pollfd& polled : polled_) polled.revents = 0;
  }

  // Not all there is, lest a host that floods keeps the others waiting.
  void take_from(int port) {
    constexpr int kAtOnce = 64;
    for (int count = 0; count < kAtOnce; ++count) {
      const auto size = taps_[static_cast<std::size_t>(port)].read(room_);
      if (!size) return;
      fabric_.take(now(), port, std::span(room_).first(*size));
    }
  }

  // False at the end of stdin.
  Result<bool> read_orders() {
    std::array<char, 4096> bytes;
    const ssize_t size = ::read(0, bytes.data(), bytes.size());
    if (size <= 0) return false;
    orders_.append(bytes.data(), static_cast<std::size_t>(size));
    for (auto end = orders_.find('\n'); end != std::string::npos; end = orders_.find('\n')) {
      if (const Outcome obeyed = obey(orders_.substr(0, end)); !obeyed) return obeyed.failure();
      orders_.erase(0, end + 1);
    }
    return true;
  }

  Outcome obey(const std::string& order) {
    std::istringstream words(order);
    std::string what;
    int port = -1;
    std::uint64_t side = 0;
    words >> what >> port;
    const bool known = what == "side" ? static_cast<bool>(words >> side) : what == "down" || what == "up";
    if (!known || port < 0 || port >= fabric_.ports())
      return usage_failure(fmt::format("no such order: '{}'", order));
    if (what != "side") return taps_[static_cast<std::size_t>(port)].set_up(what == "up");
    fabric_.set_side(port, side);
    return Unit{};
  }

  std::vector<TapPort> taps_;
  SwitchFabric fabric_;
  std::vector<pollfd> polled_;
  std::string orders_;  // what has come of the next
  std::array<std::byte, kMaxFrameBytes> room_;
};

Result<std::vector<LinkOptions>> parse_links(const std::vector<std::string>& words) {
  std::vector<LinkOptions> links;
  for (const std::string& word : words) {
    auto link = parse_link(word);
    if (!link) return link.failure();
    links.push_back(*link);
  }
  if (links.empty() || links.size() > kMaxPorts)
    return usage_failure(fmt::format("1 to {} links are possible", kMaxPorts));
  return links;
}

int run(const std::vector<std::string>& words) {
  std::uint64_t seed = 0;
  if (words.empty() || !(std::istringstream(words.front()) >> seed))
    return report(usage_failure("usage: SEED DELAY_US:JITTER_US:LOSS:BITS_PER_SECOND ..."), 2);
  auto links = parse_links({words.begin() + 1, words.end()});
  if (!links) return report(links.failure(), 2);
  std::vector<TapPort> taps;
  for (int port = 0; port < static_cast<int>(links->size()); ++port) {
    auto tap = TapPort::open(port);
    if (!tap) return report(tap.failure(), tap.failure().kind == FailureKind::kUsage ? kSkipped : 4);
    taps.push_back(std::move(*tap));
    std::puts(fmt::format("port {} {} {}", port, address_of(port), taps.back().namespace_fd()).c_str());
  }
  // A switch that waits for the processor would add to the delays; both are worth a try and no more.
  prctl(PR_SET_TIMERSLACK, 1);
  (void)setpriority(PRIO_PROCESS, 0, -10);
  std::puts("ready");
  std::fflush(stdout);
  Switch device(std::move(taps), SwitchFabric(std::move(*links), seed));
  const Outcome ended = device.run();
  device.print_counters();
  return ended ? 0 : report(ended.failure(), 4);
}

}  // namespace
}  // namespace polydot::netlab

int main(int count, char** words) { return polydot::netlab::run({words + 1, words + count}); }
