// Which training rounds a peer has judged, and whose contributions it had: for the score (run_score.h) the
// truth about who could see what. A line for each set of contributions that a slot had, with the steps in
// which it had it:
//
//   {"slot":S,"epoch":E,"attempt":N,"delivered":true,"missing":[..],"steps":[[first,last],..]}
//
// delivered: false if it was judged in vain, and computed again or left. missing: whose contribution was not
// there or, in quarantine, not used.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "codes/base/peer_set.h"
#include "codes/base/result.h"
#include "node/files/record_file.h"
#include "protocol/health/status.h"

namespace polydot::node {

// No line of a record of rounds or findings crosses a multiple of so many steps: what is kept in memory, and
// what a peer that is killed had not written yet, is bounded.
inline constexpr std::uint64_t kStepsOfALine = 256;

class RoundBook {
 public:
  // path: JSON lines; empty: none is kept. Failure: kData.
  Outcome open(const std::string& path, Records records, int peers);
  void on_round(const protocol::RoundReport& report);
  // Writes what does not go on, now that this step begins: of which slots.
  std::set<std::uint32_t> begin_step(std::uint32_t epoch, std::uint64_t step);
  // Writes what is open of this slot.
  void write_slot(std::uint32_t slot);
  // Writes what is still open.
  void close();

 private:
  struct Line {
    codes::PeerSet missing;
    std::vector<std::pair<std::uint64_t, std::uint64_t>> steps;  // ranges, both ends in them, in order
  };
  using Kind = std::tuple<std::uint32_t, std::uint32_t, bool>;  // epoch, attempt, delivered
  using Slot = std::map<Kind, std::vector<Line>>;
  void write(std::uint32_t slot, const Slot& lines);

  RecordFile file_;
  codes::PeerSet everybody_;
  std::map<std::uint32_t, Slot> open_;
  std::uint32_t epoch_ = 0;
  std::uint64_t step_ = 0;
};

}  // namespace polydot::node
