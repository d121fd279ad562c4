// The cells of the table stage x model, and where in a run each of their injections is put.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "node/config/inject_spec.h"

namespace polydot::bench {

struct StageCell {
  codes::Stage stage = codes::Stage::kProduct;
  node::FaultModel model = node::FaultModel::kBitFlip;
};

// All that mean something: a multiple of the noise floor only where a floor is published.
std::vector<StageCell> stage_cells();

// Where injections may be put: a training of so many peers and layers.
struct StagePlaces {
  int peers = 10;
  codes::Index layers = 3;
};

// The `number`-th injection of a cell: surely, in this step only. Peers, layers and passes take turns, and
// where a model has a size, sizes do.
node::InjectSpec placed(const StageCell& cell, std::size_t number, std::uint64_t step,
                        const StagePlaces& places = {});

}  // namespace polydot::bench
