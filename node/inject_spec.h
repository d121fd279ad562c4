// What faults to inject, as a user writes it:  STAGE:MODEL:rate=R[:peer=K][:steps=A-B]
//
// STAGE  product (the contribution, after the multiplication and before its checksum) or weights (the stored
//        shard)
// MODEL  bitflip (one bit of one element, uniformly)
// R      a probability, 0 to 1: per (peer, layer, pass, step) for what is exchanged, per (peer, layer, step)
// for
//        what is stored
// K      only at this peer;  A-B  only in these steps, both included, counted from 0
//
// A new stage or model is a line of a table in inject_spec.cc.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "codes/fault_tap.h"
#include "codes/result.h"

namespace polydot::node {

enum class FaultModel { kBitFlip };

struct InjectSpec {
  codes::Stage stage = codes::Stage::kProduct;
  FaultModel model = FaultModel::kBitFlip;
  double rate = 0;
  std::optional<std::int64_t> peer;
  std::optional<std::uint64_t> first_step;  // both or neither
  std::optional<std::uint64_t> last_step;

  bool covers(std::int64_t at_peer, std::uint64_t at_step) const {
    return (!peer || *peer == at_peer) && (!first_step || *first_step <= at_step) &&
           (!last_step || at_step <= *last_step);
  }
  friend bool operator==(const InjectSpec&, const InjectSpec&) = default;
};

// Failure: kUsage, naming the part that is wrong and what is allowed there.
Result<InjectSpec> parse_inject_spec(std::string_view text);
// All of them, or the first failure.
Result<std::vector<InjectSpec>> parse_inject_specs(const std::vector<std::string>& texts);
// The text that parses back to `spec`.
std::string to_text(const InjectSpec& spec);

// As `--inject` names them.
std::string_view name_of(codes::Stage stage);
std::string_view name_of(FaultModel model);

}  // namespace polydot::node
