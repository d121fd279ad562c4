// The injector: a FaultTap that does damage on purpose, in the victim's own process, on the live buffer that
// the next stage reads, and tells the truth about it (node/faults/injection.h,
// node/faults/injection_judge.h).
//
// What a spec does at a place and time is a function of the seed, the peer, the spec's own text, the place
// and the step, and of nothing else that happens. A fault that is not sticky strikes once: not when a round
// is computed again, nor a step after a rollback, nor in another life of the peer.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "codes/base/fault_tap.h"
#include "codes/base/result.h"
#include "node/config/inject_spec.h"
#include "node/faults/injection.h"
#include "node/faults/injection_judge.h"
#include "node/faults/injection_log.h"

namespace polydot::node {

class Injector : public codes::FaultTap {
 public:
  // path: of the log; empty: none is kept. steps_before: done in earlier lives, whose faults have struck.
  // Failure: kData, the log cannot be written.
  static Result<std::unique_ptr<Injector>> make(std::vector<InjectSpec> specs, std::uint64_t seed, int self,
                                                const std::string& path,
                                                Records records = Records::kBeginAnew,
                                                std::uint64_t steps_before = 0);
  ~Injector() override;

  // From the next visit on.
  void add(const InjectSpec& spec);

  bool aims_at(std::uint64_t step, codes::Stage stage) const override;
  void visit(const codes::TapPoint& point, Eigen::Ref<codes::Matrix> live) override;
  void led_to(const codes::TapPoint& point, const codes::Matrix& clean, const codes::Matrix& faulty) override;
  // All so far that changed something, in order; the latest may still lack their class.
  const std::vector<Injection>& injections() const { return injections_; }

 private:
  // Where a buffer is, within a step: stage, slot, pass, layer, shard.
  using Place = std::tuple<codes::Stage, std::uint32_t, codes::PassKind, codes::Index, codes::Index>;
  struct Armed {
    InjectSpec spec;
    std::uint64_t key = 0;  // tells its draws from those of other specs
  };
  struct Kept {
    std::uint64_t step = 0, earlier_step = 0;
    codes::Matrix now, earlier;
  };

  Injector(std::uint64_t seed, int self);
  void inject(const codes::TapPoint& point, const Armed& armed, const Place& place,
              Eigen::Ref<codes::Matrix> live);
  void keep(const codes::TapPoint& point, const Place& place, const Eigen::Ref<codes::Matrix>& live);

  std::uint64_t seed_;
  int self_;
  InjectionLog log_;
  InjectionJudge judge_;
  std::vector<Armed> armed_;  // those that concern this peer
  std::map<std::string, std::uint64_t> copies_;
  std::vector<Injection> injections_;
  std::uint64_t step_ = 0, trained_step_ = 0;          // of the last visit, and of the last in training
  std::uint64_t replayed_to_ = 0;                      // steps below have been visited before
  std::set<std::pair<Place, std::uint32_t>> visited_;  // with the attempt, of this step
  std::map<Place, Kept> kept_;                         // for stale buffers
};

}  // namespace polydot::node
