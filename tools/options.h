// The command line as values: what each command was asked to do. Flags of configuration fields come from the
// schema (node/config/config_schema.h); values are defaults < --config FILE < flags, settled and validated
// here.
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "codes/base/result.h"
#include "node/config/config.h"
#include "node/config/host_plan.h"
#include "node/inputs/data_source.h"
#include "tools/plan_search.h"
#include "tools/simulator/swarm.h"

namespace polydot::tools {

struct HelpRequest {
  std::string text;
};

struct TrainRequest {
  node::Config config;
  std::string resume;        // folder of a run that did not end, to go on with; empty: a new run
  bool force = false;        // an earlier run in the same folder is replaced
  bool if_possible = false;  // --resume-if-possible: a run that never began may be replaced
  bool respawn = false;      // peers that crash are started again
  bool detach = false;       // the peers go on without the launcher
  bool reference = false;    // also train the uncoded reference network, in the launcher, with the same seed
  bool profile = false;      // show where the time of a step went
  bool certify = false;      // also train the fault-free uncoded twins and compare the weights
};

struct PeerRequest {
  node::Config config;     // endpoints: one for each peer
  codes::Index index = 0;  // of this peer, 0 .. peers-1
  int listen_fd = -1;      // a listening socket inherited from the launcher; -1: none
};

struct PlanHardware {
  bool given = false;       // any of it on the command line
  codes::Index cores = 1;   // of each host
  double gflops = 0.0;      // of a core; 0: as measured or built in
  double memory_gb = 0.0;   // of each host; 0: not bounded
  double link_gbit = 0.0;   // of each host; 0: not given
  bool measure = false;     // the rates of this machine
  std::string calibration;  // file of rates; empty: none
};

struct PlanRequest {
  node::SharedConfig shared;  // code, grid, peers, hidden, batch and momentum count here
  codes::Index inputs = 784;
  codes::Index classes = 10;
  codes::Index hosts = 0;  // equal hosts that the peers are dealt to; 0: not asked for
  std::string matrices;    // write the code's matrices as JSON there; "-": stdout; empty: no
  bool force = false;      // replace existing files
  bool rank = false;       // plans that meet the wishes, instead of what one code can do
  Wishes wishes;
  PlanHardware hardware;
};

struct InitRequest {
  node::Config config;  // endpoints and cluster id are still to be filled in
  node::HostPlan plan;
  std::string out;
  bool force = false;  // replace an existing file
};

struct DataRequest {
  node::DataSource source;
  std::string out;        // folder; empty: only describe it
  bool describe = false;  // say how it is understood
  bool force = false;
};

struct ExportRequest {
  node::Config config;      // of the run
  std::string run;          // its folder
  std::string config_path;  // what `config` was read from
  std::string out;          // file
  bool data_given = false;  // how they become inputs is taken from them, not from what the peers kept
  bool force = false;
};

struct EvalRequest {
  std::string model;  // file
  node::DataSource source;
  bool json = false;
};

struct InjectRequest {
  node::Config config;  // of the running cluster
  std::vector<std::string>
      specs;  // node/config/inject_spec.h, at least one; all right, and of peers that exist
};

struct StatusRequest {
  node::Config config;                // of the running cluster
  std::optional<codes::Index> index;  // of the peer to ask; none: all
  bool json = false;
};

struct VersionRequest {
  bool json = false;
};

struct SimRequest {
  simulator::SwarmOptions swarm;
  bool verbose = false;
  std::string log;     // file for every event; empty: none
  bool force = false;  // replace an existing log
};

using Request =
    std::variant<HelpRequest, TrainRequest, PeerRequest, PlanRequest, InitRequest, DataRequest, InjectRequest,
                 StatusRequest, ExportRequest, EvalRequest, SimRequest, VersionRequest>;

// `arguments`: without the program's name. Failure: kUsage; an unknown command or flag names the nearest
// right one.
Result<Request> parse_arguments(const std::vector<std::string>& arguments);

}  // namespace polydot::tools
