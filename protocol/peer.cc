#include "protocol/peer.h"

#include <algorithm>
#include <utility>

#include "protocol/peer_state.h"

namespace polydot::protocol {

Peer::Peer(PeerOptions options, Job& job, codes::FaultTap* tap, PeerObserver* observer)
    : options_(std::move(options)),
      job_(job),
      tap_(tap),
      observer_(observer),
      everybody_(codes::PeerSet::all(options_.peers)),
      heard_(static_cast<std::size_t>(options_.peers)),
      places_(static_cast<std::size_t>(options_.peers), Place(options_.self, options_.patience_ms)),
      store_(options_.peers, options_.store_bytes),
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
#ifdef POLYDOT_MUTATION_STALE_EPOCH
      message.key.epoch = std::max(message.key.epoch, ballot_.epoch());
#endif
      // Its own word, that it is there or active again, may have been lost.
      if (peer.mode < PeerMode::kFollowing || message.key.step > peer.abstained_step + kStepsAhead)
        peer.mode = PeerMode::kActive;
      peer.latest = std::max(peer.latest.value_or(message.key), message.key);
      on_contribution(from, message);
      break;
    case MessageKind::kRequest:
      peer.latest = std::max(peer.latest.value_or(message.key), message.key);
      answer_request(from, message.key);
      break;
    case MessageKind::kAbstain:
      on_abstain(from, message.key);
      break;
    case MessageKind::kRepairRequest:
      repairs_.on_request(from, message, job_.steps_done());
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
  return {.stored_rounds = store_.rounds(),
          .stored_bytes = store_.bytes(),
          .sent_rounds = sent_.size(),
          .due_requests = repairs_.due_requests(),
          .given_pieces = repairs_.given_pieces(),
          .given_bytes = repairs_.given_bytes()};
}

void Peer::stop_after_step(std::uint32_t code) {
  if (!stop_code_) stop_code_ = code;
  deadline_ms_ = 0;
}

}  // namespace polydot::protocol
