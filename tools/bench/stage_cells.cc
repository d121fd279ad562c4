#include "tools/bench/stage_cells.h"

#include <array>

#include "dnn/coded/training_program.h"
#include "node/config/fault_models.h"
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

// Where a stage comes by in a step; the layer is the one that the tap is told.
std::vector<Point> points_of(Stage stage, codes::Index layers) {
  std::vector<Point> points;
  const auto forward = [&](codes::Index first, codes::Index end) {
    for (codes::Index layer = first; layer < end; ++layer) points.push_back({kForward, layer});
  };
  const auto backward = [&](codes::Index from, codes::Index to) {
    for (codes::Index layer = from; layer >= to; --layer) points.push_back({kBackward, layer});
  };
  switch (stage) {
    case Stage::kBatch:
      forward(0, 1);
      break;
    case Stage::kWeights:
    case Stage::kOptimizer:
    case Stage::kUpdate:
      forward(0, layers);
      break;
    case Stage::kEncode:
    case Stage::kProduct:
    case Stage::kContribution:
    case Stage::kDecode:
      forward(0, layers);
      backward(layers - 1, 1);
      break;
    case Stage::kActivation:
      forward(0, layers - 1);
      break;
    case Stage::kLoss:
      forward(layers - 1, layers);
      break;
    case Stage::kHadamard:
      backward(layers - 2, 0);
      break;
  }
  return points;
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

node::InjectSpec placed(const StageCell& cell, std::size_t number, std::uint64_t step,
                        const StagePlaces& places) {
  const std::vector<Point> points = points_of(cell.stage, places.layers);
  const Point point = points[number % points.size()];
  node::InjectSpec spec;
  spec.stage = cell.stage;
  spec.model = cell.model;
  spec.first_step = spec.last_step = step;
  // A stride that is prime to the number of points, and a shift with each turn: all peers meet all points.
  const auto peers = static_cast<std::size_t>(places.peers);
  const auto peer = static_cast<std::int64_t>((7 * number + number / peers) % peers);
  spec.peers = {peer};
  if (cell.model == FaultModel::kCorrelated) spec.peers.push_back((peer + 3) % places.peers);
  if (cell.stage == Stage::kContribution) {
    spec.slot = dnn::training_slot(places.layers, point.layer, point.pass);
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
