// Which training rounds a peer has judged, and whose contributions it had: for the score (run_score.h) the
// truth about who could see what. A line for each run of steps in which nothing changed:
//
//   {"slot":S,"first_step":A,"last_step":B,"epoch":E,"attempt":N,"delivered":true,"missing":[..]}
//
// delivered: false if it was judged in vain, and computed again or left. missing: whose contribution was not
// there or, in quarantine, not used.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <tuple>

#include "codes/peer_set.h"
#include "codes/result.h"
#include "node/record_file.h"
#include "protocol/status.h"

namespace polydot::node {

// No line of a record of rounds or findings crosses a multiple of so many steps: what a peer that is killed
// had not written yet ends both alike.
inline constexpr std::uint64_t kStepsOfALine = 256;

class RoundBook {
 public:
  // path: JSON lines; empty: none is kept. Failure: kData.
  Outcome open(const std::string& path, Records records, int peers);
  void on_round(const protocol::RoundReport& report);
  // Writes what is still open.
  void close();

 private:
  struct Line {
    std::uint64_t first_step = 0, last_step = 0;
    codes::PeerSet missing;
  };
  using Kind =
      std::tuple<std::uint32_t, std::uint32_t, std::uint32_t, bool>;  // slot, epoch, attempt, delivered
  void begin_step(std::uint64_t step);
  void write(const Kind& kind, const Line& line);

  RecordFile file_;
  codes::PeerSet everybody_;
  std::map<Kind, Line> open_;
  std::uint64_t step_ = 0;
};

}  // namespace polydot::node
