// Whoever does all this to the cluster: at drawn times it clogs and cuts links, kills, freezes and restarts
// peers, breaks disks and sets clocks, within the scenario's budget, and heals everything when it is told to.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "tools/simulator/draw.h"
#include "tools/simulator/fault_kinds.h"
#include "tools/simulator/scenario.h"
#include "tools/simulator/sim_cluster.h"

namespace polydot::simulator {

struct NemesisHooks {
  std::function<void(const std::string&)> on_line;  // for the log
  std::function<void(int)> on_crash, on_restart;
};

class Nemesis {
 public:
  // Both outlive this. Nothing happens before start().
  Nemesis(const Scenario& scenario, SimCluster& cluster, NemesisHooks hooks);

  void start();
  // From now on nothing more happens; everybody is up, every link and disk works.
  void heal();
  bool has_healed() const { return healed_; }

  const FaultTally& tally() const { return tally_; }
  // Whether this peer was ever taken out of order by anything but the network.
  bool was_touched(int peer) const { return touched_[static_cast<std::size_t>(peer)]; }
  // Now: down, frozen, cut off or the like.
  bool is_impaired(int peer) const;

 private:
  void schedule_next();
  void strike();
  FaultKind draw_kind();
  // Outages end by themselves: one at a time for each peer.
  void clog();
  void partition(bool one_way);
  void crash(FaultKind kind, int peer);
  void go_down(int peer, bool keep_disk);
  void come_back(int peer);
  void disk_trouble(int peer);
  void freeze(int peer);
  void jump_clock(int peer);
  void kill_all();
  void second_process();

  // How many peers more may be impaired now; a blackout allows more, for a short while.
  int room(bool blackout) const;
  // Those with a vote stay a majority without this disk: fewer could not decide anything (ASSUMPTIONS.md).
  bool may_lose_disk(int peer) const;
  void impair(int peer, std::int64_t until_ms);
  int draw_well_peer();  // -1: all are impaired
  std::int64_t draw_outage_ms(bool blackout);
  void say(const std::string& text) { hooks_.on_line(text); }
  void later(std::int64_t delay_ms, std::function<void()> action);

  const Scenario& scenario_;
  SimCluster& cluster_;
  NemesisHooks hooks_;
  Draw draw_;
  FaultTally tally_;
  bool healed_ = false;
  std::vector<std::int64_t> impaired_until_ms_;  // by peer
  std::vector<std::uint64_t> torn_before_;       // crashes that tore something
  std::vector<bool> down_, touched_;
};

}  // namespace polydot::simulator
