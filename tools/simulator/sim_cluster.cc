#include "tools/simulator/sim_cluster.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "codes/decode/set_decoder.h"
#include "codes/kernels/encode.h"
#include "node/checkpoints/ballot_file.h"
#include "node/process/pump.h"

namespace polydot::simulator {

namespace {

constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();

}  // namespace

SimCluster::SimCluster(const ClusterOptions& options, const dnn::Dataset& train, const dnn::Dataset& test,
                       const std::vector<codes::FaultTap*>& taps,
                       const std::vector<protocol::PeerObserver*>& observers)
    : options_(options),
      train_(train),
      test_(test),
      network_(static_cast<int>(options.code.peers()), options.network),
      compute_(options.compute),
      disk_random_(options.disk_seed),
      incarnations_(options.disk_seed ^ 0x6c69766573u) {
  const int peers = static_cast<int>(options_.code.peers());
  context_.cluster = {0x706f6c79, 0x646f74};
  context_.peers = peers;
  members_.resize(static_cast<std::size_t>(peers));
  for (int p = 0; p < peers; ++p) {
    const auto at = static_cast<std::size_t>(p);
    Member& one = members_[at];
    if (!taps.empty()) one.tap = taps[at];
    if (!observers.empty()) one.observer = observers[at];
    if (!options_.training_observers.empty()) one.training_observer = options_.training_observers[at];
    one.disk.on_power_failure([this, p] { network_.set_up(p, false); });  // nothing leaves any more
    start(one, p, std::nullopt);
  }
  context_.max_entries = members_.front().job->max_contribution_entries();
}

void SimCluster::start(Member& one, int index, std::optional<protocol::BallotRecord> record, bool elsewhere) {
  one.peer.reset();
  one.job.reset();
  one.program = std::make_unique<dnn::TrainingProgram>(options_.code, index, options_.plan, train_, test_,
                                                       one.tap, one.training_observer);
  one.shelf = std::make_unique<node::CheckpointShelf>(one.disk, identity(index));
  one.job = std::make_unique<node::TrainingJob>(*one.program, *one.shelf, options_.checkpoint_every);
  protocol::PeerOptions peer_options;
  peer_options.self = index;
  peer_options.peers = static_cast<int>(options_.code.peers());
  peer_options.shared = options_.shared;
  peer_options.patience_ms = options_.patience_ms;
  peer_options.margin = options_.margin;
  peer_options.incarnation = one.incarnation = incarnations_();
  peer_options.record = std::move(record);
  if (options_.adjust) options_.adjust(peer_options);
  one.peer = std::make_unique<protocol::Peer>(peer_options, *one.job, one.tap, one.observer);
  one.transport = network_.endpoint(index, peer_options.incarnation, elsewhere);
  one.life = Life::kUp;
  one.clock = node::PatientClock(longest_sleep_ms());
  one.more = true;
}

void SimCluster::hand(int to, int from, protocol::Message message) {
  message.incarnation = member(from).incarnation;
  member(to).peer->on_message(now_ms(), from, std::move(message));
}

node::PeerIdentity SimCluster::identity(int index) const {
  return {context_.cluster, 0, index, static_cast<int>(options_.code.peers())};
}

void SimCluster::crash(int peer) {
  Member& one = member(peer);
  one.life = Life::kCrashed;
  one.frozen_until_ms = 0;
  one.disk.crash(disk_random_);
  network_.set_up(peer, false);
}

void SimCluster::lose_disk(int peer) {
  POLYDOT_CHECK(member(peer).life == Life::kCrashed);
  member(peer).disk.wipe();
}

bool SimCluster::is_active(int peer) const {
  const Member& one = members_[static_cast<std::size_t>(peer)];
  return one.life == Life::kUp && one.peer->status().phase == protocol::PeerPhase::kRunning &&
         one.peer->status().mode == protocol::PeerMode::kActive;
}

bool SimCluster::has_vote(int peer) const {
  const Member& one = members_[static_cast<std::size_t>(peer)];
  if (one.disk.trouble() == SimDisk::Trouble::kUnreadable) return false;  // it would come back without
  return durable_record(peer) && (one.life == Life::kCrashed || one.peer->status().votes);
}

void SimCluster::restart(int peer) {
  Member& one = member(peer);
  POLYDOT_CHECK(one.life == Life::kCrashed);
  network_.set_up(peer, true);
  one.free_ms = static_cast<double>(now_ms());
  const auto record = node::read_ballot_record(one.disk, identity(peer));
  start(one, peer, record ? *record : std::nullopt);
}

void SimCluster::start_second(int peer) {
  Member& one = seconds_[peer];
  one.free_ms = static_cast<double>(now_ms());
  start(one, peer, std::nullopt, true);
}

void SimCluster::end_second(int peer) {
  constexpr std::uint32_t kTerminated = 143;
  const auto found = seconds_.find(peer);
  if (found == seconds_.end()) return;
  found->second.peer->stop_after_step(kTerminated);
  found->second.wake_ms = now_ms();
}

std::optional<protocol::BallotRecord> SimCluster::durable_record(int peer) const {
  const auto record =
      node::read_ballot_record(members_[static_cast<std::size_t>(peer)].disk.durable(), identity(peer));
  return record ? *record : std::nullopt;
}

std::int64_t SimCluster::next_turn_ms(int index) const {
  return next_turn_ms(members_[static_cast<std::size_t>(index)], network_.next_arrival_ms(index));
}

std::int64_t SimCluster::next_turn_ms(const Member& one, std::int64_t arrival) const {
  if (one.life == Life::kCrashed) return kNever;
  if (has_ended(one)) return arrival;
  const std::int64_t wanted = one.more ? now_ms() : std::min(arrival, one.wake_ms);
  return std::max({wanted, one.frozen_until_ms, static_cast<std::int64_t>(std::ceil(one.free_ms))});
}

bool SimCluster::work_once() {
  bool worked = false;
  for (int p = 0; p < size(); ++p) {
    if (next_turn_ms(p) > now_ms()) continue;
    worked = true;
    if (!has_ended(member(p)))
      pump(member(p), p);
    else
      while (member(p).transport->receive()) {
      }
  }
  for (auto& [p, one] : seconds_) {
    if (next_turn_ms(one, kNever) > now_ms()) continue;
    worked = true;
    pump(one, p);
  }
  std::erase_if(seconds_, [&](const auto& second) { return has_ended(second.second); });
  return worked;
}

void SimCluster::pump(Member& one, int index) {
  const std::int64_t clock_ms = one.clock.read(now_ms() + one.clock_ahead_ms);
  one.more = node::pump_once(*one.peer, *one.transport, context_, clock_ms, index, one.tap,
                             [&](const protocol::BallotRecord& record) {
                               return node::keep_ballot_record(one.disk, identity(index), record);
                             });
  if (!one.disk.has_power()) {
    crash(index);
    if (on_power_lost_) on_power_lost_(index);
    return;
  }
  if (one.more)
    one.free_ms = std::max(one.free_ms, static_cast<double>(now_ms())) + compute_.draw_ms(index);
  else
    one.wake_ms =
        now_ms() + std::clamp<std::int64_t>(one.peer->next_deadline_ms() - clock_ms, 1, longest_sleep_ms());
}

bool SimCluster::run(std::int64_t limit_ms) {
  while (now_ms() <= limit_ms) {
    while (!actions_.empty() && actions_.begin()->first <= now_ms()) {
      const std::function<void()> action = std::move(actions_.begin()->second);
      actions_.erase(actions_.begin());
      action();
    }
    while (work_once()) {
    }
    std::int64_t next = actions_.empty() ? kNever : actions_.begin()->first;
    bool all_ended = true;
    for (int p = 0; p < size(); ++p) {
      all_ended = all_ended && has_ended(member(p));
      next = std::min(next, next_turn_ms(p));
    }
    for (const auto& second : seconds_) next = std::min(next, next_turn_ms(second.second, kNever));
    if (all_ended) return true;
    if (next == kNever) return false;  // all that is left is down, and nobody will restart it
    network_.set_now_ms(next);
    if (on_time_) on_time_(now_ms());
  }
  return false;
}

codes::Matrix SimCluster::decoded_weights(codes::Index layer, codes::Index shard,
                                          const codes::PeerSet& from) const {
  const codes::ShardCode& shard_code = options_.code.shards[static_cast<std::size_t>(shard)];
  const codes::LinearCode code = shard_code.as_code();
  const auto decoder = codes::make_set_decoder(code, codes::VectorD::Ones(code.peers()), from);
  POLYDOT_CHECK(decoder.decodable);
  std::vector<const codes::Matrix*> shards;
  for (int p : from.members())
    shards.push_back(&members_[static_cast<std::size_t>(p)].program->layer(layer).shard(shard).weights);
  const codes::Shape shape = members_.front().program->layer(layer).shape();
  return codes::decode_weights(shard_code, decoder.decoder, shards, shape.rows, shape.cols);
}

}  // namespace polydot::simulator
