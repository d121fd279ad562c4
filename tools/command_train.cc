// polydot train: a whole cluster on this host. It starts the peers, shows what they write, and reads their
// records.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "dnn/reference/reference_training.h"
#include "node/config/config_agreement.h"
#include "node/config/config_toml.h"
#include "node/config/run_limits.h"
#include "node/data/dataset_loader.h"
#include "node/faults/campaign.h"
#include "node/faults/fault_places.h"
#include "node/files/run_layout.h"
#include "node/model/plan_of.h"
#include "node/records/run_profile.h"
#include "node/records/run_summary.h"
#include "node/system/open_files.h"
#include "node/system/stop_signals.h"
#include "node/text/json_text.h"
#include "node/text/printable.h"
#include "protocol/members/agreement.h"
#include "tools/certify.h"
#include "tools/command_init.h"
#include "tools/commands.h"
#include "tools/exit_code.h"
#include "tools/follow_run.h"
#include "tools/launcher.h"
#include "tools/profile_table.h"
#include "tools/progress.h"
#include "tools/run_folder.h"
#include "tools/run_table.h"

namespace polydot::tools {

namespace {

// The exit code of the whole: that of the first peer that failed for a reason of its own, if the run as such
// did not finish; and a line for each peer that did not.
int settle(const Launcher& launcher, const std::string& run, bool finished) {
  int code = kExitDone;
  int first = -1;
  for (int p = 0; p < static_cast<int>(launcher.children().size()); ++p) {
    const int own = *launcher.children()[static_cast<std::size_t>(p)].exit_code;
    if (own == 0 || launcher.children()[static_cast<std::size_t>(p)].by_launcher) continue;
    // A peer that only noticed that others left says less than the one that left.
    const bool better = first < 0 || (code == exit_code(FailureKind::kNetwork) && own != code);
    if (better) code = own, first = p;
  }
  if (const auto signal = caught_run_signal()) return exit_code_of_signal(*signal);
  if (first < 0) return kExitDone;
  const Child& child = launcher.children()[static_cast<std::size_t>(first)];
  const std::string why = child.signal != 0 ? std::string("by a signal (") + strsignal(child.signal) + ")"
                                            : last_words(run, first, child.log_begin);
  const std::string line = "peer " + std::to_string(first) + " ended with code " + std::to_string(code) +
                           (why.empty() ? "" : ": " + why);
  node::say(line);
  return finished ? kExitDone : code;
}

Result<double> reference_accuracy(const node::Config& config) {
  auto data = node::load_data(config);
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
  std::string understood;  // of the data, for the user
  int needed = 1;          // peers without whom nothing can begin (protocol/peer_join.cc)
};

Result<DataCheck> check_data(const node::Config& config) {
  auto data = node::load_data(config);
  if (!data) return data.failure();
  auto plan = node::plan_of(config.shared, data->train, data->test);
  if (!plan) return plan.failure();
  const auto code = node::configured_code(config.shared);
  if (!code) return code.failure();
  const node::PeersHere here = node::all_peers_here(config.shared.peers, config.local.sockets_only);
  if (Outcome fits = node::check_run(*code, *plan, data->train, data->test, here); !fits)
    return fits.failure();
  const auto faults = node::configured_faults(config);
  if (!faults) return faults.failure();
  if (Outcome strike = node::check_can_strike(*faults, *code, *plan, data->train.count()); !strike)
    return strike.failure();
  return DataCheck{plan->total_steps, node::plan_digest(config, data->digest), data->understood,
                   protocol::least_to_begin(*code, static_cast<int>(config.shared.margin))};
}

// The folder and the settings to start with. A new run gets a cluster id, and a config.toml that runs again.
Result<RunFolder> prepare(const TrainRequest& request, std::uint64_t plan_digest, node::Config& config) {
  const auto peers = static_cast<int>(config.shared.peers);
  if (!request.resume.empty())
    return RunFolder::reopen(request.resume, {node::cluster_words(config.shared), plan_digest, 0, peers});
  auto folder = RunFolder::make(config.local.out, peers,
                                request.force         ? Earlier::kReplaced
                                : request.if_possible ? Earlier::kRefusedOnceBegun
                                                      : Earlier::kRefused,
                                request.detach);
  if (!folder) return folder;
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

// Of peers that go on alone: where they are, and how to ask and to end them.
int say_who_goes_on(const TrainRequest& request, const Launcher& launcher, const std::string& run) {
  std::vector<int> pids;
  for (const Child& child : launcher.children())
    if (!child.exit_code) pids.push_back(child.pid);
  const std::string cluster = run + node::kClusterFile;
  if (request.config.local.json)
    std::puts(node::to_ascii(nlohmann::ordered_json{{"run", run}, {"cluster", cluster}, {"processes", pids}})
                  .c_str());
  else if (!request.config.local.quiet)
    std::fputs(fmt::format("polydot: {} peers train on their own\n"
                           "  how they are:      polydot status --cluster {}\n"
                           "  end after a step:  kill {}\n"
                           "  when all is done:  {}{}\n",
                           pids.size(), cluster, fmt::join(pids, " "), run, node::kSummaryFile)
                   .c_str(),
               stderr);
  return kExitDone;
}

// On stderr where stdout has the JSON.
void show_profile(const std::string& run, int peers, std::FILE* to) {
  constexpr std::uint64_t kFirstSteps = 5;
  const auto profile = node::read_profile(run, peers, kFirstSteps);
  if (!profile)
    node::say(profile.failure().message);
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
    release_run_signals();  // no peer is left to be told
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
  node::survive_lost_readers();
  node::Config config = request.config;
  // Saved with the run, which may be gone on with from another folder.
  for (std::string* path : {&config.local.data, &config.local.test_data, &config.local.campaign})
    if (!path->empty()) *path = std::filesystem::absolute(*path).string();
  const auto peers = static_cast<int>(config.shared.peers);
  if (Outcome files = node::provide_open_files(
          std::max(node::open_files_of_peer(peers), node::open_files_of_launcher(peers)));
      !files)
    return report(files.failure());
  // A bad campaign and bad data get their line here, once, instead of once from every peer.
  if (const auto faults = node::configured_faults(config); !faults) return report(faults.failure());
  const auto checked = check_data(config);
  if (!checked) return report(checked.failure());
  if (!request.resume.empty() && has_finished(request.resume, peers)) {
    if (!config.local.quiet)
      std::fprintf(stderr, "polydot: %s has finished: nothing to resume\n", request.resume.c_str());
    if (!config.local.json) return kExitDone;
    const auto summary = node::read_run(config, request.resume);
    if (!summary) return report(summary.failure());
    std::puts(node::to_ascii(node::to_json(*summary, config)).c_str());
    return kExitDone;
  }
  auto folder = prepare(request, checked->plan_digest, config);
  if (!folder) return report(folder.failure());
  const std::string run = folder->path();
  catch_run_signals();
  say_what_begins(request, checked->total_steps, run);
  if (!config.local.quiet && !checked->understood.empty()) node::say(checked->understood);
  auto launcher = Launcher::start(config, run, {request.detach, request.respawn});
  if (!launcher) return report(launcher.failure());
  Progress progress(checked->total_steps, isatty(STDERR_FILENO) != 0, config.local.quiet);
  const Followed followed = follow_run(*launcher, progress, request, *folder, checked->needed);
  if (followed == Followed::kDetached) return say_who_goes_on(request, *launcher, run);
  if (followed == Followed::kTooFew)
    node::say(fmt::format("too few peers are left to begin: {} of {} are needed", checked->needed, peers));
  return conclude(request, launcher->config(), run, settle(*launcher, run, has_finished(run, peers)));
}

}  // namespace polydot::tools
