#include "tools/simulator/nonsense_peer.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <memory>

#include "tools/simulator/frame_fields.h"

namespace polydot::simulator {

namespace {

using protocol::Message;
using protocol::MessageKind;
using protocol::Payload;

constexpr std::array<const char*, kNonsenseKinds> kNames = {"hello",   "contribution", "request",
                                                            "goodbye", "abstain",      "repair request",
                                                            "piece",   "ballot",       "no piece"};
constexpr std::size_t kRemembered = 16;

template <typename T>
Payload payload_of(std::vector<T> values) {
  auto owner = std::make_shared<const std::vector<T>>(std::move(values));
  const auto bytes = std::as_bytes(std::span(*owner));
  return {std::move(owner), bytes};
}

template <typename T>
void remember(std::vector<T>& all, const T& one) {
  all.push_back(one);
  if (all.size() > kRemembered) all.erase(all.begin());
}

}  // namespace

NonsenseOptions draw_nonsense(Draw& draw, int self) {
  NonsenseOptions options;
  options.self = self;
  options.seed = draw.seed();
  for (double& weight : options.weights)
    if (draw.chance(0.5)) weight = draw.uniform();
  options.weights[static_cast<std::size_t>(draw.between(0, kNonsenseKinds - 1))] = 1.0;
  options.interval_ms = draw.logarithmic(1.0, 100.0);
  options.burst = static_cast<int>(draw.logarithmic(1.0, 64.0));
  return options;
}

std::string to_text(const NonsenseOptions& options) {
  std::string text = fmt::format("peer {} talks nonsense, up to {} messages every {:.1f} ms:", options.self,
                                 options.burst, options.interval_ms);
  for (std::size_t k = 0; k < kNames.size(); ++k)
    if (options.weights[k] > 0) text += fmt::format(" {} {:.2f}", kNames[k], options.weights[k]);
  return text + "\n";
}

void NonsensePeer::start(SimCluster& cluster) {
  cluster_ = &cluster;
  cluster.kill(options_.self);
  if (incarnation_ == 0) incarnation_ = draw_.seed() | 1;
  transport_ = cluster.network().endpoint(options_.self, incarnation_);
  schedule();
}

void NonsensePeer::schedule() {
  const auto after = static_cast<std::int64_t>(draw_.exponential(options_.interval_ms)) + 1;
  cluster_->at(cluster_->now_ms() + after, [this] {
    speak();
    schedule();
  });
}

void NonsensePeer::on_send(const Frame& frame, std::span<const std::byte> payload) {
  if (frame.from == options_.self) {
    constexpr std::size_t kIncarnationAt = 120;  // PROTOCOL.md
    std::memcpy(&incarnation_, frame.header.data() + kIncarnationAt, sizeof incarnation_);
    return;
  }
  const FrameFields fields = fields_of(frame.header);
  switch (fields.kind) {
    case MessageKind::kHello:
      hello_.assign(reinterpret_cast<const char*>(payload.data()), payload.size());
      break;
    case MessageKind::kContribution:
      latest_ = std::max(latest_, fields.key);
      shapes_[fields.key.slot] = {fields.rows, fields.total_cols};
      break;
    case MessageKind::kRepairRequest:
      remember(repairs_, fields.key);
      break;
    case MessageKind::kBallot:
      ballot_ = fields.key.epoch;
      if (payload.size() >= sizeof(std::uint64_t)) {
        std::uint64_t name = 0;
        std::memcpy(&name, payload.data(), sizeof name);
        remember(names_, name);
      }
      break;
    default:
      break;
  }
}

void NonsensePeer::speak() {
  const protocol::WireContext& context = cluster_->context();
  std::discrete_distribution<int> kinds(options_.weights.begin(), options_.weights.end());
  const auto kind = static_cast<std::size_t>(kinds(draw_.generator()));
  if (static_cast<MessageKind>(kind + 1) == MessageKind::kGoodbye && shapes_.empty()) return;
  // All of a burst are of one kind: a flood.
  for (std::int64_t left = draw_.between(1, options_.burst); left > 0; --left) {
    const protocol::WireFrames frames =
        protocol::encode(context, draw_message(static_cast<MessageKind>(kind + 1)));
    const bool to_all = draw_.chance(0.5);
    const auto one = static_cast<int>(draw_.between(0, context.peers - 1));
    for (int p = 0; p < context.peers; ++p)
      if (p != options_.self && (to_all || p == one)) {
        transport_->send(p, frames);
        ++sent_[kind];
      }
  }
}

// As often in each order of magnitude, and the ends.
std::uint64_t NonsensePeer::wild() {
  if (draw_.chance(0.1)) return std::numeric_limits<std::uint64_t>::max();
  return draw_.seed() >> draw_.between(0, 63);
}

codes::RoundKey NonsensePeer::draw_key() {
  codes::RoundKey key = latest_;
  const std::int64_t by = draw_.between(-4, 12);
  key.step = by < 0 && key.step < 4 ? 0 : key.step + static_cast<std::uint64_t>(by);
  if (!shapes_.empty())
    key.slot = std::next(shapes_.begin(), draw_.between(0, std::ssize(shapes_) - 1))->first;
  if (draw_.chance(0.3)) key.epoch += static_cast<std::uint32_t>(draw_.between(0, 3));
  key.attempt = static_cast<std::uint32_t>(draw_.chance(0.7) ? 0 : draw_.between(0, 4));
  if (draw_.chance(0.2)) key.step = wild();
  if (draw_.chance(0.2)) key.slot = static_cast<std::uint32_t>(wild());
  if (draw_.chance(0.2)) key.epoch = static_cast<std::uint32_t>(wild());
  if (draw_.chance(0.2)) key.attempt = static_cast<std::uint32_t>(wild());
  return key;
}

Payload NonsensePeer::draw_values(std::size_t count) {
  const double size = draw_.logarithmic(1e-6, 1e30);
  std::vector<float> values(count);
  for (float& value : values) value = static_cast<float>(size * (2.0 * draw_.uniform() - 1.0));
  if (draw_.chance(0.2))
    values.front() =
        draw_.chance(0.5) ? std::numeric_limits<float>::quiet_NaN() : std::numeric_limits<float>::infinity();
  return payload_of(std::move(values));
}

// A shape that is used, or any that the codec lets through.
void NonsensePeer::make_slice(Message& message) {
  const auto known = shapes_.find(message.key.slot);
  const auto most = static_cast<std::int64_t>(cluster_->context().max_entries);
  Shape shape;
  if (known != shapes_.end() && draw_.chance(0.6)) {
    shape = known->second;
  } else {
    shape.rows = static_cast<std::uint32_t>(draw_.logarithmic(1.0, static_cast<double>(most) + 0.5));
    shape.total_cols =
        static_cast<std::uint32_t>(draw_.between(1, std::max<std::int64_t>(1, most / shape.rows)));
  }
  const auto run = static_cast<std::uint32_t>(protocol::columns_per_slice(shape.rows, shape.total_cols));
  message.rows = shape.rows;
  message.total_cols = shape.total_cols;
  message.first_col = static_cast<std::uint32_t>(draw_.between(0, (shape.total_cols - 1) / run)) * run;
  message.cols = std::min(run, shape.total_cols - message.first_col);
  message.payload = draw_values(std::size_t{message.rows} * message.cols);
}

void NonsensePeer::make_ballot(Message& message) {
  message.key.step = 0;
  message.code = static_cast<std::uint32_t>(draw_.between(1, protocol::kBallotSteps));
  const std::uint32_t epoch = latest_.epoch + static_cast<std::uint32_t>(draw_.between(0, 2));
  message.key.slot = draw_.chance(0.7) ? epoch : static_cast<std::uint32_t>(wild());
  message.key.epoch = draw_.chance(0.6)
                          ? ballot_ + static_cast<std::uint32_t>(draw_.between(0, 2 * cluster_->size()))
                          : static_cast<std::uint32_t>(wild());
  message.key.attempt = draw_.chance(0.6) ? 0 : static_cast<std::uint32_t>(wild());
  std::vector<std::uint64_t> names(static_cast<std::size_t>(draw_.chance(0.1) ? 512 : draw_.between(0, 3)));
  for (std::uint64_t& name : names)
    name = !names_.empty() && draw_.chance(0.5) ? draw_.one_of(names_) : wild();
  message.payload = payload_of(std::move(names));
}

Message NonsensePeer::draw_message(MessageKind kind) {
  Message message;
  message.kind = kind;
  message.incarnation = incarnation_;
  message.key = draw_key();
  const codes::RoundKey key = message.key;
  codes::PeerSet set;
  for (int p = 0; p < cluster_->size(); ++p)
    if (draw_.chance(0.5)) set.insert(p);
  const auto state = static_cast<std::uint32_t>(draw_.between(1, 3));
  const bool of_a_repair = kind == MessageKind::kPiece || kind == MessageKind::kNoPiece;
  if (of_a_repair && !repairs_.empty() && draw_.chance(0.7)) message.key = draw_.one_of(repairs_);
  switch (kind) {
    case MessageKind::kHello:
      message.key = {.epoch = key.epoch, .step = key.step};
      message.code = static_cast<std::uint32_t>(draw_.between(1, protocol::kPeerModes));
      message.set = set;
      message.payload = Payload::of_text(
          shapes_.empty() || draw_.chance(0.8) ? hello_ : fmt::format("key{} = {}\n", wild(), wild()));
      break;
    case MessageKind::kContribution:
      message.set = set;
      make_slice(message);
      break;
    case MessageKind::kPiece:
      message.code = state;
      make_slice(message);
      break;
    case MessageKind::kRepairRequest: {
      message.code = state;
      message.key.slot =
          static_cast<std::uint32_t>(draw_.chance(0.7) ? draw_.between(0, 48) : message.key.slot);
      std::set<std::uint32_t> lines;
      for (std::int64_t left = draw_.between(0, 8); left > 0; --left)
        lines.insert(static_cast<std::uint32_t>(draw_.chance(0.8) ? draw_.between(0, 20) : wild()));
      message.payload = payload_of(std::vector<std::uint32_t>(lines.begin(), lines.end()));
      break;
    }
    case MessageKind::kNoPiece:
      message.code = state;
      break;
    case MessageKind::kBallot:
      make_ballot(message);
      break;
    case MessageKind::kGoodbye:
      message.key = {.step = key.step};
      message.code =
          static_cast<std::uint32_t>(draw_.chance(0.5) ? 0 : draw_.between(0, protocol::kMaxExitCode));
      break;
    case MessageKind::kRequest:
    case MessageKind::kAbstain:
      break;
  }
  return message;
}

}  // namespace polydot::simulator
