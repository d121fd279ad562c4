// Where and when faults can strike in a run: each buffer that a training step shows to a tap, with its shape.
// What can never strike is refused before anything starts.
#pragma once

#include <vector>

#include "codes/base/fault_tap.h"
#include "codes/base/product_code.h"
#include "codes/base/result.h"
#include "dnn/optimizers/training_plan.h"
#include "node/config/inject_spec.h"

namespace polydot::node {

struct FaultPlace {
  codes::Stage stage = codes::Stage::kProduct;
  codes::Index layer = 0;
  codes::PassKind pass = codes::PassKind::kForward;
  std::uint32_t slot = 0;
  codes::Shape shape;  // the largest that comes by there
};

// samples: of the training part.
std::vector<FaultPlace> fault_places(const codes::ProductCode& code, const dnn::TrainingPlan& plan,
                                     codes::Index samples);

// Failure: kUsage, names the fault, what is wrong in it, and what there is.
Outcome check_can_strike(const std::vector<InjectSpec>& specs, const codes::ProductCode& code,
                         const dnn::TrainingPlan& plan, codes::Index samples);

}  // namespace polydot::node
