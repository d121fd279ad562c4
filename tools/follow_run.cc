#include "tools/follow_run.h"

#include <signal.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <string>
#include <thread>
#include <vector>

#include "node/config/config_agreement.h"
#include "node/files/run_layout.h"
#include "node/records/peer_status.h"
#include "node/system/stop_signals.h"
#include "node/text/printable.h"
#include "node/transport/zmq_control.h"
#include "tools/exit_code.h"

namespace polydot::tools {

namespace {

volatile std::sig_atomic_t g_signals = 0;
volatile std::sig_atomic_t g_last_signal = 0;
void on_signal(int signal, int /*sender*/) {
  g_signals = g_signals + 1;
  g_last_signal = signal;
}

std::vector<int> running_peers(const Launcher& launcher) {
  std::vector<int> running;
  for (int p = 0; p < static_cast<int>(launcher.children().size()); ++p) {
    const Child& child = launcher.children()[static_cast<std::size_t>(p)];
    if (!child.exit_code || child.again) running.push_back(p);
  }
  return running;
}

// Passes on what has come since the last call.
class SignalRelay {
 public:
  void look(Launcher& launcher) {
    for (; passed_on_ < std::min(static_cast<int>(g_signals), 2); ++passed_on_) {
      launcher.stop_respawning();
      launcher.signal_all(passed_on_ == 0 ? static_cast<int>(g_last_signal) : SIGKILL);
    }
  }

 private:
  int passed_on_ = 0;
};

// The steps that each peer's records end with.
std::vector<std::uint64_t> steps_of(const std::string& run, std::size_t peers) {
  std::vector<std::uint64_t> steps;
  for (std::size_t p = 0; p < peers; ++p)
    steps.push_back(newest_point(node::peer_folder(run, static_cast<int>(p))).step);
  return steps;
}

// It could not start, or was ended; one that trained, or met the others, ends with other codes.
bool never_started(const Child& child) {
  const int code = child.exit_code.value_or(0);
  return child.signal != 0 || code == exit_code(FailureKind::kUsage) ||
         code == exit_code(FailureKind::kData) ||
         (code > exit_code(FailureKind::kRefused) && code < exit_code_of_signal(0));
}

// Nobody has done a step since `before`, and those that are left are too few to begin.
bool are_too_few(const Launcher& launcher, const std::string& run, int needed,
                 const std::vector<std::uint64_t>& before) {
  const std::size_t running = running_peers(launcher).size();
  if (running == 0 || static_cast<int>(running) >= needed) return false;
  const std::vector<Child>& all = launcher.children();
  const bool all_ended_so = std::all_of(all.begin(), all.end(), [](const Child& child) {
    return !child.exit_code || child.again || never_started(child);
  });
  return all_ended_so && steps_of(run, before.size()) == before;
}

// All that run have begun; asks them.
bool have_begun(const Launcher& launcher) {
  constexpr int kAnswerMs = 300;
  const node::SharedConfig& shared = launcher.config().shared;
  std::vector<std::string> endpoints;
  for (const int p : running_peers(launcher))
    endpoints.push_back(shared.endpoints[static_cast<std::size_t>(p)]);
  const auto answers =
      node::ask_peers(node::cluster_words(shared), endpoints, std::string(node::kStatusOrder), kAnswerMs);
  return answers && std::all_of(answers->begin(), answers->end(), [](const auto& answer) {
           const auto status = answer ? node::parse_status(*answer) : std::nullopt;
           return status && status->phase != "joining";
         });
}

void say(Progress& progress, bool quiet, const std::string& line) {
  if (quiet) return;
  progress.finish();
  node::say(line);
}

}  // namespace

void catch_run_signals() { node::catch_stop_signals(on_signal); }
void release_run_signals() { node::release_stop_signals(); }

std::optional<int> caught_run_signal() {
  return g_signals == 0 ? std::nullopt : std::optional<int>(g_last_signal);
}

Followed follow_run(Launcher& launcher, Progress& progress, const TrainRequest& request,
                    const RunFolder& folder, int needed) {
  const std::string& run = folder.path();
  const bool quiet = request.config.local.quiet;
  const std::vector<std::uint64_t> before = steps_of(run, launcher.children().size());
  SignalRelay relay;
  bool too_few = false, said_gone = false;
  while (!launcher.poll()) {
    relay.look(launcher);
    for (const std::string& notice : launcher.take_notices()) say(progress, quiet, notice);
    if (!too_few && g_signals == 0 && are_too_few(launcher, run, needed, before)) {
      too_few = true;
      launcher.end_all();
    }
    if (!said_gone && folder.is_gone()) {
      said_gone = true;
      say(progress, quiet, run + " is gone: somebody removed it, and nothing of this run is kept any more");
    }
    if (request.detach && !too_few && g_signals == 0 && have_begun(launcher)) return Followed::kDetached;
    const std::vector<int> running = running_peers(launcher);
    if (!request.detach) progress.look(node::peer_folder(run, running.empty() ? 0 : running.front()));
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  progress.finish();
  return too_few ? Followed::kTooFew : Followed::kEnded;
}

}  // namespace polydot::tools
