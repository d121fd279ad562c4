// What faults to inject, as a user writes it:  STAGE:MODEL[:key=value]...
//
// STAGE  where in a step (codes::Stage): batch, weights, optimizer, encode, product, contribution, decode,
//        activation, loss, hadamard, update
// MODEL  what happens to the buffer there (node/config/fault_models.h)
// when   rate=R, a probability per (peer, buffer, step); steps=A-B, both included, counted from 0; step=S;
//        every=N, only each N-th of these steps. One of rate and step(s) is needed; alone, steps mean surely.
// where  peer=K or peer=K+L+M, layer=, slot=, pass=forward|backward (of a round), row=, col=, bit=
// how    bits=, factor=, times=, proportional=1: of single models
// again  sticky=1: also when a round or a step is computed again; seed=N: another draw
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "codes/base/fault_tap.h"
#include "codes/base/result.h"

namespace polydot::node {

enum class FaultModel {
  kBitFlip,     // one bit of one element
  kKBits,       // several bits of one element
  kRandom,      // one element: any finite value
  kZero,        // one element
  kNan,         // one element
  kInf,         // one element
  kScale,       // one element: times a factor
  kStale,       // the whole buffer as it was in the step before
  kRow,         // a row: random values as large as the buffer's
  kColumn,      // a column: the same
  kWhole,       // the whole buffer: the same
  kSticky,      // one element, always the same, with a bit that is stuck at 1
  kBadCore,     // a bit of each element whose lowest bits have one pattern: a function of the value
  kFloor,       // one element: off by a multiple of the analytic noise floor
  kCorrelated,  // one element: off by an error that is the same, or proportional, at several peers
};

struct InjectSpec {
  codes::Stage stage = codes::Stage::kProduct;
  FaultModel model = FaultModel::kBitFlip;
  std::optional<double> rate;               // none: surely
  std::vector<std::int64_t> peers;          // none: all
  std::optional<std::uint64_t> first_step;  // both or neither
  std::optional<std::uint64_t> last_step;
  std::optional<std::uint64_t> every;  // of the steps from the first on
  std::optional<std::uint64_t> slot;
  std::optional<std::int64_t> layer;
  std::optional<codes::PassKind> pass;
  std::optional<std::int64_t> row, col;
  std::optional<std::uint64_t> bit;   // 0 .. 31
  std::optional<std::uint64_t> bits;  // how many
  std::optional<double> factor, times;
  bool proportional = false;
  bool sticky = false;
  std::optional<std::uint64_t> seed;  // none: the run's

  bool covers_peer(std::int64_t peer) const;
  bool covers_step(std::uint64_t step) const;
  // Peer, step, slot, layer and pass; not the stage.
  bool covers(std::int64_t peer, const codes::TapPoint& point) const;
  friend bool operator==(const InjectSpec&, const InjectSpec&) = default;
};

// Reads a spec part by part, for all who write one in their own form. Failures: kUsage, naming the part that
// is wrong and what is allowed there.
class InjectSpecReader {
 public:
  Outcome set_stage(std::string_view word);
  Outcome set_model(std::string_view word);
  Outcome set(std::string_view key, std::string_view value);
  // Whether the parts make a whole.
  Result<InjectSpec> finish() const;

 private:
  InjectSpec spec_;
  std::vector<std::string_view> seen_;  // settings
};

// Failure: kUsage; it begins with the spec.
Result<InjectSpec> parse_inject_spec(std::string_view text);
// All of them, or the first failure.
Result<std::vector<InjectSpec>> parse_inject_specs(const std::vector<std::string>& texts);
// Whether every peer that is named exists. Failure: kUsage.
Outcome check_fault_peers(const std::vector<InjectSpec>& specs, std::int64_t peers);
// The text that parses back to `spec`.
std::string to_text(const InjectSpec& spec);

// As `--inject` names them.
std::string_view name_of(codes::Stage stage);
std::string_view name_of(FaultModel model);

}  // namespace polydot::node
