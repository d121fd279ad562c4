#include "tools/bench/stage_cells.h"

#include <array>

#include "dnn/training_program.h"
#include "node/fault_models.h"
#include "tools/bench/small_training.h"

namespace polydot::bench {

namespace {

using codes::PassKind;
using codes::Stage;
using node::FaultModel;

struct Point {
  PassKind pass = PassKind::kForward;
  std::int64_t layer = 0;
};

constexpr PassKind kForward = PassKind::kForward, kBackward = PassKind::kBackward;

// Where a stage comes by in a step of three layers; the layer is the one that the tap is told.
std::vector<Point> points_of(Stage stage) {
  switch (stage) {
    case Stage::kBatch:
      return {{kForward, 0}};
    case Stage::kWeights:
    case Stage::kOptimizer:
    case Stage::kUpdate:
      return {{kForward, 0}, {kForward, 1}, {kForward, 2}};
    case Stage::kEncode:
    case Stage::kProduct:
    case Stage::kContribution:
    case Stage::kDecode:
      return {{kForward, 0}, {kForward, 1}, {kForward, 2}, {kBackward, 2}, {kBackward, 1}};
    case Stage::kActivation:
      return {{kForward, 0}, {kForward, 1}};
    case Stage::kLoss:
      return {{kForward, 2}};
    case Stage::kHadamard:
      return {{kBackward, 1}, {kBackward, 0}};
  }
  return {};
}

void set_size(std::size_t number, node::InjectSpec& spec) {
  constexpr std::array<double, 4> kTimes = {20, 50, 200, 1000}, kFactors = {-1, 0.5, 10, 1000};
  const std::size_t turn = number / kSmallPeers % 4;
  if (spec.model == FaultModel::kKBits) spec.bits = 2 + turn;
  if (spec.model == FaultModel::kFloor) spec.times = kTimes[turn];
  if (spec.model == FaultModel::kScale) spec.factor = kFactors[turn];
  if (spec.model == FaultModel::kCorrelated) spec.proportional = turn % 2 == 1;
}

}  // namespace

std::vector<StageCell> stage_cells() {
  std::vector<StageCell> cells;
  for (int s = 0; s < codes::kStageCount; ++s)
    for (const node::FaultModelEntry& entry : node::fault_models()) {
      const StageCell cell{static_cast<Stage>(s), entry.model};
      const bool has_floor = cell.stage == Stage::kEncode || cell.stage == Stage::kProduct;
      if (entry.model != FaultModel::kFloor || has_floor) cells.push_back(cell);
    }
  return cells;
}

node::InjectSpec placed(const StageCell& cell, std::size_t number, std::uint64_t step) {
  const std::vector<Point> points = points_of(cell.stage);
  const Point point = points[number % points.size()];
  node::InjectSpec spec;
  spec.stage = cell.stage;
  spec.model = cell.model;
  spec.first_step = spec.last_step = step;
  // A stride that is prime to the number of points, and a shift with each turn: all peers meet all points.
  const auto peer = static_cast<std::int64_t>((7 * number + number / kSmallPeers) % kSmallPeers);
  spec.peers = {peer};
  if (cell.model == FaultModel::kCorrelated) spec.peers.push_back((peer + 3) % kSmallPeers);
  if (cell.stage == Stage::kContribution) {
    spec.slot = dnn::training_slot(kSmallLayers, point.layer, point.pass);
  } else {
    spec.layer = point.layer;
    const bool has_pass =
        cell.stage == Stage::kEncode || cell.stage == Stage::kProduct || cell.stage == Stage::kDecode;
    if (has_pass) spec.pass = point.pass;
  }
  set_size(number, spec);
  return spec;
}

}  // namespace polydot::bench
