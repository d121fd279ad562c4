// What one simulated run is: drawn from its seed, and from nothing else. "Swarm testing": each run draws
// which kinds of fault it meets, and how often, so that few runs are alike (Groce, Zhang, Eide, Chen, Regehr,
// "Swarm testing", ISSTA 2012).
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "codes/base/result.h"
#include "codes/families/factories.h"
#include "dnn/data/dataset.h"
#include "dnn/optimizers/training_plan.h"
#include "tools/simulator/fault_kinds.h"
#include "tools/simulator/nonsense_peer.h"
#include "tools/simulator/sim_cluster.h"

namespace polydot::simulator {

// Which kinds of fault runs draw from.
enum class FaultProfile {
  kNone,      // delays only
  kNetwork,   // what happens to frames and links
  kSoft,      // soft errors
  kProcess,   // crashes, disks, freezes, clocks
  kSwarm,     // all of these
  kNonsense,  // one of eight peers (or so many as asked for) talks nonsense; others may crash, or all have to
              // go back
};
// By name: none, network, soft, process, swarm, nonsense. Failure: kUsage.
Result<FaultProfile> parse_fault_profile(const std::string& name);
const char* name_of(FaultProfile profile);

struct CodeChoice {
  std::string name;  // polydot, mds, replication
  codes::Grid grid;
};

struct ScenarioOptions {
  std::uint64_t seed = 1;
  std::optional<int> peers;        // none: drawn, 6 to 24
  std::optional<CodeChoice> code;  // none: drawn
  std::uint64_t steps = 300;
  FaultProfile profile = FaultProfile::kSwarm;
  // Layers and batches that fill the kernels of large products (codes/kernels/shard_kernel.h), as those of
  // users do; else they are so small that what does not fit those kernels runs.
  bool wide = false;
};

struct Scenario {
  ScenarioOptions options;
  ClusterOptions cluster;
  std::string code_name;
  codes::Grid grid;
  std::shared_ptr<const dnn::Dataset> train, test;

  // Something happens to links, peers, disks every so often (virtual, exponential); 0: never. Of what:
  // weights.
  double event_interval_ms = 0.0;
  std::array<double, kFaultKinds> weights{};
  int most_impaired = 0;    // peers that are down, frozen, cut off or rebuilding at once
  double blackout = 0.0;    // probability that an event may take more peers than that, for a while
  double longest_ms = 0.0;  // of an outage
  std::vector<std::string> soft_errors;     // node/config/inject_spec.h
  bool beyond_budget = false;               // soft errors may be more than the code corrects at once
  std::uint64_t heal_step = 0;              // when somebody has done so many steps, all faults end
  std::optional<NonsenseOptions> nonsense;  // of one peer, from some time to the end
  std::int64_t nonsense_from_ms = 0;

  int peers() const { return static_cast<int>(cluster.code.peers()); }
  int needed(codes::PassKind pass) const;  // contributions without which no round may be committed
};

// options: with a code that is possible.
Scenario draw_scenario(const ScenarioOptions& options);
// Failure: kUsage, with this code and (of drawn ones: any) number of peers the worst sets of contributions
// that a round may have to do with decode badly.
Outcome check_code(const ScenarioOptions& options);
// A few lines, for the log.
std::string to_text(const Scenario& scenario);

}  // namespace polydot::simulator
