#include "tools/simulator/sim_cluster.h"

#include <algorithm>

#include "codes/encode.h"
#include "codes/set_decoder.h"
#include "node/pump.h"

namespace polydot::simulator {

SimCluster::SimCluster(const ClusterOptions& options, const dnn::Dataset& train, const dnn::Dataset& test,
                       const std::vector<codes::FaultTap*>& taps,
                       const std::vector<protocol::PeerObserver*>& observers)
    : options_(options), network_(static_cast<int>(options.code.peers()), options.network) {
  const int peers = static_cast<int>(options_.code.peers());
  context_.cluster = {0x706f6c79, 0x646f74};
  context_.peers = peers;
  for (int p = 0; p < peers; ++p) {
    const auto at = static_cast<std::size_t>(p);
    Member member;
    codes::FaultTap* tap = taps.empty() ? nullptr : taps[at];
    member.tap = tap;
    dnn::TrainingObserver* training_observer =
        options_.training_observers.empty() ? nullptr : options_.training_observers[at];
    member.program = std::make_unique<dnn::TrainingProgram>(options_.code, p, options_.plan, train, test, tap,
                                                            training_observer);
    node::PeerIdentity identity{context_.cluster, 0, p, peers};
    member.disk = std::make_unique<node::MemoryDisk>();
    member.shelf = std::make_unique<node::CheckpointShelf>(*member.disk, identity);
    member.job =
        std::make_unique<node::TrainingJob>(*member.program, *member.shelf, options_.checkpoint_every);
    protocol::PeerOptions peer_options;
    peer_options.self = p;
    peer_options.peers = peers;
    peer_options.shared = options_.shared;
    peer_options.patience_ms = options_.patience_ms;
    peer_options.margin = options_.margin;
    if (options_.adjust) options_.adjust(peer_options);
    member.peer = std::make_unique<protocol::Peer>(peer_options, *member.job, tap,
                                                   observers.empty() ? nullptr : observers[at]);
    member.transport = network_.endpoint(p);
    members_.push_back(std::move(member));
  }
  context_.max_entries = members_.front().job->max_contribution_entries();
}

bool SimCluster::run(std::int64_t limit_ms) {
  while (network_.now_ms() <= limit_ms) {
    bool busy = true;
    while (busy) {
      busy = false;
      for (int p = 0; p < size(); ++p) {
        Member& member = members_[static_cast<std::size_t>(p)];
        if (member.alive)
          busy |= node::pump_once(*member.peer, *member.transport, context_, network_.now_ms(), p, member.tap,
                                  [&](const protocol::BallotRecord& record) {
                                    member.record = record;
                                    return true;
                                  });
        else
          while (member.transport->receive()) {
          }
      }
      busy |= network_.next_arrival_ms() <= network_.now_ms();
    }
    std::int64_t next = network_.next_arrival_ms();
    bool all_ended = true;
    for (const Member& member : members_) {
      if (!member.alive || member.peer->status().phase == protocol::PeerPhase::kEnded) continue;
      all_ended = false;
      next = std::min(next, std::max(member.peer->next_deadline_ms(), network_.now_ms() + 1));
    }
    if (all_ended) return true;
    network_.set_now_ms(std::max(next, network_.now_ms()));
    if (on_time_) on_time_(network_.now_ms());
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
