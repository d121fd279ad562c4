#include "tools/simulator/memory_checker.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "codes/kernels/encode.h"

namespace polydot::simulator {

namespace {

// PROTOCOL.md, "Memory".
constexpr std::size_t kAttempts = 3, kRoundsAtHand = 2, kStepsAhead = 2;
constexpr std::size_t kAheadBytes = std::size_t{256} << 20;  // of all peers together
// Books of a contribution, at most, and a hundredth of it.
constexpr std::size_t kBooks = 1024;
constexpr std::size_t kStepsSent = 9 + 1;   // the one at hand and so many before it, and one not yet cleared
constexpr std::size_t kDueOfEachPeer = 64;  // requests for boundaries to come
constexpr std::size_t kPiecesGiven = 64, kBytesGiven = std::size_t{64} << 20;
constexpr std::size_t kAbstained = 1024;
constexpr std::size_t kDecoderBytes = std::size_t{32} << 20;  // of a cache
// What one piece of work or one frame makes a peer say: whole contributions and pieces in slices.
constexpr std::size_t kUnsent = 65536;

std::size_t with_books(std::size_t bytes, std::size_t contributions) {
  return bytes + bytes / 100 + contributions * kBooks;
}

std::size_t quota(const MemoryBounds& bounds) {
  const std::size_t ahead = kStepsAhead * with_books(bounds.step_bytes, bounds.rounds_per_step);
  return kRoundsAtHand * kAttempts * with_books(bounds.round_bytes, 1) +
         std::min(ahead, kAheadBytes / static_cast<std::size_t>(bounds.peers));
}

}  // namespace

MemoryBounds memory_bounds(const codes::ProductCode& code, const dnn::TrainingPlan& plan,
                           std::size_t rounds_per_step) {
  MemoryBounds bounds;
  bounds.peers = static_cast<int>(code.peers());
  bounds.rounds_per_step = rounds_per_step;
  bounds.decoder_caches = code.passes.size() + 2 * code.shards.size();
  const auto add = [&](codes::PassKind pass, codes::Shape weights, codes::Index batch, bool training) {
    const codes::Shape shape = codes::contribution_shape(code, code.pass(pass), weights, batch);
    const auto bytes = static_cast<std::size_t>(shape.rows * (shape.cols + 2)) * sizeof(float);
    bounds.round_bytes = std::max(bounds.round_bytes, bytes);
    if (training) bounds.step_bytes += bytes;
  };
  bool first = true;
  for (const dnn::Dense& dense : plan.network.layers()) {
    const codes::Shape weights{dense.outputs, dense.inputs + 1};
    add(codes::PassKind::kForward, weights, plan.batch, true);
    add(codes::PassKind::kForward, weights, plan.eval_batch, false);
    if (!std::exchange(first, false)) add(codes::PassKind::kBackward, weights, plan.batch, true);
  }
  return bounds;
}

void MemoryChecker::check(std::int64_t at_ms, int peer, const protocol::MemoryUse& use) {
  const auto at_most = [&](const char* what, std::size_t is, std::size_t most) {
    if (is > most)
      violations_.add(at_ms,
                      fmt::format("memory: peer {} keeps {} {}, {} are allowed", peer, is, what, most));
  };
  at_most("bytes of contributions", use.stored_bytes,
          static_cast<std::size_t>(bounds_.peers) * quota(bounds_));
  at_most("bytes of one peer's contributions", use.most_stored_of_one, quota(bounds_));
  at_most("rounds of its own contributions", use.sent_rounds, kStepsSent * bounds_.rounds_per_step);
  at_most("requests of others", use.due_requests, kDueOfEachPeer * static_cast<std::size_t>(bounds_.peers));
  at_most("given pieces", use.given_pieces, kPiecesGiven);
  at_most("bytes of given pieces", use.given_bytes, kBytesGiven);
  at_most("answers to requests for pieces", use.unsent_answers, 0);
  at_most("unsent messages", use.unsent_messages, kUnsent);
  at_most("rounds that one peer abstains from", use.most_abstained_of_one, kAbstained);
  at_most("rounds in which it helped", use.helped_rounds, kStepsSent * kAttempts * bounds_.rounds_per_step);
  at_most("bytes of decoders", use.decoder_bytes, bounds_.decoder_caches * kDecoderBytes);
}

}  // namespace polydot::simulator
