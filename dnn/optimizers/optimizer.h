// Stochastic gradient descent: momentum, weight decay, learning-rate schedules, clipping by global norm.
//
//   v <- mu v + c g + wd W,   W <- W - lr v       (PyTorch's form, no dampening)
//
// All of it is linear in W, v and g = D X^T, so it commutes with the code: the shards are updated by the same
// formula. D: N_out x batch, the gradient of the mean loss at the layer's outputs; X: (N_in + 1) x batch, its
// inputs with the row of ones.
#pragma once

#include <cstdint>
#include <string_view>

#include "codes/base/result.h"
#include "dnn/operations/tensor.h"

namespace polydot::dnn {

enum class Schedule {
  kConstant,
  kStep,    // times gamma every step_size steps
  kCosine,  // half a cosine from learning_rate to 0 at total_steps
};

// By name: constant, step, cosine.
Result<Schedule> parse_schedule(std::string_view name);
std::string_view schedule_name(Schedule schedule);

struct OptimizerOptions {
  double learning_rate = 0.01;
  double momentum = 0.9;    // mu, in [0, 1); 0 stores no velocity
  double weight_decay = 0;  // wd, biases included
  double clip_norm = 0;     // longest gradient over all layers; 0: no clipping
  Schedule schedule = Schedule::kConstant;
  std::uint64_t warmup_steps = 0;  // linear from learning_rate / warmup_steps; the schedule begins after them
  std::uint64_t step_size = 1000;  // of kStep
  double gamma = 0.1;              // of kStep
  std::uint64_t total_steps = 0;   // of kCosine; more than warmup_steps
};

Outcome validate(const OptimizerOptions& options);

// The rate of training step `step` (from 0). Pure.
double learning_rate(const OptimizerOptions& options, std::uint64_t step);

// What one update of every layer needs to know of its step.
struct UpdateTerms {
  double learning_rate = 0;
  double momentum = 0;
  double weight_decay = 0;
  double clip_factor = 1;  // c
};
UpdateTerms update_terms(const OptimizerOptions& options, std::uint64_t step, double clip_factor);

// ||D X^T||_F^2, from the batch x batch matrices D^T D and X^T X: no peer ever has D X^T whole.
double squared_gradient_norm(const Matrix& d, const Matrix& x);

// min(1, clip_norm / norm), 1 when clipping is off. Continuous: peers that agree up to rounding clip alike.
double clip_factor(double clip_norm, double gradient_norm);

}  // namespace polydot::dnn
