// Trains the reference network by a plan: the uncoded run with the same seed that a coded run is compared
// with.
#pragma once

#include "dnn/optimizers/training_plan.h"
#include "dnn/reference/reference.h"

namespace polydot::dnn {

// Runs plan.total_steps steps and the plan's evaluations; returns the trained network. `observer` may be
// null. Precondition: validate(plan, train, test). Instantiated for float and double.
template <typename Scalar>
Reference<Scalar> train_reference(const TrainingPlan& plan, const Dataset& train, const Dataset& test,
                                  TrainingObserver* observer);

}  // namespace polydot::dnn
