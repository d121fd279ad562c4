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
  SimTransport(SimNetwork& network, const SimNetwork::Sender& self) : network_(network), self_(self) {}

  void send(int to, const protocol::WireFrames& frames) override {
    counters_.bytes_sent += frames.header.size() + frames.payload.size_bytes();
    network_.send(self_, to, frames);
  }
  std::optional<protocol::Received> receive() override {
    if (self_.elsewhere) return std::nullopt;
    auto received = network_.receive(self_.index);
    if (received) counters_.bytes_received += received->header.size() + received->payload.size_bytes();
    return received;
  }
  void wait(std::int64_t) override {}  // time moves only when the cluster says so
  protocol::TransportCounters counters() const override { return counters_; }

 private:
  SimNetwork& network_;
  SimNetwork::Sender self_;
  protocol::TransportCounters counters_;
};

SimNetwork::SimNetwork(int peers, const NetworkOptions& options)
    : options_(options),
      generator_(options.seed),
      inboxes_(static_cast<std::size_t>(peers)),
      links_(static_cast<std::size_t>(peers) * static_cast<std::size_t>(peers)) {}

std::unique_ptr<protocol::Transport> SimNetwork::endpoint(int self, std::uint64_t incarnation,
                                                          bool elsewhere) {
  return std::make_unique<SimTransport>(*this, Sender{self, incarnation, elsewhere});
}

void SimNetwork::set_now_ms(std::int64_t now_ms) {
  POLYDOT_CHECK_LE(now_ms_, now_ms);
  now_ms_ = now_ms;
}

std::int64_t SimNetwork::next_arrival_ms() const {
  std::int64_t next = std::numeric_limits<std::int64_t>::max();
  for (int p = 0; p < static_cast<int>(inboxes_.size()); ++p) next = std::min(next, next_arrival_ms(p));
  return next;
}

std::int64_t SimNetwork::next_arrival_ms(int self) const {
  const auto& frames = inboxes_[static_cast<std::size_t>(self)].under_way;
  return frames.empty() ? std::numeric_limits<std::int64_t>::max() : frames.begin()->first;
}

void SimNetwork::cut(int from, int to, std::int64_t until_ms) { link(from, to).cut_until_ms = until_ms; }

void SimNetwork::clog(int from, int to, std::int64_t until_ms) {
  link(from, to).clogged_until_ms = until_ms;
  auto& frames = inbox(to).under_way;
  std::vector<Frame> held;
  for (auto at = frames.begin(); at != frames.end() && at->first < until_ms;) {
    if (at->second.from == from) {
      held.push_back(std::move(at->second));
      at = frames.erase(at);
    } else {
      ++at;
    }
  }
  counters_.clogged += held.size();
  for (Frame& frame : held) frames.emplace(until_ms, std::move(frame));
}

void SimNetwork::set_up(int peer, bool up) {
  inbox(peer).up = up;
  if (up) return;
  counters_.unheard += inbox(peer).under_way.size();
  inbox(peer).under_way.clear();
  inbox(peer).bytes = 0;
  if (options_.frames_outlive_sender) return;
  for (Inbox& other : inboxes_)
    std::erase_if(other.under_way, [&](const auto& one) {
      if (one.second.from != peer) return false;
      other.bytes -= one.second.bytes();
      ++counters_.unheard;
      return true;
    });
}

bool SimNetwork::chance(double probability) {
  return probability > 0.0 && std::bernoulli_distribution(probability)(generator_);
}

void SimNetwork::send(const Sender& sender, int to, const protocol::WireFrames& frames) {
  const int from = sender.index;
  if (!inbox(from).up && !sender.elsewhere) return;  // it died before this left
  ++counters_.sent;
  if (options_.observer != nullptr)
    options_.observer->on_send({now_ms_, from, to, frames.header, frames.payload.size_bytes(), true},
                               frames.payload.bytes());
  if (!inbox(to).up) return void(++counters_.unheard);
  if (link(from, to).cut_until_ms > now_ms_) return void(++counters_.cut);
  if (std::bernoulli_distribution(options_.loss)(generator_) ||
      (options_.loses && options_.loses(from, to, frames.header)))
    return void(++counters_.lost);
  put_under_way(sender, to, frames);
  if (!chance(options_.duplication)) return;
  ++counters_.duplicated;
  put_under_way(sender, to, frames);
}

void SimNetwork::put_under_way(const Sender& sender, int to, const protocol::WireFrames& frames) {
  const int from = sender.index;
  std::int64_t arrival = now_ms_ + std::uniform_int_distribution<std::int64_t>(
                                       options_.least_delay_ms, options_.most_delay_ms)(generator_);
  if (chance(options_.straggling)) {
    ++counters_.straggled;
    arrival += std::uniform_int_distribution<std::int64_t>(1, options_.straggle_ms)(generator_);
  }
  if (const std::int64_t until = link(from, to).clogged_until_ms; arrival < until) {
    ++counters_.clogged;
    arrival = until;
  }
  Frame frame{
      ++next_number_, from, sender.incarnation, true, {frames.header.begin(), frames.header.end()}, {}};
  frame.payload.assign(frames.payload.bytes().begin(), frames.payload.bytes().end());
  if (chance(options_.corruption)) flip_a_bit(frame);
  Inbox& receiver = inbox(to);
  if (receiver.bytes + frame.bytes() > options_.max_queue_bytes) return void(++counters_.overflowed);
  receiver.bytes += frame.bytes();
  counters_.largest_queue_bytes = std::max<std::uint64_t>(counters_.largest_queue_bytes, receiver.bytes);
  receiver.under_way.emplace(arrival, std::move(frame));
}

void SimNetwork::flip_a_bit(Frame& frame) {
  ++counters_.corrupted;
  frame.intact = false;
  const std::size_t bit = std::uniform_int_distribution<std::size_t>(0, 8 * frame.bytes() - 1)(generator_);
  const std::size_t byte = bit / 8;
  std::byte& hit =
      byte < frame.header.size() ? frame.header[byte] : frame.payload[byte - frame.header.size()];
  hit ^= std::byte{1} << (bit % 8);
}

std::optional<protocol::Received> SimNetwork::receive(int self) {
  Inbox& own = inbox(self);
  if (own.under_way.empty() || own.under_way.begin()->first > now_ms_) return std::nullopt;
  Frame frame = std::move(own.under_way.begin()->second);
  own.under_way.erase(own.under_way.begin());
  own.bytes -= frame.bytes();
  ++counters_.delivered;
  counters_.bytes_delivered += frame.bytes();
  std::uint64_t& last = link(frame.from, self).last_number;
  counters_.reordered += frame.number < last;
  last = std::max(last, frame.number);
  if (options_.observer != nullptr)
    options_.observer->on_deliver(
        {now_ms_, frame.from, self, frame.header, frame.payload.size(), frame.intact});
  return protocol::Received{frame.from, std::move(frame.header), unaligned_copy(frame.payload), true,
                            frame.incarnation};
}

}  // namespace polydot::simulator
