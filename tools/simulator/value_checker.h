// Checks a run by the values that peers decode: losses and weights, against the uncoded reference; and by
// whom they accuse of being wrong, against what was really done to whom.
//
//   loss      of a committed step: that of the reference, unless the peer's own numbers were hit, or copies
//             have been hit alike
//   blame     who was never hit, never crashed and never lost its place is never located, and repairs and
//             rebuilds nothing
//   again     who was rebuilt whole, and not hit since, is not located again
//   repair    whose lines no scrub accused repairs none
//   weights   at the end: every peer's shards are its rows of the reference's weights
//   committed a product that a peer took for checked is that of the reference; also counted where more was
//             wrong at once than the code can tell apart
//   unchecked nothing was committed without a spare contribution
#pragma once

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <vector>

#include "codes/decode/shard_check.h"
#include "dnn/optimizers/training_plan.h"
#include "node/faults/injector.h"
#include "protocol/health/status.h"
#include "tools/simulator/reference_run.h"
#include "tools/simulator/violations.h"

namespace polydot::simulator {

inline constexpr double kWeightTolerance = 1e-4;  // relative, over one shard ...
inline constexpr double kRoundingFactor =
    10.0;  // ... or so much more than rounding alone does, if that is more
// Who corrects a wrong number keeps an error of many floors, far below what matters, and may be named for it.
inline constexpr double kBlameFromFloors = 1000.0;
// What is rebuilt from few may be so much louder than what they hold; it is found, and mended with more. The
// floors of those that find it differ: who was rebuilt itself has learned its own from a few rounds.
inline constexpr double kRebuiltFromFloors = 2 * codes::kRebuildGain;
// Steps. Right lines are added to what the shard has become since it was lost, an error of that time
// included.
inline constexpr std::uint64_t kRebuildLasts = 16;
inline constexpr double kLossTolerance = 1e-3;  // relative, from 1 on
// Where rounding alone takes a run further than that, equal to the reference means nothing.
inline constexpr double kMostTolerance = 1e-2;
inline constexpr double kCommittedTolerance =
    1e-3;  // of a delivered product: Frobenius, relative to the signal

// Of what is compared with the reference: so much, or what rounding may do to the run, up to the ceiling.
inline double tolerance_of(double least, double rounding) {
  return std::max(least, std::min(kMostTolerance, kRoundingFactor * rounding));
}

struct ValueCheckerOptions {
  const ReferenceRun* reference = nullptr;
  std::vector<const node::Injector*> truth;  // by peer; null: nothing is injected there
  bool may_blame_anyone = false;             // more was wrong at once than the code can tell apart
  // A peer sends wrong numbers all the time, and no injector knows.
  bool somebody_sends_nonsense = false;
  const codes::ProductCode* code = nullptr;
  std::function<std::int64_t()> now_ms;
  std::function<void(int peer, const dnn::StepRecord&, std::span<const std::uint32_t> samples)> on_commit;
  std::function<void(int peer, const protocol::RoundReport&)> on_round;
  std::function<void(int peer, std::uint64_t boundary)> on_follow;
  std::function<void(int peer, const std::string&)> on_line;  // for the log
};

struct ValueCounts {
  std::uint64_t commits = 0, located = 0, repairs = 0, rebuilds = 0, cleanings = 0, rollbacks = 0;
  // Training rounds of which a peer took a wrong product for checked, and all that were compared.
  std::uint64_t committed_wrong = 0, committed = 0;
  double largest_difference = 0.0;  // of a product that is not wrong
};

class ValueChecker {
 public:
  ValueChecker(int peers, ValueCheckerOptions options, Violations& violations);
  ~ValueChecker();

  dnn::TrainingObserver* training_observer(int peer);
  protocol::PeerObserver* peer_observer(int peer);

  // What this peer holds may be wrong from now on, in every layer, until it is rebuilt: it crashed.
  void note_crash(int peer);
  // At the end of the run.
  void check_shard(const codes::ProductCode& code, int peer, codes::Index layer, codes::Index shard,
                   const codes::Matrix& held, std::uint64_t boundary);
  void check_status(int peer, const protocol::Status& status);

  const ValueCounts& counts() const { return counts_; }
  // Whether nothing was ever done to this peer by then.
  bool is_innocent(int peer, std::uint64_t step) const;
  // Whether this shard was rebuilt whole before that step and nothing was done to the peer since.
  bool is_as_good_as_new(int peer, std::pair<codes::Index, codes::Index> shard, std::uint64_t step) const;

 private:
  class Watch;
  struct Suspect {
    bool crashed = false;                     // or lost its place
    bool accused = false;                     // by a scrub, at any peer
    std::optional<std::uint64_t> excused_at;  // step in which named for no more than what rebuilding leaves
    std::map<std::pair<codes::Index, codes::Index>, std::uint64_t> rebuilt_at;  // by layer, shard: step
  };
  void on_step(int peer, const dnn::StepRecord& record, std::span<const std::uint32_t> samples);
  void on_round(int finder, const protocol::RoundReport& report);
  void on_event(int peer, const protocol::PeerEvent& event);
  void compare(int peer, const protocol::RoundReport& report);
  void look_at(int finder, const protocol::RoundReport& report, const char* what,
               const std::vector<codes::Finding>& findings);
  // Whether this peer's own numbers may have been hit in this step or so many before it.
  bool was_hit(int peer, std::uint64_t step, std::uint64_t steps_before) const;
  bool copies_agreed_by_chance(std::uint64_t step) const;

  ValueCheckerOptions options_;
  Violations& violations_;
  std::vector<std::unique_ptr<Watch>> watches_;
  std::vector<Suspect> suspects_;
  bool anybody_was_hit_ = false;
  ValueCounts counts_;
};

}  // namespace polydot::simulator
