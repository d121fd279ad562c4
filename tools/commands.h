// The commands of the program. Each prints its failures itself (tools/exit_code.h) and returns the exit code.
#pragma once

#include "tools/options.h"

namespace polydot::tools {

int run_train(const TrainRequest& request);
int run_peer(const PeerRequest& request);
int run_plan(const PlanRequest& request);
int run_init(const InitRequest& request);
int run_data(const DataRequest& request);
int run_export(const ExportRequest& request);
int run_eval(const EvalRequest& request);
int run_inject(const InjectRequest& request);
int run_status(const StatusRequest& request);
int run_sim(const SimRequest& request);
int run_version(const VersionRequest& request);

}  // namespace polydot::tools
