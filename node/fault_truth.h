// What was done to whom, from the injections and repairs that the peers of a run wrote down: which findings
// are right. Reads files only.
//
// A finding is of a peer at a place: a round, that is an epoch, a step and a slot (a layer and a pass). What
// was injected at that peer shows there
//   - if that is the round by which the injector judged it (injection_judge.h);
//   - if it was a wrong operand or gradient of the same step, in a later round of the layers that read it;
//   - if it stays in a shard of that layer, from the step in which it must show until that is put right: in
//     part or whole what is located for sure, whole what may be too small for that. A wrong operand gets into
//     the shards that are updated from it, unless its peer computed it again in that step.
// What is masked shows nowhere; what was done after the checksum is lost on the way, and no finding.
#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace polydot::node {

struct RoundPlace {
  std::uint64_t step = 0;
  std::uint32_t epoch = 0, slot = 0;
  friend auto operator<=>(const RoundPlace&, const RoundPlace&) = default;
};

struct InjectionRecord {
  int peer = 0;
  std::uint64_t step = 0;
  std::uint32_t slot = 0;
  std::string stage, fault;  // fault: the name of its class
  int layer = 0, found_layer = 0;
  RoundPlace shows_at;
  std::uint32_t attempt = 0;    // in which it must show ...
  bool in_any_attempt = false;  // ... or in all, for it is in a shard
};

enum class Explanation { kNone, kShowsThere, kStays };

class FaultTruth {
 public:
  // Of a run with so many peers. May throw nlohmann::json::exception: a damaged record.
  FaultTruth(const std::string& run, int peers);

  const std::vector<InjectionRecord>& injections() const { return injections_; }
  // Of a finding that names this peer. layer: of the round.
  Explanation explain(int peer, const RoundPlace& place, int layer) const;
  // Whether the shard that it is in was put right before it could show.
  bool was_mended_before(const InjectionRecord& injection) const;

 private:
  using Steps = std::set<std::uint64_t>;
  using PeerStep = std::pair<int, std::uint64_t>;
  using PeerLayer = std::pair<int, int>;
  void read_injection(int peer, const nlohmann::json& line);
  void read_repair(int peer, const nlohmann::json& line);
  void find_what_stays();

  std::vector<InjectionRecord> injections_;
  std::map<PeerStep, std::vector<std::size_t>>
      by_step_;                                    // injections: of their step, and where they must show
  std::map<PeerLayer, Steps> surely_, perhaps_;    // from when on something stays
  std::map<PeerLayer, Steps> repaired_, renewed_;  // in part or whole; whole
  std::set<PeerStep> recomputed_;                  // operands
};

}  // namespace polydot::node
