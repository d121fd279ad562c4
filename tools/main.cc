#include <sys/prctl.h>

#include <cstdio>
#include <exception>
#include <string>
#include <variant>
#include <vector>

#include "tools/commands.h"
#include "tools/exit_code.h"
#include "tools/options.h"
#include "tools/standard_streams.h"

namespace polydot::tools {
namespace {

struct Run {
  int operator()(const HelpRequest& request) const {
    return std::fputs(request.text.c_str(), stdout), kExitDone;
  }
  int operator()(const TrainRequest& request) const { return run_train(request); }
  int operator()(const PeerRequest& request) const { return run_peer(request); }
  int operator()(const PlanRequest& request) const { return run_plan(request); }
  int operator()(const InitRequest& request) const { return run_init(request); }
  int operator()(const DataRequest& request) const { return run_data(request); }
  int operator()(const ExportRequest& request) const { return run_export(request); }
  int operator()(const EvalRequest& request) const { return run_eval(request); }
  int operator()(const InjectRequest& request) const { return run_inject(request); }
  int operator()(const StatusRequest& request) const { return run_status(request); }
  int operator()(const SimRequest& request) const { return run_sim(request); }
  int operator()(const VersionRequest& request) const { return run_version(request); }
};

int run(const std::vector<std::string>& arguments) {
  const auto request = parse_arguments(arguments);
  return request ? std::visit(Run{}, *request) : report(request.failure());
}

}  // namespace
}  // namespace polydot::tools

int main(int argc, char** argv) {
  prctl(PR_SET_NAME, "polydot");  // peers are started as /proc/self/exe, and ps would call them so
  polydot::tools::open_missing_streams();
  try {
    return polydot::tools::settle_stdout(polydot::tools::run({argv + 1, argv + argc}));
  } catch (const std::exception& error) {
    // Out of memory, mostly: expected failures are values.
    return polydot::tools::report(
        {polydot::FailureKind::kNotReached, std::string("stopped: ") + error.what()});
  }
}
