// A whole cluster in one process, on virtual time: the same peers, jobs and bytes as in real processes.
//
// Event-driven: virtual time jumps to whatever happens next. A piece of work takes a drawn time, in which its
// peer does nothing else. Peers crash, with or without their disk, and come back; freeze; and have clocks
// that jump.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "codes/base/product_code.h"
#include "dnn/coded/training_program.h"
#include "node/checkpoints/checkpoint_shelf.h"
#include "node/process/training_job.h"
#include "node/system/patient_clock.h"
#include "protocol/peer.h"
#include "tools/simulator/sim_compute.h"
#include "tools/simulator/sim_disk.h"
#include "tools/simulator/sim_network.h"

namespace polydot::simulator {

struct ClusterOptions {
  codes::ProductCode code;
  dnn::TrainingPlan plan;
  NetworkOptions network;
  ComputeOptions compute;
  std::uint64_t disk_seed = 1;
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

  // Runs until every peer has ended or was killed, or virtual time passes `limit_ms`. True: all ended. Who
  // crashed is waited for.
  bool run(std::int64_t limit_ms);
  std::int64_t now_ms() const { return network_.now_ms(); }
  // Called whenever virtual time moves.
  void on_time(std::function<void(std::int64_t)> callback) { on_time_ = std::move(callback); }
  // Calls `action` when virtual time gets there, unless everybody has ended before.
  void at(std::int64_t time_ms, std::function<void()> action) {
    actions_.emplace(time_ms, std::move(action));
  }

  // From now on the peer does nothing and hears nothing.
  void kill(int peer) { member(peer).life = Life::kKilled; }
  // The process is gone, with all that was not synced.
  void crash(int peer);
  // Its next write, but for so many operations, is where it crashes. Called when it did:
  void crash_in_write(int peer, int operations) { member(peer).disk.fail_power_after(operations); }
  void on_power_lost(std::function<void(int)> callback) { on_power_lost_ = std::move(callback); }
  // Of a peer that is down: it comes back with another, empty one.
  void lose_disk(int peer);
  // A new process finds what is on the disk. Precondition: the peer crashed.
  void restart(int peer);
  // Another process under the index of this peer, with an empty disk and bound to another address: it is
  // heard, and hears nobody. It stays until it gives up, or is ended by a signal.
  void start_second(int peer);
  void end_second(int peer);
  bool has_second(int peer) const { return seconds_.contains(peer); }
  // Does nothing until then; what it is sent waits.
  void freeze(int peer, std::int64_t until_ms) { member(peer).frozen_until_ms = until_ms; }
  // Its clock is ahead by so much more, at once.
  void jump_clock(int peer, std::int64_t by_ms) { member(peer).clock_ahead_ms += by_ms; }

  bool is_up(int peer) const { return members_[static_cast<std::size_t>(peer)].life == Life::kUp; }
  // Up, and contributes to every round.
  bool is_active(int peer) const;
  // Counts in a ballot, or will when it comes back: what it promised is on its disk.
  bool has_vote(int peer) const;
  codes::Index layer_count() const { return members_.front().program->layer_count(); }
  // Of the life at hand; of the last one while it is down.
  protocol::Peer& peer(int index) { return *member(index).peer; }
  const protocol::Peer& peer(int index) const { return *members_[static_cast<std::size_t>(index)].peer; }
  dnn::TrainingProgram& program(int index) { return *member(index).program; }
  // Hands `to` a message as if the process in the place of `from` had sent it.
  void hand(int to, int from, protocol::Message message);
  SimDisk& disk(int index) { return member(index).disk; }
  node::PeerIdentity identity(int index) const;  // in its files
  // What of its record a crash at this moment would leave; nothing if there is none, or it cannot be read.
  std::optional<protocol::BallotRecord> durable_record(int peer) const;
  SimNetwork& network() { return network_; }
  const SimNetwork& network() const { return network_; }
  int size() const { return static_cast<int>(members_.size()); }
  const protocol::WireContext& context() const { return context_; }  // of every frame
  // The weights of a layer, decoded in double from the shards (of shard code `shard`) of the peers in `from`.
  codes::Matrix decoded_weights(codes::Index layer, codes::Index shard, const codes::PeerSet& from) const;

 private:
  enum class Life { kUp, kKilled, kCrashed };
  struct Member {
    Life life = Life::kUp;
    codes::FaultTap* tap = nullptr;
    protocol::PeerObserver* observer = nullptr;
    dnn::TrainingObserver* training_observer = nullptr;
    SimDisk disk;
    std::unique_ptr<dnn::TrainingProgram> program;
    std::unique_ptr<node::CheckpointShelf> shelf;
    std::unique_ptr<node::TrainingJob> job;
    std::unique_ptr<protocol::Peer> peer;
    std::unique_ptr<protocol::Transport> transport;
    std::uint64_t incarnation = 0;
    bool more = true;          // has work to do at once
    std::int64_t wake_ms = 0;  // else it looks again then, or when a frame is there
    double free_ms = 0.0;      // computes until then
    std::int64_t frozen_until_ms = 0;
    std::int64_t clock_ahead_ms = 0;
    node::PatientClock clock{1};
  };
  Member& member(int index) { return members_[static_cast<std::size_t>(index)]; }
  void start(Member& one, int index, std::optional<protocol::BallotRecord> record, bool elsewhere = false);
  bool has_ended(const Member& one) const {
    return one.life == Life::kKilled ||
           (one.life == Life::kUp && one.peer->status().phase == protocol::PeerPhase::kEnded);
  }
  // When it acts next, if nothing else happens.
  std::int64_t next_turn_ms(int index) const;
  std::int64_t next_turn_ms(const Member& one, std::int64_t arrival) const;
  // Lets everybody who can do one piece of work. False: nobody can at this time.
  bool work_once();
  void pump(Member& one, int index);
  // As a process does, a peer looks at its clock now and then.
  std::int64_t longest_sleep_ms() const { return std::max<std::int64_t>(1, options_.patience_ms / 4); }

  ClusterOptions options_;
  const dnn::Dataset& train_;
  const dnn::Dataset& test_;
  protocol::WireContext context_;
  SimNetwork network_;
  ComputeTimes compute_;
  std::mt19937_64 disk_random_;
  std::mt19937_64 incarnations_;  // the numbers of its processes
  std::vector<Member> members_;
  std::map<int, Member> seconds_;  // by the index that they claim
  std::multimap<std::int64_t, std::function<void()>> actions_;
  std::function<void(std::int64_t)> on_time_;
  std::function<void(int)> on_power_lost_;
};

}  // namespace polydot::simulator
