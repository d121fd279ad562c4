#include "tools/certify.h"

#include <future>

#include "dnn/reference/reference_training.h"
#include "node/config/config_agreement.h"
#include "node/data/dataset_loader.h"
#include "node/model/decoded_model.h"
#include "node/model/model_file.h"
#include "node/model/plan_of.h"

namespace polydot::tools {

Result<node::Certificate> certify_run(const node::Config& config, const std::string& run,
                                      const node::RunSummary& summary) {
  if (summary.peers_finished == 0) return node::no_certificate("the run did not finish");
  auto data = node::load_data(config);
  if (!data) return data.failure();
  auto plan = node::plan_of(config.shared, data->train, data->test);
  if (!plan) return plan.failure();
  auto code = node::configured_code(config.shared);
  if (!code) return code.failure();
  const auto model = node::decode_run(*code, plan->network, node::plan_digest(config, data->digest), run);
  if (!model) return node::no_certificate(model.failure().message);

  plan->evaluate_each_epoch = false;
  auto in_double = std::async(std::launch::async, [&] {
    return dnn::train_reference<double>(*plan, data->train, data->test, nullptr).weights();
  });
  node::CertifiedWeights weights;
  weights.decoded = model->weights;
  weights.start = dnn::initial_weights(plan->network, plan->seed);
  weights.twin = dnn::train_reference<float>(*plan, data->train, data->test, nullptr).weights();
  weights.twin_in_double = in_double.get();
  const node::FaultCounts& faults = summary.faults;
  node::CertifiedRun certified;
  certified.finished = model->id.boundary == plan->total_steps;
  certified.refused = faults.refused;
  certified.injected = !config.local.inject.empty() || !config.local.campaign.empty();
  certified.struck = faults.above_floor + faults.erasures;
  certified.loss = node::evaluate(plan->network, weights.decoded, data->test).mean;
  certified.twin_loss = node::evaluate(plan->network, weights.twin, data->test).mean;
  certified.equal_predictions =
      node::equal_predictions(plan->network, weights.decoded, weights.twin, data->test);
  return node::certify(certified, weights);
}

}  // namespace polydot::tools
