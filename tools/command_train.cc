// polydot train: a whole cluster on this host. It starts the peers, shows what they write, and reads their
// records.
#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <thread>

#include "dnn/reference_training.h"
#include "node/bounded_json.h"
#include "node/campaign.h"
#include "node/config_agreement.h"
#include "node/config_toml.h"
#include "node/dataset_loader.h"
#include "node/plan_of.h"
#include "node/run_folder.h"
#include "node/run_limits.h"
#include "node/run_profile.h"
#include "node/run_summary.h"
#include "tools/certify.h"
#include "tools/command_init.h"
#include "tools/commands.h"
#include "tools/exit_code.h"
#include "tools/launcher.h"
#include "tools/profile_table.h"
#include "tools/progress.h"
#include "tools/run_folder.h"
#include "tools/run_table.h"

namespace polydot::tools {

namespace {

volatile std::sig_atomic_t g_signals = 0;
volatile std::sig_atomic_t g_last_signal = 0;
void on_signal(int signal) {
  g_signals = g_signals + 1;
  g_last_signal = signal;
}

// Follows the peers to their end. Each of the first two signals is passed on.
void follow(Launcher& launcher, Progress& progress, const TrainRequest& request, const std::string& run) {
  int passed_on = 0;
  while (!launcher.poll()) {
    for (; passed_on < std::min(static_cast<int>(g_signals), 2); ++passed_on) {
      launcher.stop_respawning();
      launcher.signal_all(SIGTERM);
    }
    for (const std::string& notice : launcher.take_notices()) {
      if (request.config.local.quiet) continue;
      progress.finish();
      std::fputs((error_line(notice) + "\n").c_str(), stderr);
    }
    int shown = 0;
    for (int p = 0; p < static_cast<int>(launcher.children().size()); ++p)
      if (!launcher.children()[static_cast<std::size_t>(p)].exit_code) {
        shown = p;
        break;
      }
    progress.look(node::peer_folder(run, shown));
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  progress.finish();
}

// The exit code of the whole: that of the first peer that failed for a reason of its own, if the run as such
// did not finish; and a line for each peer that did not.
int settle(const Launcher& launcher, const std::string& run, bool finished) {
  int code = kExitDone;
  int first = -1;
  for (int p = 0; p < static_cast<int>(launcher.children().size()); ++p) {
    const int own = *launcher.children()[static_cast<std::size_t>(p)].exit_code;
    if (own == 0) continue;
    // A peer that only noticed that others left says less than the one that left.
    const bool better = first < 0 || (code == exit_code(FailureKind::kNetwork) && own != code);
    if (better) code = own, first = p;
  }
  if (g_signals != 0) return exit_code_of_signal(g_last_signal);
  if (first < 0) return kExitDone;
  const std::string words = last_words(run, first);
  std::fputs(error_line("peer " + std::to_string(first) + " ended with code " + std::to_string(code) +
                        (words.empty() ? "" : ": " + words))
                 .append("\n")
                 .c_str(),
             stderr);
  return finished ? kExitDone : code;
}

Result<double> reference_accuracy(const node::Config& config) {
  auto data = node::load_data(config.shared.dataset, config.local.data);
  if (!data) return data.failure();
  auto plan = node::plan_of(config.shared, data->train, data->test);
  if (!plan) return plan.failure();
  struct Last : dnn::TrainingObserver {
    double accuracy = 0;
    void on_evaluation(const dnn::EvaluationRecord& record) override { accuracy = record.accuracy; }
  } last;
  dnn::train_reference<float>(*plan, data->train, data->test, &last);
  return last.accuracy;
}

struct DataCheck {
  std::uint64_t total_steps = 0, plan_digest = 0;
};

Result<DataCheck> check_data(const node::Config& config) {
  auto data = node::load_data(config.shared.dataset, config.local.data);
  if (!data) return data.failure();
  auto plan = node::plan_of(config.shared, data->train, data->test);
  if (!plan) return plan.failure();
  const auto code = node::configured_code(config.shared);
  if (!code) return code.failure();
  const node::PeersHere here = node::all_peers_here(config.shared.peers, config.local.sockets_only);
  if (Outcome fits = node::check_run(*code, *plan, data->train, data->test, here); !fits)
    return fits.failure();
  return DataCheck{plan->total_steps, node::plan_digest(config, data->digest)};
}

// The folder and the settings to start with. A new run gets a cluster id, and a config.toml that runs again.
Result<RunFolder> prepare(const TrainRequest& request, std::uint64_t plan_digest, node::Config& config) {
  const auto peers = static_cast<int>(config.shared.peers);
  if (!request.resume.empty())
    return RunFolder::reopen(request.resume, {node::cluster_words(config.shared), plan_digest, 0, peers});
  auto folder = RunFolder::make(config.local.out, peers,
                                request.force         ? Earlier::kReplaced
                                : request.if_possible ? Earlier::kRefusedOnceBegun
                                                      : Earlier::kRefused);
  if (!folder) return folder;
  if (request.detach && config.local.out.empty()) folder->keep();
  node::Config again = config;
  again.local.out.clear();  // a run in the same place would replace this one
  if (Outcome saved = node::save_config(again, folder->path() + node::kConfigFile, node::Existing::kKeep);
      !saved)
    return saved.failure();
  auto cluster_id = random_cluster_id();
  if (!cluster_id) return cluster_id.failure();
  config.shared.cluster_id = *std::move(cluster_id);
  return folder;
}

void catch_signals() {
  struct sigaction action {};
  action.sa_handler = on_signal;
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

void say_what_begins(const TrainRequest& request, std::uint64_t total_steps, const std::string& run) {
  if (request.config.local.quiet) return;
  const node::SharedConfig& shared = request.config.shared;
  const bool is_kept = request.detach || !request.config.local.out.empty();
  std::fprintf(stderr, "polydot: %sseed %lld, %lld peers, %llu steps%s%s\n",
               request.resume.empty() ? "" : "resumes, ", static_cast<long long>(shared.seed),
               static_cast<long long>(shared.peers), static_cast<unsigned long long>(total_steps),
               is_kept ? ", records in " : "", is_kept ? run.c_str() : "");
  if (shared.margin == 0)
    std::fputs(
        "polydot: margin 0: rounds with no contribution to spare are not checked; unchecked_rounds in "
        "summary.json counts them\n",
        stderr);
}

// On stderr where stdout has the JSON.
void show_profile(const std::string& run, int peers, std::FILE* to) {
  constexpr std::uint64_t kFirstSteps = 5;
  const auto profile = node::read_profile(run, peers, kFirstSteps);
  if (!profile)
    std::fputs((error_line(profile.failure().message) + "\n").c_str(), stderr);
  else
    std::fputs(profile_table(*profile).c_str(), to);
}

// What comes after the peers: summary, certificate, reference; `code`: what they ended with.
int conclude(const TrainRequest& request, const node::Config& config, const std::string& run, int code) {
  const bool quiet = config.local.quiet;
  auto summary = node::read_run(config, run);
  if (!summary) return code != kExitDone ? code : report(summary.failure());
  const bool finished = summary->peers_finished > 0;
  if (request.certify) {
    for (const int signal : {SIGINT, SIGTERM}) std::signal(signal, SIG_DFL);  // no peer is left to be told
    if (finished && !quiet) std::fprintf(stderr, "polydot: training the fault-free uncoded twins\n");
    auto certificate = certify_run(request.config, run, *summary);
    if (!certificate) return report(certificate.failure());
    summary->certificate = *std::move(certificate);
  }
  if (Outcome written = node::write_summary(*summary, config, run); !written)
    return report(written.failure());
  std::optional<double> reference;
  if (request.reference && finished) {
    if (!quiet) std::fprintf(stderr, "polydot: training the uncoded reference with the same seed\n");
    auto accuracy = reference_accuracy(request.config);
    if (!accuracy) return report(accuracy.failure());
    reference = *accuracy;
  }
  if (config.local.json) {
    auto json = node::to_json(*summary, config);
    if (reference) json["reference_accuracy"] = *reference;
    std::puts(node::to_ascii(json).c_str());
  } else if (!quiet) {
    std::fputs(run_table(*summary, config, reference).c_str(), stdout);
  }
  if (request.profile && finished)
    show_profile(run, static_cast<int>(config.shared.peers), config.local.json ? stderr : stdout);
  if (code == kExitDone && summary->certificate && !summary->certificate->valid)
    return report(
        {FailureKind::kNotReached,
         (summary->certificate->certifiable ? "no valid certificate: " : "") + summary->certificate->reason});
  return code;
}

}  // namespace

int run_train(const TrainRequest& request) {
  node::Config config = request.config;
  // Saved with the run, which may be gone on with from another folder.
  for (std::string* path : {&config.local.data, &config.local.campaign})
    if (!path->empty()) *path = std::filesystem::absolute(*path).string();
  const auto peers = static_cast<int>(config.shared.peers);
  // A bad campaign and bad data get their line here, once, instead of once from every peer.
  if (const auto faults = node::configured_faults(config); !faults) return report(faults.failure());
  const auto checked = check_data(config);
  if (!checked) return report(checked.failure());
  if (!request.resume.empty() && has_finished(request.resume, peers)) {
    if (!config.local.quiet)
      std::fprintf(stderr, "polydot: %s has finished: nothing to resume\n", request.resume.c_str());
    return kExitDone;
  }
  auto folder = prepare(request, checked->plan_digest, config);
  if (!folder) return report(folder.failure());
  const std::string run = folder->path();
  say_what_begins(request, checked->total_steps, run);
  catch_signals();
  auto launcher = Launcher::start(config, run, {request.detach, request.respawn});
  if (!launcher) return report(launcher.failure());
  Progress progress(checked->total_steps, isatty(STDERR_FILENO) != 0, config.local.quiet);
  follow(*launcher, progress, request, run);
  return conclude(request, launcher->config(), run, settle(*launcher, run, has_finished(run, peers)));
}

}  // namespace polydot::tools
