#include "node/faults/fault_places.h"

#include <algorithm>

#include <fmt/format.h>

#include "dnn/coded/training_program.h"

namespace polydot::node {
namespace {

using codes::Index;
using codes::PassKind;
using codes::Shape;
using codes::Stage;

class Places {
 public:
  Places(const codes::ProductCode& code, const dnn::TrainingPlan& plan, Index samples)
      : code_(code), plan_(plan), layers_(plan.network.layers()), batch_(std::min(plan.batch, samples)) {}

  std::vector<FaultPlace> all() {
    const auto count = static_cast<Index>(layers_.size());
    add(Stage::kBatch, PassKind::kForward, 0, 0, {layers_.front().inputs, batch_});
    for (Index l = 0; l < count; ++l) {
      const Index outputs = layers_[static_cast<std::size_t>(l)].outputs;
      add_shards(l);
      add_round(PassKind::kForward, l);
      add(Stage::kDecode, PassKind::kForward, l, l, {outputs, batch_});
      if (has_activation(l)) {
        add(Stage::kActivation, PassKind::kForward, l, l, {outputs, batch_});
        // Delta of this layer, made from the product of the next one's backward pass, or from the loss.
        const bool last = l + 1 == count;
        add(Stage::kHadamard, last ? PassKind::kForward : PassKind::kBackward, last ? l : l + 1, l,
            {outputs, batch_});
      }
      if (l + 1 == count) add(Stage::kLoss, PassKind::kForward, l, l, {outputs, batch_});
      if (l == 0) continue;
      add_round(PassKind::kBackward, l);
      add(Stage::kDecode, PassKind::kBackward, l, l,
          {layers_[static_cast<std::size_t>(l)].inputs + 1, batch_});
    }
    return std::move(places_);
  }

 private:
  // round: the layer whose product it hangs on.
  void add(Stage stage, PassKind pass, Index round, Index layer, Shape shape) {
    const auto count = static_cast<Index>(layers_.size());
    places_.push_back({stage, layer, pass, dnn::training_slot(count, round, pass), shape});
  }

  Shape weights_of(Index layer) const {
    const dnn::Dense& dense = layers_[static_cast<std::size_t>(layer)];
    return {dense.outputs, dense.inputs + 1};
  }

  void add_shards(Index layer) {
    const Shape weights = weights_of(layer);
    for (std::size_t s = 0; s < code_.shards.size(); ++s) {
      const Shape shard = codes::shard_shape(code_.shards[s], weights.rows, weights.cols);
      for (const Stage stage : {Stage::kWeights, Stage::kOptimizer, Stage::kUpdate})
        if (stage != Stage::kOptimizer || plan_.optimizer.momentum > 0)
          add(stage, PassKind::kForward, layer, layer, shard);
    }
  }

  void add_round(PassKind kind, Index layer) {
    constexpr Index kMostScrubs = 2;
    const codes::Pass& pass = code_.pass(kind);
    const Shape weights = weights_of(layer);
    const Shape shard =
        codes::shard_shape(code_.shards[static_cast<std::size_t>(pass.shard)], weights.rows, weights.cols);
    const Shape payload = codes::contribution_shape(code_, pass, weights, batch_);
    add(Stage::kEncode, kind, layer, layer, {pass.transposed ? shard.rows : shard.cols, payload.cols});
    add(Stage::kProduct, kind, layer, layer, payload);
    // It knows its slot only.
    places_.push_back({Stage::kContribution,
                       0,
                       PassKind::kForward,
                       places_.back().slot,
                       {payload.rows, payload.cols + kMostScrubs}});
  }

  bool has_activation(Index layer) const {
    Index dense = -1;
    for (const dnn::Operation& operation : plan_.network.operations)
      if (std::holds_alternative<dnn::Dense>(operation))
        ++dense;
      else if (dense == layer)
        return true;
    return false;
  }

  const codes::ProductCode& code_;
  const dnn::TrainingPlan& plan_;
  std::vector<dnn::Dense> layers_;
  Index batch_;
  std::vector<FaultPlace> places_;
};

// Keeps the places that pass; none left: says what would.
template <typename Passes>
bool narrow(std::vector<FaultPlace>& places, const Passes& passes) {
  std::erase_if(places, [&](const FaultPlace& place) { return !passes(place); });
  return !places.empty();
}

template <typename Value>
std::string list_of(const std::vector<FaultPlace>& places, Value FaultPlace::*value) {
  std::vector<Value> all;
  for (const FaultPlace& place : places) all.push_back(place.*value);
  std::sort(all.begin(), all.end());
  all.erase(std::unique(all.begin(), all.end()), all.end());
  return fmt::format("{}", fmt::join(all, ", "));
}

Index most(const std::vector<FaultPlace>& places, Index Shape::*side) {
  Index greatest = 0;
  for (const FaultPlace& place : places) greatest = std::max(greatest, place.shape.*side);
  return greatest;
}

// What is wrong; empty: nothing.
std::string why_never(const InjectSpec& spec, std::vector<FaultPlace> places, std::uint64_t steps) {
  const std::uint64_t first = spec.first_step.value_or(0);
  if (first >= steps) return fmt::format("the run ends before step {}: its last is {}", first, steps - 1);
  if (spec.model == FaultModel::kStale && spec.last_step == 0u) return "there is no step before step 0";
  const std::string_view stage = name_of(spec.stage);
  if (!narrow(places, [&](const FaultPlace& place) { return place.stage == spec.stage; }))
    return fmt::format("there is no {} in this run ({})", stage,
                       spec.stage == Stage::kOptimizer ? "momentum is 0" : "no layer has an activation");
  std::vector<FaultPlace> before = places;
  if (spec.layer && !narrow(places, [&](const FaultPlace& place) { return place.layer == *spec.layer; }))
    return fmt::format("{} has no layer {}, only {}", stage, *spec.layer,
                       list_of(before, &FaultPlace::layer));
  if (spec.pass && !narrow(places, [&](const FaultPlace& place) { return place.pass == *spec.pass; }))
    return fmt::format("there is no such pass: nothing is passed back through layer 0");
  before = places;
  if (spec.slot && !narrow(places, [&](const FaultPlace& place) { return place.slot == *spec.slot; }))
    return fmt::format("{} has no slot {} there, only {}", stage, *spec.slot,
                       list_of(before, &FaultPlace::slot));
  const Index rows = most(places, &Shape::rows), cols = most(places, &Shape::cols);
  if (spec.row && *spec.row >= rows)
    return fmt::format("there is no row {}, only 0 to {}", *spec.row, rows - 1);
  if (spec.col && *spec.col >= cols)
    return fmt::format("there is no column {}, only 0 to {}", *spec.col, cols - 1);
  if (!narrow(places, [&](const FaultPlace& place) {
        return spec.row.value_or(0) < place.shape.rows && spec.col.value_or(0) < place.shape.cols;
      }))
    return "no buffer there has that row and that column";
  return "";
}

}  // namespace

std::vector<FaultPlace> fault_places(const codes::ProductCode& code, const dnn::TrainingPlan& plan,
                                     Index samples) {
  return Places(code, plan, samples).all();
}

Outcome check_can_strike(const std::vector<InjectSpec>& specs, const codes::ProductCode& code,
                         const dnn::TrainingPlan& plan, Index samples) {
  const std::vector<FaultPlace> places = fault_places(code, plan, samples);
  for (const InjectSpec& spec : specs)
    if (const std::string why = why_never(spec, places, plan.total_steps); !why.empty())
      return usage_failure(fmt::format("{}: it can never strike: {}", to_text(spec), why));
  return Unit{};
}

}  // namespace polydot::node
