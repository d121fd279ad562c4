// The other side of repairs: giving others what they need for theirs.
#include <algorithm>
#include <cstring>

#include "protocol/contribution.h"
#include "protocol/repairs_state.h"

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

void Repairs::on_request(int from, const Message& message, std::uint64_t boundary) {
  if (state_ == nullptr) return;
  for (const Given& given : given_)
    if (given.to == from && given.key == message.key) {
      for (const Message& slice : given.slices) messages_.emplace_back(from, slice);
      return;
    }
  const bool known_already = std::any_of(due_.begin(), due_.end(), [&](const auto& due) {
    return due.first == from && due.second.key == message.key;
  });
  if (known_already || message.key.step > boundary + 2 * kLongestLead) return;
  if (message.key.step < boundary) return refuse(from, message);
  const codes::ShardPart part = part_of(message);
  const auto parts = state_->parts();
  const bool known = std::any_of(parts.begin(), parts.end(), [&](const codes::ShardPart& one) {
    return one.layer == part.layer && one.shard == part.shard && (one.momentum || !part.momentum);
  });
  codes::ShardPart whole = part;
  whole.lines.clear();
  if (!known || (!part.lines.empty() && part.lines.back() >= state_->piece_shape(whole).cols / part.states()))
    return;
  const auto waiting =
      std::count_if(due_.begin(), due_.end(), [&](const auto& one) { return one.first == from; });
  if (static_cast<std::size_t>(waiting) < kDuePerPeer) due_.emplace_back(from, message);
}

void Repairs::give_due(std::uint64_t boundary) {
#ifdef POLYDOT_MUTATION_MIXED_BOUNDARIES
  const auto is_due = [](std::uint64_t) { return true; };
#else
  for (const auto& [from, request] : due_)
    if (request.key.step < boundary) refuse(from, request);
  std::erase_if(due_, [&](const auto& due) { return due.second.key.step < boundary; });
  const auto is_due = [&](std::uint64_t at) { return at == boundary; };
#endif
  for (const auto& [from, request] : due_)
    if (is_due(request.key.step)) give(from, request);
  std::erase_if(due_, [&](const auto& due) { return is_due(due.second.key.step); });
}

void Repairs::give(int to, const Message& request) {
  const codes::ShardPart part = part_of(request);
  const auto open = open_.find({part.layer, part.shard});
  const bool wrong = open != open_.end() && open->second->begun && !open->second->wanted.keep;
  if (wrong || is_lost(part.layer, part.shard)) return refuse(to, request);
  auto piece = std::make_shared<const codes::Matrix>(state_->capture(part));
  Message prototype;
  prototype.kind = MessageKind::kPiece;
  prototype.key = request.key;
  prototype.code = request.code;
  Given given{to, request.key, slices_of(piece, prototype)};
  for (const Message& slice : given.slices) messages_.emplace_back(to, slice);
  given_.push_back(std::move(given));
  while (!given_.empty() && (given_.size() > kGivenKept || given_bytes() > kGivenBytes)) given_.pop_front();
}

// It has passed the boundary, or mends the same shard.
void Repairs::refuse(int to, const Message& request) {
  messages_.emplace_back(to,
                         Message{.kind = MessageKind::kNoPiece, .key = request.key, .code = request.code});
}

std::size_t Repairs::given_bytes() const {
  std::size_t sum = 0;
  for (const Given& one : given_)
    for (const Message& slice : one.slices) sum += slice.payload.size_bytes();
  return sum;
}

}  // namespace polydot::protocol
