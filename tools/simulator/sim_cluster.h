// A whole cluster in one process, on virtual time: the same peers, jobs and bytes as in real processes.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "codes/product_code.h"
#include "dnn/training_program.h"
#include "node/checkpoint_shelf.h"
#include "node/memory_disk.h"
#include "node/training_job.h"
#include "protocol/peer.h"
#include "tools/simulator/sim_network.h"

namespace polydot::simulator {

struct ClusterOptions {
  codes::ProductCode code;
  dnn::TrainingPlan plan;
  NetworkOptions network;
  std::int64_t patience_ms = 1000;
  int margin = 1;
  std::uint64_t checkpoint_every = 0;
  std::map<std::string, std::string> shared = {{"cluster", "simulated"}};
  std::function<void(protocol::PeerOptions&)> adjust;      // if any: the last word on each peer's options
  std::vector<dnn::TrainingObserver*> training_observers;  // one per peer, or empty; not owned
};

class SimCluster {
 public:
  // `train`, `test` outlive this. taps and observers: one per peer, or empty; not owned.
  SimCluster(const ClusterOptions& options, const dnn::Dataset& train, const dnn::Dataset& test,
             const std::vector<codes::FaultTap*>& taps = {},
             const std::vector<protocol::PeerObserver*>& observers = {});

  // Runs until every peer has ended, or virtual time passes `limit_ms`. True: all ended.
  bool run(std::int64_t limit_ms);
  // From now on the peer does nothing and hears nothing.
  void kill(int peer) { members_[static_cast<std::size_t>(peer)].alive = false; }
  // Called whenever virtual time moves.
  void on_time(std::function<void(std::int64_t)> callback) { on_time_ = std::move(callback); }

  protocol::Peer& peer(int index) { return *members_[static_cast<std::size_t>(index)].peer; }
  dnn::TrainingProgram& program(int index) { return *members_[static_cast<std::size_t>(index)].program; }
  const SimNetwork& network() const { return network_; }
  int size() const { return static_cast<int>(members_.size()); }
  // The weights of a layer, decoded in double from the shards (of shard code `shard`) of the peers in `from`.
  codes::Matrix decoded_weights(codes::Index layer, codes::Index shard, const codes::PeerSet& from) const;

 private:
  struct Member {
    bool alive = true;
    codes::FaultTap* tap = nullptr;
    protocol::BallotRecord record;  // as if on disk
    std::unique_ptr<dnn::TrainingProgram> program;
    std::unique_ptr<node::MemoryDisk> disk;
    std::unique_ptr<node::CheckpointShelf> shelf;
    std::unique_ptr<node::TrainingJob> job;
    std::unique_ptr<protocol::Peer> peer;
    std::unique_ptr<protocol::Transport> transport;
  };

  ClusterOptions options_;
  protocol::WireContext context_;
  SimNetwork network_;
  std::vector<Member> members_;
  std::function<void(std::int64_t)> on_time_;
};

}  // namespace polydot::simulator
