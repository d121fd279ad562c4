// The other side of repairs: giving others what they need for theirs.
#include <algorithm>
#include <cstring>

#include "protocol/recovery/repairs_state.h"
#include "protocol/wire/contribution.h"

namespace polydot::protocol {

namespace {

// Requests kept for boundaries to come, for each peer.
constexpr std::size_t kDuePerPeer = 64;
// What was given is kept for so many requests, within so many bytes.
constexpr std::size_t kGivenKept = 64;
constexpr std::size_t kGivenBytes = std::size_t{64} << 20;

codes::ShardPart part_of(const Message& message) {
  codes::ShardPart part;
  part.layer = message.key.slot / kShardsPerLayer;
  part.shard = message.key.slot % kShardsPerLayer;
  part.weights = (message.code & kWeightsState) != 0;
  part.momentum = (message.code & kMomentumState) != 0;
  part.lines.resize(message.payload.size_bytes() / sizeof(std::uint32_t));
  if (!part.lines.empty())
    std::memcpy(part.lines.data(), message.payload.bytes().data(), message.payload.size_bytes());
  return part;
}

}  // namespace

// Whether this peer has such lines of such a shard.
bool Repairs::is_possible(const Message& request) const {
  const codes::ShardPart part = part_of(request);
  const auto parts = state_->parts();
  const bool known = std::any_of(parts.begin(), parts.end(), [&](const codes::ShardPart& one) {
    return one.layer == part.layer && one.shard == part.shard && (one.momentum || !part.momentum);
  });
  if (!known || part.lines.empty()) return known;
  codes::ShardPart whole = part;
  whole.lines.clear();
  return part.lines.back() < state_->piece_shape(whole).cols / part.states();
}

void Repairs::on_request(int from, const Message& message, const Moment& at) {
  // Of another epoch it is another past. Who is still in an earlier one has nothing to hope for.
  if (state_ == nullptr || message.key.epoch > at.epoch) return;
  if (message.key.epoch < at.epoch) return at.may_give ? refuse(from, message) : void();
  for (Given& given : given_)
    if (given.to == from && given.key == message.key) {
      if (at.may_give && given.again.may_answer(at.now_ms, ask_pause_ms() / 2))
        for (const Message& slice : given.slices) messages_.emplace_back(from, slice);
      return;
    }
  const bool known_already = std::any_of(due_.begin(), due_.end(), [&](const auto& due) {
    return due.first == from && due.second.key == message.key;
  });
  if (known_already) {  // put off, for it had taken much; there may be nothing else that looks again
    if (at.may_give && message.key.step == at.boundary) give_due(at.now_ms, at.boundary);
    return;
  }
  if (message.key.step > at.boundary + 2 * kLongestLead || !is_possible(message)) return;
  if (message.key.step < at.boundary || (at.last && message.key.step > at.boundary))
    return at.may_give ? refuse(from, message) : void();
  const auto waiting =
      std::count_if(due_.begin(), due_.end(), [&](const auto& one) { return one.first == from; });
  if (static_cast<std::size_t>(waiting) >= kDuePerPeer) return;
  due_.emplace_back(from, message);
  if (at.may_give && message.key.step == at.boundary) give_due(at.now_ms, at.boundary);
}

void Repairs::refuse_what_is_due() {
  for (const auto& [from, request] : due_) refuse(from, request);
  due_.clear();
}

void Repairs::give_due(std::int64_t now_ms, std::uint64_t boundary) {
  for (const auto& [from, request] : due_)
    if (request.key.step < boundary) refuse(from, request);
  std::erase_if(due_, [&](const auto& due) { return due.second.key.step < boundary; });
  const auto is_due = [&](std::uint64_t at) { return at == boundary; };
  std::erase_if(due_, [&](const auto& due) {
    if (!is_due(due.second.key.step) || !may_take(due.first, due.second, now_ms)) return false;
    give(due.first, due.second, now_ms);
    return true;
  });
}

// A request costs its sender next to nothing, and a piece is a part of a shard. In a patience a peer may take
// all there is four times: it takes it once to be rebuilt. The rest waits.
bool Repairs::may_take(int peer, const Message& request, std::int64_t now_ms) {
  constexpr double kWholes = 4.0;
  const auto bytes_of = [&](const codes::ShardPart& part) {
    return static_cast<double>(state_->piece_shape(part).size()) * sizeof(float);
  };
  double most = 0.0;
  for (const codes::ShardPart& part : state_->parts()) most += kWholes * bytes_of(part);
  Allowance& allowance = allowances_.try_emplace(peer, Allowance{most, now_ms}).first->second;
  const double earned = most * static_cast<double>(now_ms - allowance.at_ms) /
                        static_cast<double>(std::max<std::int64_t>(1, patience_ms_));
  allowance = {std::min(most, allowance.bytes + earned), now_ms};
  const double cost = bytes_of(part_of(request));
  if (allowance.bytes < cost) return false;
  allowance.bytes -= cost;
  return true;
}

void Repairs::give(int to, const Message& request, std::int64_t now_ms) {
  const codes::ShardPart part = part_of(request);
  const auto open = open_.find({part.layer, part.shard});
  const bool wrong = open != open_.end() && open->second->begun && !open->second->wanted.keep;
  if (wrong || is_lost(part.layer, part.shard)) return refuse(to, request);
  auto piece = std::make_shared<const codes::Matrix>(state_->capture(part));
  Message prototype;
  prototype.kind = MessageKind::kPiece;
  prototype.key = request.key;
  prototype.code = request.code;
  Given given{.to = to, .key = request.key, .slices = slices_of(piece, prototype), .bytes = 0, .again = {}};
  given.bytes = static_cast<std::size_t>(piece->size()) * sizeof(float);
  (void)given.again.may_answer(now_ms, ask_pause_ms());
  for (const Message& slice : given.slices) messages_.emplace_back(to, slice);
  given_.push_back(std::move(given));
  while (!given_.empty() && (given_.size() > kGivenKept || given_bytes() > kGivenBytes))
    forget_what_was_given();
}

// The oldest piece of whom most is kept for: nobody takes the room of others.
void Repairs::forget_what_was_given() {
  std::map<int, std::pair<std::size_t, std::size_t>> kept;  // by peer: bytes, pieces
  for (const Given& one : given_) kept[one.to].first += one.bytes, ++kept[one.to].second;
  const auto most = std::max_element(kept.begin(), kept.end(), [](const auto& a, const auto& b) {
                      return a.second < b.second;
                    })->first;
  given_.erase(std::find_if(given_.begin(), given_.end(), [&](const Given& one) { return one.to == most; }));
}

// It has passed the boundary, or mends the same shard.
void Repairs::refuse(int to, const Message& request) {
  messages_.emplace_back(to,
                         Message{.kind = MessageKind::kNoPiece, .key = request.key, .code = request.code});
}

std::size_t Repairs::given_bytes() const {
  std::size_t sum = 0;
  for (const Given& one : given_) sum += one.bytes;
  return sum;
}

}  // namespace polydot::protocol
