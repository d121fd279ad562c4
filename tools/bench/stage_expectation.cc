#include "tools/bench/stage_expectation.h"

#include <array>

#include "codes/check.h"

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
  }
  return "?";
}

FaultEnd expected_end(const node::InjectSpec& spec, const StagePlaces& places) {
  const Row& row = kTable[static_cast<std::size_t>(spec.stage)];
  POLYDOT_CHECK(row.stage == spec.stage);
  const bool broken = spec.model == node::FaultModel::kSticky || spec.model == node::FaultModel::kBadCore;
  if (broken) return row.broken;
  return only_updates(spec, places) ? row.in_update : row.once;
}

}  // namespace polydot::bench
