// From the configuration to what the rooms below take.
#pragma once

#include "dnn/optimizers/training_plan.h"
#include "node/config/config.h"

namespace polydot::node {

// inputs, outputs: features and classes of the data.
Result<dnn::NetworkSpec> network_of(const SharedConfig& shared, dnn::Index inputs, dnn::Index outputs);

// The network, optimiser and length of the run that a valid configuration describes for this data.
Result<dnn::TrainingPlan> plan_of(const SharedConfig& shared, const dnn::Dataset& train,
                                  const dnn::Dataset& test);

}  // namespace polydot::node
