#include "dnn/optimizers/optimizer.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <string>

#include "codes/base/check.h"
#include "dnn/operations/names.h"

namespace polydot::dnn {
namespace {

constexpr NameTable<Schedule, 3> kNames = {
    {{"constant", Schedule::kConstant}, {"step", Schedule::kStep}, {"cosine", Schedule::kCosine}}};

}  // namespace

Result<Schedule> parse_schedule(std::string_view name) { return parse_name(kNames, "schedule", name); }
std::string_view schedule_name(Schedule schedule) { return name_in(kNames, schedule); }

Outcome validate(const OptimizerOptions& options) {
  const auto refuse = [](const std::string& what, double got, const std::string& range) {
    return usage_failure(what + " is " + std::to_string(got) + ": it must be " + range);
  };
  // Written so that NaN is refused as well.
  if (!(options.learning_rate > 0 && std::isfinite(options.learning_rate)))
    return refuse("the learning rate", options.learning_rate, "positive");
  if (!(options.momentum >= 0 && options.momentum < 1))
    return refuse("the momentum", options.momentum, "at least 0 and below 1");
  if (!(options.weight_decay >= 0 && std::isfinite(options.weight_decay)))
    return refuse("the weight decay", options.weight_decay, "0 or positive");
  if (!(options.clip_norm >= 0 && std::isfinite(options.clip_norm)))
    return refuse("the clip norm", options.clip_norm, "0 (off) or positive");
  if (options.schedule == Schedule::kStep) {
    if (options.step_size == 0) return usage_failure("the step size of schedule 'step' must be at least 1");
    if (!(options.gamma > 0 && options.gamma <= 1))
      return refuse("gamma", options.gamma, "above 0 and at most 1");
  }
  if (options.schedule == Schedule::kCosine && options.total_steps <= options.warmup_steps)
    return usage_failure("schedule 'cosine' has " + std::to_string(options.total_steps) + " steps in all, " +
                         std::to_string(options.warmup_steps) + " of them warm-up: more must follow");
  return Unit{};
}

double learning_rate(const OptimizerOptions& options, std::uint64_t step) {
  if (step < options.warmup_steps)
    return options.learning_rate * static_cast<double>(step + 1) / static_cast<double>(options.warmup_steps);
  const std::uint64_t after = step - options.warmup_steps;
  switch (options.schedule) {
    case Schedule::kConstant:
      return options.learning_rate;
    case Schedule::kStep:
      return options.learning_rate * std::pow(options.gamma, static_cast<double>(after / options.step_size));
    case Schedule::kCosine: {
      const double length = static_cast<double>(options.total_steps - options.warmup_steps);
      const double progress = std::min(1.0, static_cast<double>(after) / length);
      return options.learning_rate * 0.5 * (1 + std::cos(std::numbers::pi * progress));
    }
  }
  POLYDOT_CHECK(false);
  return 0;
}

UpdateTerms update_terms(const OptimizerOptions& options, std::uint64_t step, double clip_factor) {
  return {learning_rate(options, step), options.momentum, options.weight_decay, clip_factor};
}

double squared_gradient_norm(const Matrix& d, const Matrix& x) {
  POLYDOT_CHECK_EQ(d.cols(), x.cols());
  const Matrix dd = d.transpose() * d;
  const Matrix xx = x.transpose() * x;
  // trace(D^T D X^T X). Rounding can take a gradient of nearly zero below it; NaN must stay NaN.
  const double sum = dd.cast<double>().cwiseProduct(xx.cast<double>()).sum();
  return sum < 0 ? 0 : sum;
}

double clip_factor(double clip_norm, double gradient_norm) {
  if (clip_norm <= 0) return 1;
  return gradient_norm <= clip_norm ? 1 : clip_norm / gradient_norm;
}

}  // namespace polydot::dnn
