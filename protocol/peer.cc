#include "protocol/peer.h"

#include <algorithm>
#include <utility>

#include "protocol/peer_state.h"

namespace polydot::protocol {

std::size_t store_quota_bytes(const Job& job, int peers) {
  constexpr std::size_t kRounds = 2 * PeerOptions::kMaxAttempts;  // the one at hand and the one before it
  const Job::RoundSizes sizes = job.round_sizes();
  const auto bytes = [](std::size_t entries, std::size_t rows) {
    // Slices have books too, of half a MiB or a column each: a hundredth is more than they take.
    const std::size_t payload = entries * sizeof(float);
    return payload + payload / 100 + rows * ContributionStore::kRowBytes;
  };
  const std::size_t ahead = static_cast<std::size_t>(kStepsAhead) * bytes(sizes.step, sizes.step_rounds);
  return kRounds * bytes(sizes.largest, 1) + std::min(ahead, kAheadBytes / static_cast<std::size_t>(peers));
}

Peer::Peer(PeerOptions options, Job& job, codes::FaultTap* tap, PeerObserver* observer)
    : options_(std::move(options)),
      job_(job),
      tap_(tap),
      observer_(observer),
      everybody_(codes::PeerSet::all(options_.peers)),
      heard_(static_cast<std::size_t>(options_.peers)),
      places_(static_cast<std::size_t>(options_.peers), Place(options_.self, options_.patience_ms)),
      store_(options_.peers, store_quota_bytes(job, options_.peers)),
      offenders_(options_.peers),
      repairs_(job.code(), options_.self, job.state(), options_.patience_ms),
      abstained_(static_cast<std::size_t>(options_.peers)),
      ballot_(options_.self, options_.peers, options_.record.value_or(BallotRecord{}),
              [this](const codes::PeerSet& holders) { return can_return_with(holders); }) {
  POLYDOT_CHECK_EQ(job.code().peers(), options_.peers);
  for (const codes::Pass& pass : job.code().passes) {
    caches_.push_back(std::make_unique<codes::DecoderCache>(pass.code, pass.sigma));
    locatable_.push_back(codes::locatable_sizes(*caches_.back()->get(everybody_)));
  }
  for (const codes::ShardCode& shard : job.code().shards) {
    shard_passes_.push_back(codes::shard_pass(shard));
    const codes::Pass& pass = shard_passes_.back();
    shard_caches_.push_back(std::make_unique<codes::DecoderCache>(pass.code, pass.sigma));
    shard_locatable_.push_back(codes::locatable_sizes(*shard_caches_.back()->get(everybody_)));
  }
  decoded_from_ = everybody_;
  // Until it is known whether this is its first life (begin).
  if (!options_.record) ballot_.abstain();
  if (job.state() != nullptr) ballot_.limit_boundaries(job.state()->last_boundary());
}

Peer::~Peer() = default;

// Whoever does not hold that checkpoint can be rebuilt from those that do, and checked; without a margin
// those that do may go on alone.
bool Peer::can_return_with(const codes::PeerSet& holders) {
  for (std::size_t s = 0; s < shard_passes_.size(); ++s) {
    if (!(shard_caches_[s]->get(holders)->gain <= codes::kRebuildGain)) return false;
    if (options_.margin == 0) continue;
    for (int p : (everybody_ - holders).members())
      if (!codes::can_be_rebuilt(shard_passes_[s], p, holders, *shard_caches_[s])) return false;
  }
  return true;
}

void Peer::on_message(std::int64_t now_ms, int from, Message message) {
  POLYDOT_CHECK(from >= 0 && from < options_.peers);
  if (from == options_.self) {
    POLYDOT_CHECK(message.kind == MessageKind::kBallot);
    return on_ballot(now_ms, from, message);
  }
  if (!is_believed(now_ms, from, message)) return;
  Heard& peer = heard_[static_cast<std::size_t>(from)];
  if (now_ms - std::exchange(peer.last_message_ms, now_ms) >= options_.patience_ms)
    somebody_back_ms_ = now_ms;
  switch (message.kind) {
    case MessageKind::kHello:
      on_hello(from, message);
      break;
    case MessageKind::kContribution:
      // Its own word, that it is there or active again, may have been lost.
      if (peer.mode < PeerMode::kFollowing || message.key.step > peer.abstained_step + kStepsAhead)
        peer.mode = PeerMode::kActive;
      peer.latest = std::max(peer.latest.value_or(message.key), message.key);
      on_contribution(now_ms, from, message);
      break;
    case MessageKind::kRequest:
      peer.latest = std::max(peer.latest.value_or(message.key), message.key);
      answer_request(now_ms, from, message.key);
      break;
    case MessageKind::kAbstain:
      on_abstain(from, message.key);
      break;
    case MessageKind::kRepairRequest:
      on_repair_request(now_ms, from, message);
      break;
    case MessageKind::kBallot:
      on_ballot(now_ms, from, message);
      break;
    case MessageKind::kPiece:
      repairs_.on_piece(from, message);
      break;
    case MessageKind::kNoPiece:
      repairs_.on_no_piece(from, message);
      break;
    case MessageKind::kGoodbye:
      peer.goodbye = message.code;
      peer.goodbye_step = message.key.step;
      break;
  }
  deadline_ms_ = now_ms;
}

// What it holds is the state of a boundary, and not of a past that it may be about to leave.
bool Peer::may_give_pieces() const {
  const bool there = status_.phase == PeerPhase::kRunning || status_.phase == PeerPhase::kLingering;
  return there && mode() > PeerMode::kRestored && !ballot_.bound();
}

// Answered at once, whatever this peer itself waits for.
void Peer::on_repair_request(std::int64_t now_ms, int from, const Message& message) {
  repairs_.on_request(from, message,
                      {.now_ms = now_ms,
                       .epoch = ballot_.epoch(),
                       .boundary = job_.steps_done(),
                       .may_give = may_give_pieces(),
                       .last = status_.phase == PeerPhase::kLingering});
  send_repairs();
}

void Peer::send_repairs() {
  for (auto& [to, message] : repairs_.take_messages()) send(to, std::move(message));
}

bool Peer::advance(std::int64_t now_ms) {
  if (phase_since_ms_ < 0) phase_since_ms_ = now_ms;
  switch (status_.phase) {
    case PeerPhase::kJoining:
      return advance_joining(now_ms);
    case PeerPhase::kRunning:
      return advance_running(now_ms);
    case PeerPhase::kLingering:
      return advance_lingering(now_ms);
    case PeerPhase::kEnded:
      return false;
  }
  return false;
}

std::vector<Outgoing> Peer::take_outbox() { return std::exchange(outbox_, {}); }

MemoryUse Peer::memory() const {
  std::size_t most_of_one = 0, most_abstained = 0;
  for (int p = 0; p < options_.peers; ++p) {
    most_of_one = std::max(most_of_one, store_.bytes_of(p));
    most_abstained = std::max(most_abstained, abstained_[static_cast<std::size_t>(p)].size());
  }
  return {.stored_rounds = store_.rounds(),
          .stored_bytes = store_.bytes(),
          .most_stored_of_one = most_of_one,
          .sent_rounds = sent_.size(),
          .due_requests = repairs_.due_requests(),
          .given_pieces = repairs_.given_pieces(),
          .given_bytes = repairs_.given_bytes(),
          .unsent_answers = repairs_.unsent_messages(),
          .unsent_messages = outbox_.size(),
          .most_abstained_of_one = most_abstained,
          .helped_rounds = helped_.size(),
          .decoder_bytes = decoder_bytes()};
}

std::size_t Peer::decoder_bytes() const {
  std::size_t bytes = repairs_.decoder_bytes();
  for (const auto* caches : {&caches_, &shard_caches_})
    for (const auto& one : *caches) bytes += one->bytes();
  return bytes;
}

void Peer::stop_after_step(std::uint32_t code) {
  if (!stop_code_) stop_code_ = code;
  deadline_ms_ = 0;
}

}  // namespace polydot::protocol
