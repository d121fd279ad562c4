#include "tools/simulator/sim_network.h"

#include <algorithm>
#include <cstring>
#include <limits>

namespace polydot::simulator {

namespace {

// The bytes at an address of 8 mod 16.
protocol::Payload unaligned_copy(const std::vector<std::byte>& bytes) {
  constexpr std::size_t kShift = 8;
  auto storage =
      std::shared_ptr<std::byte[]>(new (std::align_val_t{16}) std::byte[bytes.size() + kShift],
                                   [](std::byte* p) { ::operator delete[](p, std::align_val_t{16}); });
  if (!bytes.empty()) std::memcpy(storage.get() + kShift, bytes.data(), bytes.size());
  const std::span<const std::byte> view(storage.get() + kShift, bytes.size());
  return protocol::Payload(std::move(storage), view);
}

}  // namespace

class SimTransport : public protocol::Transport {
 public:
  SimTransport(SimNetwork& network, int self) : network_(network), self_(self) {}

  void send(int to, const protocol::WireFrames& frames) override {
    counters_.bytes_sent += frames.header.size() + frames.payload.size_bytes();
    network_.send(self_, to, frames);
  }
  std::optional<protocol::Received> receive() override {
    auto received = network_.receive(self_);
    if (received) counters_.bytes_received += received->header.size() + received->payload.size_bytes();
    return received;
  }
  void wait(std::int64_t) override {}  // time moves only when the cluster says so
  protocol::TransportCounters counters() const override { return counters_; }

 private:
  SimNetwork& network_;
  int self_;
  protocol::TransportCounters counters_;
};

SimNetwork::SimNetwork(int peers, const NetworkOptions& options)
    : options_(options),
      generator_(options.seed),
      under_way_(static_cast<std::size_t>(peers)),
      last_number_(static_cast<std::size_t>(peers),
                   std::vector<std::uint64_t>(static_cast<std::size_t>(peers), 0)) {}

std::unique_ptr<protocol::Transport> SimNetwork::endpoint(int self) {
  return std::make_unique<SimTransport>(*this, self);
}

void SimNetwork::set_now_ms(std::int64_t now_ms) {
  POLYDOT_CHECK_LE(now_ms_, now_ms);
  now_ms_ = now_ms;
}

std::int64_t SimNetwork::next_arrival_ms() const {
  std::int64_t next = std::numeric_limits<std::int64_t>::max();
  for (const auto& frames : under_way_)
    if (!frames.empty()) next = std::min(next, frames.begin()->first);
  return next;
}

void SimNetwork::send(int from, int to, const protocol::WireFrames& frames) {
  ++counters_.sent;
  if (std::bernoulli_distribution(options_.loss)(generator_) ||
      (options_.loses && options_.loses(from, to, frames.header))) {
    ++counters_.lost;
    return;
  }
  const std::int64_t delay = std::uniform_int_distribution<std::int64_t>(options_.least_delay_ms,
                                                                         options_.most_delay_ms)(generator_);
  Frame frame{++next_number_, from, {frames.header.begin(), frames.header.end()}, {}};
  frame.payload.assign(frames.payload.bytes().begin(), frames.payload.bytes().end());
  under_way_[static_cast<std::size_t>(to)].emplace(now_ms_ + delay, std::move(frame));
}

std::optional<protocol::Received> SimNetwork::receive(int self) {
  auto& frames = under_way_[static_cast<std::size_t>(self)];
  if (frames.empty() || frames.begin()->first > now_ms_) return std::nullopt;
  Frame frame = std::move(frames.begin()->second);
  frames.erase(frames.begin());
  ++counters_.delivered;
  counters_.bytes_delivered += frame.header.size() + frame.payload.size();
  std::uint64_t& last = last_number_[static_cast<std::size_t>(self)][static_cast<std::size_t>(frame.from)];
  counters_.reordered += frame.number < last;
  last = std::max(last, frame.number);
  return protocol::Received{frame.from, std::move(frame.header), unaligned_copy(frame.payload)};
}

}  // namespace polydot::simulator
