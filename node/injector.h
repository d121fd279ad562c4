// The injector: a FaultTap that flips bits on purpose, in the victim's own process, on the live buffer that
// the next stage reads, and tells the truth about it.
//
// Each injection is logged as a JSON line (peer, step, slot, stage, layer, pass, row, col, bit, before,
// after, class, size) in a file that nothing in the training path opens. The class comes from what was
// changed and from the published noise floor, never from what the locator finds:
//   above_floor  located for sure: its whitened size passes the locatable size of this peer
//   below_floor  smaller; may be seen, or be as harmless as rounding
//   masked       changed no value that anybody reads (a zero's sign, a weight that meets only zeros)
// A flipped weight is judged by what it does to the products of its own step.
#pragma once

#include <cstdint>
#include <fstream>
#include <memory>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "codes/fault_tap.h"
#include "codes/result.h"
#include "node/inject_spec.h"

namespace polydot::node {

enum class FaultClass { kMasked, kBelowFloor, kAboveFloor };
const char* name_of(FaultClass fault);

struct Injection {
  std::uint64_t step = 0;
  std::uint32_t slot = 0;
  codes::Stage stage = codes::Stage::kProduct;
  codes::Index layer = 0;
  codes::PassKind pass = codes::PassKind::kForward;
  codes::Index shard = 0, row = 0, col = 0;
  unsigned bit = 0;
  float before = 0, after = 0;
  FaultClass fault_class = FaultClass::kMasked;
  double size_over_floor = 0;  // whitened size of the wrong value over the alarm threshold
};

class Injector : public codes::FaultTap {
 public:
  // path: of the log, replaced; empty: none is kept. Failure: kData, the log cannot be written.
  static Result<std::unique_ptr<Injector>> make(std::vector<InjectSpec> specs, std::uint64_t seed, int self,
                                                const std::string& path);
  ~Injector() override;

  void visit(const codes::TapPoint& point, Eigen::Ref<codes::Matrix> live) override;
  // All so far, in order of injection; weights of the step at hand may still lack their class.
  const std::vector<Injection>& injections() const { return injections_; }

 private:
  Injector(std::vector<InjectSpec> specs, std::uint64_t seed, int self)
      : specs_(std::move(specs)), seed_(seed), self_(self) {}
  void flip(const codes::TapPoint& point, std::size_t spec, Eigen::Ref<codes::Matrix> live);
  void judge_weights(const codes::TapPoint& point, const Eigen::Ref<codes::Matrix>& operand);
  void settle_weights();
  void log(const Injection& injection);

  std::vector<InjectSpec> specs_;
  std::uint64_t seed_;
  int self_;
  std::ofstream file_;
  std::vector<Injection> injections_;
  std::vector<std::size_t> open_;  // flipped weights of the step at hand, not yet classified for good
  std::uint64_t step_ = 0;
  std::set<std::tuple<codes::Stage, std::uint32_t, codes::Index>>
      visited_;  // of this step: once, not again at a recomputation
};

}  // namespace polydot::node
