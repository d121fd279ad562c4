// Classifies injections by what they do to the products and scrubs that others check, in the victim's own
// process: from the change, the analytic noise floor, and nothing that a locator found or learned.
//
//   product                  at once, by the size of the change
//   encode                   at once: what the wrong operand adds to the product
//   contribution             at once: an erasure
//   weights, optimizer,      by the rounds of its layer that use the shard next, in this step (update: in the
//   update                   next): what it adds to their products, and to the scrub that rides on them
//   batch, decode,           by the next round of this step, if the change reached its operand; else, if it
//   activation, loss,        reached an updated shard, like an update; else it is masked
//   hadamard
//
// What no training round looks at any more, for the training ends before, is judged by the evaluation after
// it.
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include <Eigen/SparseCore>

#include "codes/base/fault_tap.h"
#include "node/config/fault_models.h"
#include "node/faults/injection.h"

namespace polydot::node {

class InjectionJudge {
 public:
  // settled: called for each injection once its class is final.
  InjectionJudge(int self, std::function<void(const Injection&)> settled)
      : self_(self), settled_(std::move(settled)) {}

  // Takes an injection into `all`, at `index`, that made `changes` of what is `live` now. `all` only grows.
  void take(std::vector<Injection>& all, std::size_t index, const codes::TapPoint& point,
            const std::vector<ElementChange>& changes, const Eigen::Ref<codes::Matrix>& live);
  void led_to(std::vector<Injection>& all, const codes::TapPoint& point, const codes::Matrix& clean,
              const codes::Matrix& faulty);
  // A round's coded operand, before any fault of its own.
  void look(std::vector<Injection>& all, const codes::TapPoint& point,
            const Eigen::Ref<codes::Matrix>& operand);
  // `step` begins: settles what only earlier steps could judge.
  void begin_step(std::vector<Injection>& all, std::uint64_t step);
  void settle_all(std::vector<Injection>& all);

  // The change of element (row, col) of the buffer at `point` that is as large as the analytic floor.
  // Precondition: point.floor, and at kEncode point.code and point.weights, are there.
  static double one_floor(const codes::TapPoint& point, codes::Index row, codes::Index col);

 private:
  struct Open;
  void settle(std::vector<Injection>& all, const Open& open) const;
  using Sparse = Eigen::SparseMatrix<double>;
  enum class Waits { kForOperand, kForShard };
  struct Open {
    std::size_t index = 0;
    Waits waits = Waits::kForShard;
    std::uint64_t judged_in = 0;             // step
    bool infinite = false;                   // changed to or from what is no number
    bool looked_at = false;                  // by a round or a scrub that it could show in
    std::optional<Injection> in_evaluation;  // as an evaluation would judge it
    bool by_shape = false;                   // a shard that led_to brought: of which index it does not say
    Sparse difference;                       // of the shard
    codes::Matrix operand;  // difference of the next operand, or of the updated shard; 0 x 0: none came
  };
  void judge_operand(Injection& injection, Open& open, const codes::TapPoint& point,
                     const Eigen::Ref<codes::Matrix>& operand) const;
  void judge_in_evaluation(const Injection& injection, Open& open, const codes::TapPoint& point,
                           const Eigen::Ref<codes::Matrix>& operand) const;
  void judge_shard(Injection& injection, Open& open, const codes::TapPoint& point,
                   const Eigen::Ref<codes::Matrix>& operand) const;

  int self_;
  std::function<void(const Injection&)> settled_;
  std::vector<Open> open_;
};

}  // namespace polydot::node
