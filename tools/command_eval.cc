#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>

#include <fmt/format.h>

#include "node/data/dataset_loader.h"
#include "node/model/model_file.h"
#include "node/text/json_text.h"
#include "tools/commands.h"
#include "tools/exit_code.h"

namespace polydot::tools {

int run_eval(const EvalRequest& request) {
  const auto model = node::read_model(request.model);
  if (!model) return report(model.failure());
  const auto data = node::load_for_model(model->inputs, model->network.inputs, request.source);
  if (!data) return report(data.failure());
  const dnn::LossValue loss = node::evaluate(model->network, model->weights, *data);
  const double accuracy = static_cast<double>(loss.correct) / static_cast<double>(loss.samples);
  if (request.json) {
    nlohmann::ordered_json out;
    out["test_accuracy"] = accuracy;
    out["test_loss"] = std::isfinite(loss.mean) ? nlohmann::ordered_json(loss.mean) : nullptr;
    out["correct"] = loss.correct;
    out["samples"] = loss.samples;
    std::puts(node::to_text(out).c_str());
  } else {
    std::puts(fmt::format("{}: accuracy {:.2f} % ({} of {} test samples), loss {:.4f}", request.model,
                          100 * accuracy, loss.correct, loss.samples, loss.mean)
                  .c_str());
  }
  return kExitDone;
}

}  // namespace polydot::tools
