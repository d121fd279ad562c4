// Counts what one peer says in a run in which nothing is wrong, and follows its noise floors.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "protocol/health/status.h"
#include "protocol/rounds/floors.h"

namespace polydot::bench {

// Median floors after so many steps, the highest of all layers: by "forward", "backward", "weights",
// "momentum".
struct FloorSample {
  std::uint64_t steps = 0;
  std::map<std::string, double> medians;
};

// The highest median of each kind of round; evaluations left out.
std::map<std::string, double> highest_floors(const protocol::Floors& floors);

class CleanWatch : public protocol::PeerObserver {
 public:
  // floors: of the peer, read every `every` steps.
  CleanWatch(std::uint64_t every, std::function<const protocol::Floors&()> floors)
      : every_(every), floors_(std::move(floors)) {}
  void on_round(const protocol::RoundReport& report) override;
  void on_event(const protocol::PeerEvent& event) override;

  std::uint64_t rounds = 0;           // of training, delivered
  std::uint64_t blamed = 0;           // peers, in products and scrubs
  std::uint64_t noise_rounds = 0;     // something above the floor, nobody blamed
  std::uint64_t unexplained = 0;      // rounds that were not checked at once
  std::uint64_t complete_rounds = 0;  // with everybody's contribution
  std::uint64_t repairs = 0;          // and rebuilds
  std::vector<FloorSample> samples;
  std::vector<std::string> remarks;  // on the first few blames

 private:
  void blame(const protocol::RoundReport& report, const char* part, const codes::RoundVerdict& verdict);

  std::uint64_t every_;
  std::function<const protocol::Floors&()> floors_;
  std::uint64_t sampled_ = 0;
};

}  // namespace polydot::bench
