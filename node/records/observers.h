// What each peer of a run saw, from the records of its rounds and findings: whose contributions it had, and
// whom it located. Reads files only.
#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "codes/base/peer_set.h"
#include "node/records/fault_truth.h"

namespace polydot::node {

// What one peer did with a round: of all its attempts there.
struct JudgedRound {
  std::uint32_t attempt = 0;
  bool delivered = false;  // false: in vain
  codes::PeerSet missing;
};

struct LocatedPeer {
  int layer = 0;
  bool corrected = true;
  std::set<std::uint32_t> attempts;  // in which it was located
};

class Observer {
 public:
  // From the folder of this peer. May throw nlohmann::json::exception: a damaged record.
  explicit Observer(const std::string& folder);

  std::vector<JudgedRound> judged(const RoundPlace& place) const;
  // Whether it judged this round under a later epoch, after all had gone back.
  bool judged_later(const RoundPlace& place) const;
  // Whether it had not all contributions in a round of this step.
  bool lacked_any(std::uint32_t epoch, std::uint64_t step) const;
  bool located(int peer, const RoundPlace& place, std::uint32_t attempt) const;

  using Located = std::map<std::pair<RoundPlace, int>, LocatedPeer>;
  const Located& all_located() const { return located_; }
  // Of damaged frames: (step, slot, peer).
  const std::vector<std::tuple<std::uint64_t, std::uint32_t, int>>& by_checksum() const {
    return by_checksum_;
  }

 private:
  struct Line {
    std::uint64_t first_step = 0, last_step = 0;
    std::uint32_t epoch = 0;
    JudgedRound round;
  };
  void read_rounds(const nlohmann::json& line);
  void read_finding(const nlohmann::json& line);
  const std::vector<Line>& lines_of(const RoundPlace& place) const;

  std::map<std::uint32_t, std::map<std::uint64_t, std::vector<Line>>> lines_;  // by slot, kStepsOfALine
  Located located_;
  std::vector<std::tuple<std::uint64_t, std::uint32_t, int>> by_checksum_;
};

}  // namespace polydot::node
