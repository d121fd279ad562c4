#include "tools/bench/stage_expectation.h"

#include <array>

#include "codes/base/check.h"

namespace polydot::bench {

namespace {

using codes::PassKind;
using codes::Stage;

struct Row {
  Stage stage;
  // A value that is wrong once: where a product of the same step still shows it, and where only the update is
  // made of it.
  FaultEnd once, in_update;
  // A machine that makes the same mistake when it computes again (sticky, badcore): its own operand stays
  // wrong, and so does what it updates its shard with.
  FaultEnd broken;
};

constexpr FaultEnd kCorrected = FaultEnd::kCorrected, kRepaired = FaultEnd::kRepaired;

constexpr std::array<Row, codes::kStageCount> kTable = {{
    {Stage::kBatch, kCorrected, kCorrected, kRepaired},
    {Stage::kWeights, kRepaired, kRepaired, kRepaired},
    {Stage::kOptimizer, kRepaired, kRepaired, kRepaired},
    {Stage::kEncode, kCorrected, kCorrected, kCorrected},
    {Stage::kProduct, kCorrected, kCorrected, kCorrected},
    {Stage::kContribution, FaultEnd::kErased, FaultEnd::kErased, FaultEnd::kErased},
    {Stage::kDecode, kCorrected, kRepaired, kRepaired},
    {Stage::kActivation, kCorrected, kCorrected, kRepaired},
    {Stage::kLoss, kCorrected, kRepaired, kRepaired},
    {Stage::kHadamard, kCorrected, kRepaired, kRepaired},
    {Stage::kUpdate, kRepaired, kRepaired, kRepaired},
}};

// No product of the step is made of what this fault changes.
bool only_updates(const node::InjectSpec& spec, const StagePlaces& places) {
  const bool first_layer = spec.layer == 0;
  switch (spec.stage) {
    case Stage::kDecode:  // of the last round
      return places.layers == 1 || (spec.pass == PassKind::kBackward && spec.layer == 1);
    case Stage::kLoss:
      return places.layers == 1;
    case Stage::kHadamard:
      return first_layer;
    default:
      return false;
  }
}

}  // namespace

const char* name_of(FaultEnd end) {
  switch (end) {
    case FaultEnd::kBelowFloor:
      return "below the floor";
    case FaultEnd::kCorrected:
      return "corrected";
    case FaultEnd::kErased:
      return "erased";
    case FaultEnd::kRepaired:
      return "repaired";
    case FaultEnd::kRestCleaned:
      return "faint rest cleaned";
    case FaultEnd::kQuarantined:
      return "quarantined";
    case FaultEnd::kRefused:
      return "refused";
    case FaultEnd::kMissed:
      return "missed";
    case FaultEnd::kStillWrong:
      return "still wrong";
    case FaultEnd::kWrongValue:
      return "wrong value";
    case FaultEnd::kWrongPeer:
      return "wrong peer";
    case FaultEnd::kNotInjected:
      return "not injected";
  }
  return "?";
}

bool must_show(const node::InjectSpec& spec) {
  if (spec.stage == Stage::kContribution) return true;
  if (!is_stored(spec.stage) && spec.stage != Stage::kEncode && spec.stage != Stage::kProduct) return false;
  switch (spec.model) {
    case node::FaultModel::kNan:
    case node::FaultModel::kInf:
    case node::FaultModel::kRow:
    case node::FaultModel::kColumn:
    case node::FaultModel::kWhole:
      return true;
    default:
      return false;
  }
}

bool is_broken(node::FaultModel model) {
  return model == node::FaultModel::kSticky || model == node::FaultModel::kBadCore;
}

bool is_stored(Stage stage) {
  return stage == Stage::kWeights || stage == Stage::kOptimizer || stage == Stage::kUpdate;
}

std::vector<codes::Index> updated_layers(const node::Injection& injection) {
  const codes::Index layer = injection.layer;
  switch (injection.stage) {
    case Stage::kDecode:  // forward: the next layer's input, and the slope at this layer's outputs
      return injection.pass == PassKind::kForward ? std::vector{layer, layer + 1} : std::vector{layer - 1};
    case Stage::kActivation:
      return {layer + 1};
    default:
      return {layer};
  }
}

FaultEnd expected_end(const node::InjectSpec& spec, const StagePlaces& places, bool scrub_names) {
  const Row& row = kTable[static_cast<std::size_t>(spec.stage)];
  POLYDOT_CHECK(row.stage == spec.stage);
  const bool broken = is_broken(spec.model);
  if (only_updates(spec, places)) return row.in_update;
  if (!broken) return row.once;
  return is_stored(spec.stage) || scrub_names ? row.broken : row.once;
}

}  // namespace polydot::bench
