// A laboratory for rounds: random weights and operands, true contributions, errors put in on purpose, and the
// verdict compared with the truth. Serves the location tests and the benchmark behind the tables of CODES.md.
#pragma once

#include <cstdint>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "codes/decode/noise_floor.h"
#include "codes/decode/round_check.h"
#include "codes/families/factories.h"

namespace polydot::bench {

using codes::Index;
using codes::Matrix;

// Error models, by name: what happens to one wrong peer's contribution.
enum class ErrorModel {
  kDense,         // every entry, Gaussian, 1e-3 to 1e3 of the signal
  kFlipResult,    // one bit of one entry, all 32 positions alike
  kFlipWeight,    // one bit of one weight of the shard
  kEntry,         // one entry, 1e-3 to 1e3 of the signal
  kRow,           // one payload row, 1e-3 to 1e3 of the signal
  kNotFinite,     // one entry NaN or infinite
  kHugeAndTiny,   // one entry 1e30, the rest of its row 1e-3 of the signal
  kZeros,         // the whole contribution is zero
  kStale,         // the contribution to another operand
  kSameEntry,     // entry (3, 5) of every wrong peer by the same amount
  kProportional,  // the same dense pattern at every wrong peer, times a number of its own
};
ErrorModel parse_error_model(const std::string& name);
const char* name_of(ErrorModel model);
std::vector<ErrorModel> all_error_models();

struct LabOptions {
  std::string code = "polydot";
  codes::Grid grid{2, 2, 1};
  Index peers = 10;
  codes::PassKind pass = codes::PassKind::kForward;
  codes::Shape weights{48, 96};
  Index batch = 16;
  std::uint64_t seed = 1;
};

// What became of one trial.
enum class TrialResult {
  kCorrect,        // checked, and right to rounding
  kWeak,           // explained, but an error could still hide
  kRefused,        // unexplained, or waiting
  kSilentlyWrong,  // checked, and wrong by more than the tolerance
};

struct Trial {
  TrialResult outcome = TrialResult::kCorrect;
  double error = 0.0;  // largest deviation from the truth over the rms of the truth, columns whitened
  bool wrong_peer_blamed = false;  // somebody was blamed who was right
  codes::RoundVerdict verdict;

  // The outcome if rounds were weak from this kappa on, instead of codes::kLargestHidden. Precondition: not
  // above that.
  TrialResult outcome_at(double weak_limit) const {
    const bool passed = verdict.state == codes::RoundState::kChecked;
    return passed && !(verdict.kappa <= weak_limit) ? TrialResult::kWeak : outcome;
  }
};

// The true round, then whatever is done to it. Public to be changed: that is how errors get in.
struct LabRound {
  Matrix weights, operand, truth;
  std::vector<Matrix> shards, contributions;  // one each peer
};

class RoundLab {
 public:
  explicit RoundLab(const LabOptions& options);  // precondition: the plan can be made

  // One round with the given wrong peers (each by `model`, `errors_each` times) and missing peers.
  Trial run(ErrorModel model, const std::vector<int>& wrong, const std::vector<int>& missing = {},
            int errors_each = 1);
  // One clean round.
  Trial run_clean(const std::vector<int>& missing = {}) { return run(ErrorModel::kDense, {}, missing); }
  std::vector<int> random_peers(int count, const std::vector<int>& not_these = {});

  // The same in steps, for errors at chosen places: make_round, change it, examine.
  LabRound make_round();
  void disturb(LabRound& round, ErrorModel model, const std::vector<int>& wrong);
  // After a change of its shard: the contribution of `peer` from it.
  void multiply_again(LabRound& round, int peer) const;
  // The question to check_round, with the lab's floor; points into `round` and the lab.
  codes::RoundQuestion question(const LabRound& round, const codes::PeerSet& present) const;
  // The verdict against the truth; `wrong`: everybody who may be blamed.
  Trial compare(const LabRound& round, codes::RoundVerdict verdict, const codes::PeerSet& wrong) const;
  Trial examine(const LabRound& round, const std::vector<int>& wrong, const std::vector<int>& missing = {});

  // kappa of the round if exactly the peers in `wrong` were erased.
  double hidden_without(const LabRound& round, const std::vector<int>& wrong);

  const codes::Pass& pass() const { return code_.pass(options_.pass); }
  const codes::NoiseFloor& floor() const { return floor_; }
  codes::DecoderCache& cache() { return cache_; }
  Index peers() const { return options_.peers; }
  codes::PeerSet everybody() const { return codes::PeerSet::all(static_cast<int>(options_.peers)); }
  std::mt19937_64& generator() { return generator_; }

 private:
  // rms of the true result, columns whitened.
  double whitened_rms(const LabRound& round) const;
  double uniform(double low, double high) {
    return std::uniform_real_distribution<double>(low, high)(generator_);
  }
  double loudness(double signal);

  LabOptions options_;
  codes::ProductCode code_;
  codes::DecoderCache cache_;
  std::mt19937_64 generator_;
  codes::NoiseFloor floor_;
};

// The value with one bit (0 lowest mantissa, 31 sign) inverted.
float flip_bit(float value, unsigned bit);

}  // namespace polydot::bench
