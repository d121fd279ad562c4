// What was done to whom, from the injections and repairs that the peers of a run wrote down: which findings
// are right. Reads files only.
//
// A finding is of a peer at a place: a round, that is an epoch, a step and a slot (a layer and a pass). What
// was injected at that peer shows there
//   - if that is the round by which the injector judged it (injection_judge.h);
//   - if it was a wrong operand or gradient of the same step, in a later round of the layers that read it;
//   - if it stays in a shard of that layer, from the step in which it must show until that very shard is
//     repaired, rebuilt or (what is not above the floor for sure) cleaned, or all go back behind its step. A
//     wrong operand gets into the shards that are updated from it, unless its peer computed it again in that
//     step.
// A repair in part may have been for another fault of that shard; then what is not above the floor may be
// there still: unclear. What is below the floor shows in the round by which it was judged and explains
// nothing later, whatever is found there. If the judge could not tell how large it is, or if it is larger
// than one rounding, that is no false alarm for certain either: unclear. What is masked shows nowhere; what
// was done after the checksum is lost on the way, and no finding.
#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <set>
#include <string>
#include <tuple>
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
  std::uint32_t attempt = 0;        // in which it must show ...
  bool in_any_attempt = false;      // ... or in all, for it is in a shard
  int shard = 0;                    // kAnyShard: in those that are updated from it
  double size_over_floor = 0.0;     // of analytic floors; 0: the judge could not tell
  int row = 0, col = 0, count = 0;  // the first changed element, and how many were
  // From the books of rounds (run_score.cc): the latest attempt in which the victim itself judged the round
  // in which it must show; whether somebody lacked a contribution in that step.
  std::optional<std::uint32_t> own_attempt;
  bool somebody_lacked_any = false;
};
inline constexpr int kAnyShard = -1;

// In this order.
enum class Explanation { kNone, kUnclear, kStays, kShowsThere };

class FaultTruth {
 public:
  // Of a run with so many peers. May throw nlohmann::json::exception: a damaged record.
  FaultTruth(const std::string& run, int peers);

  std::vector<InjectionRecord>& injections() { return injections_; }
  const std::vector<InjectionRecord>& injections() const { return injections_; }
  // Of a finding that names this peer. layer: of the round.
  Explanation explain(int peer, const RoundPlace& place, int layer) const;
  // Whether no other peer's contribution was wrong in the same entry, the value in which the peers' codeword
  // is decoded, or may have been: but for single wrong values of products nobody knows which entries those
  // are.
  bool is_alone(const InjectionRecord& injection) const;
  // Whether the shard that it is in was put right after it was struck and before it could show.
  bool was_mended_before(const InjectionRecord& injection) const;

 private:
  using Time = std::tuple<std::uint32_t, std::uint64_t, std::uint32_t>;  // epoch, step, slot
  using PeerStep = std::pair<int, std::uint64_t>;
  using PeerLayer = std::pair<int, int>;
  struct Repair {
    Time at;
    int shard = 0;
    bool in_part = false;   // repaired
    bool of_drift = false;  // cleaned
  };
  struct Rollback {
    std::uint32_t epoch = 0;  // that it began
    std::uint64_t boundary = 0;
  };
  struct Staying {
    Time first, last;
    Explanation as = Explanation::kNone;
  };
  static Time struck_at(const InjectionRecord& injection);
  void read_injection(int peer, const nlohmann::json& line);
  void read_repair(int peer, const nlohmann::json& line);
  void find_what_stays();
  Explanation lingers(int peer, const RoundPlace& place, int layer) const;
  void stays(const InjectionRecord& injection, int layer, Time first, Explanation as);
  Time end_of(const InjectionRecord& injection, int layer, bool in_part = true) const;
  bool was_for_another(const InjectionRecord& injection, int layer, Time repair) const;

  int peers_;
  std::vector<InjectionRecord> injections_;
  std::map<PeerStep, std::vector<std::size_t>>
      by_step_;  // injections: of their step, and where they must show
  std::map<PeerLayer, std::vector<Repair>> repairs_;
  std::map<int, std::vector<Rollback>> rollbacks_;
  std::map<PeerLayer, std::vector<Staying>> staying_;
  std::set<std::tuple<int, std::uint32_t, std::uint64_t>> recomputed_;  // operands: peer, epoch, step
};

}  // namespace polydot::node
