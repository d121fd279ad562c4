#include "tools/netlab/switch_fabric.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "codes/base/check.h"

namespace polydot::netlab {

namespace {

constexpr std::size_t kHeaderBytes = 14;  // receiver, sender, type
constexpr std::size_t kMacBytes = 6;

// When a frame that wants to go at `now` is through; empty: the queue is full.
std::optional<Nanoseconds> serialise(Nanoseconds now, std::size_t bytes, double bits_per_second,
                                     Nanoseconds& busy_until) {
  if (bits_per_second <= 0) return now;
  const Nanoseconds starts = std::max(now, busy_until);
  if (starts - now > kQueue) return std::nullopt;
  const double bits = 8.0 * static_cast<double>(bytes + kWireOverheadBytes);
  busy_until = starts + static_cast<Nanoseconds>(bits / bits_per_second * 1e9);
  return busy_until;
}

}  // namespace

std::array<std::uint8_t, 6> mac_address(int port) {
  return {0x02, 'p', 'd', 'o', 't', static_cast<std::uint8_t>(port)};
}

SwitchFabric::SwitchFabric(std::vector<LinkOptions> links, std::uint64_t seed) {
  POLYDOT_CHECK(!links.empty() && links.size() <= kMaxPorts);
  for (std::size_t k = 0; k < links.size(); ++k) {
    std::seed_seq words{seed & 0xffffffff, seed >> 32, static_cast<std::uint64_t>(k)};
    Port port;
    port.link = links[k];
    port.random.seed(words);
    port.last_due.assign(links.size(), 0);
    ports_.push_back(std::move(port));
  }
}

void SwitchFabric::take(Nanoseconds now, int from, std::span<const std::byte> frame) {
  if (frame.size() < kHeaderBytes) return;
  Port& sender = at(from);
  ++sender.counters.taken;
  const auto departs = serialise(now, frame.size(), sender.link.bits_per_second, sender.up_busy_until);
  if (!departs) {
    ++sender.counters.overflowed;
    return;
  }
  const bool to_all = (std::to_integer<int>(frame[0]) & 1) != 0;  // broadcast or multicast
  for (int to = 0; to < ports(); ++to) {
    if (to == from) continue;
    const auto address = mac_address(to);
    if (to_all || std::memcmp(frame.data(), address.data(), kMacBytes) == 0) send(*departs, from, to, frame);
  }
}

void SwitchFabric::send(Nanoseconds departs, int from, int to, std::span<const std::byte> frame) {
  Port& sender = at(from);
  // Drawn for every frame, so that what happens to one does not change the fate of the next.
  std::uniform_real_distribution<double> unit;
  const bool lost = unit(sender.random) < sender.link.loss;
  const double jitter = (2 * unit(sender.random) - 1) * static_cast<double>(sender.link.jitter);
  if (sender.side != at(to).side) {
    ++sender.counters.cut;
  } else if (lost) {
    ++sender.counters.lost;
  } else {
    Nanoseconds& last = sender.last_due[static_cast<std::size_t>(to)];
    last = std::max(last, departs + sender.link.delay + static_cast<Nanoseconds>(jitter));
    flights_.push({last, next_number_++, to, false, {frame.begin(), frame.end()}});
  }
}

std::optional<Delivery> SwitchFabric::deliver(Nanoseconds now) {
  while (next_due() <= now) {
    Flight flight = std::move(const_cast<Flight&>(flights_.top()));  // popped at once
    flights_.pop();
    Port& receiver = at(flight.to);
    if (flight.on_last_link || receiver.link.bits_per_second <= 0) {
      ++receiver.counters.delivered;
      return Delivery{flight.to, std::move(flight.frame)};
    }
    const auto arrives =
        serialise(flight.due, flight.frame.size(), receiver.link.bits_per_second, receiver.down_busy_until);
    if (!arrives) {
      ++receiver.counters.overflowed;
      continue;
    }
    flight.due = *arrives;
    flight.on_last_link = true;
    flights_.push(std::move(flight));
  }
  return std::nullopt;
}

}  // namespace polydot::netlab
