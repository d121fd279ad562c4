// polydot train: a whole cluster on this host. It starts the peers, shows what they write, and reads their
// records.
#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <thread>

#include "dnn/reference_training.h"
#include "node/campaign.h"
#include "node/dataset_loader.h"
#include "node/plan_of.h"
#include "node/run_folder.h"
#include "node/run_summary.h"
#include "tools/certify.h"
#include "tools/commands.h"
#include "tools/exit_code.h"
#include "tools/launcher.h"
#include "tools/progress.h"
#include "tools/run_table.h"

namespace polydot::tools {

namespace {

volatile std::sig_atomic_t g_signals = 0;
volatile std::sig_atomic_t g_last_signal = 0;
void on_signal(int signal) {
  g_signals = g_signals + 1;
  g_last_signal = signal;
}

// The run's folder: the user's, or one that goes with the command.
class RunFolder {
 public:
  static Result<RunFolder> make(const std::string& wished) {
    RunFolder folder;
    std::error_code error;
    if (wished.empty()) {
      std::string name = (std::filesystem::temp_directory_path(error) / "polydot-run-XXXXXX").string();
      if (mkdtemp(name.data()) == nullptr) return data_failure("cannot make a temporary folder " + name);
      folder.path_ = name;
      folder.temporary_ = true;
      return folder;
    }
    std::filesystem::create_directories(wished, error);
    if (!std::filesystem::is_directory(wished))
      return data_failure("cannot make the folder " + wished + "; choose another --out");
    folder.path_ = std::filesystem::absolute(wished).string();
    // What an earlier run left must not be taken for ours.
    std::filesystem::remove(folder.path_ + node::kSummaryFile, error);
    std::filesystem::remove(folder.path_ + node::kMetricsFile, error);
    for (const auto& entry : std::filesystem::directory_iterator(folder.path_, error))
      if (entry.path().filename().string().starts_with("peer-"))
        std::filesystem::remove_all(entry.path(), error);
    return folder;
  }
  RunFolder(RunFolder&& other) noexcept
      : path_(std::move(other.path_)), temporary_(std::exchange(other.temporary_, false)) {}
  ~RunFolder() {
    std::error_code error;
    if (temporary_) std::filesystem::remove_all(path_, error);
  }
  const std::string& path() const { return path_; }
  void keep() { temporary_ = false; }

 private:
  RunFolder() = default;
  std::string path_;
  bool temporary_ = false;
};

// The last line a peer wrote, without the program's name.
std::string last_words(const std::string& log) {
  std::ifstream file(log);
  std::string last;
  for (std::string line; std::getline(file, line);)
    if (!line.empty()) last = line;
  const std::string prefix = "polydot: ";
  return last.starts_with(prefix) ? last.substr(prefix.size()) : last;
}

// Follows the peers to their end. Each of the first two signals is passed on.
void follow(Launcher& launcher, Progress& progress, const std::string& run) {
  int passed_on = 0;
  while (!launcher.poll()) {
    for (; passed_on < std::min(static_cast<int>(g_signals), 2); ++passed_on) launcher.signal_all(SIGTERM);
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
  const std::string words = last_words(node::peer_folder(run, first) + node::kLogFile);
  std::fputs(error_line("peer " + std::to_string(first) + " ended with code " + std::to_string(code) +
                        (words.empty() ? "" : ": " + words))
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

Result<std::uint64_t> check_data(const node::Config& config) {
  auto data = node::load_data(config.shared.dataset, config.local.data);
  if (!data) return data.failure();
  auto plan = node::plan_of(config.shared, data->train, data->test);
  if (!plan) return plan.failure();
  return plan->total_steps;
}

}  // namespace

int run_train(const TrainRequest& request) {
  const node::Config& config = request.config;
  const bool quiet = config.local.quiet;
  // A bad campaign and bad data get their line here, once, instead of once from every peer.
  if (const auto faults = node::configured_faults(config); !faults) return report(faults.failure());
  auto total_steps = check_data(config);
  if (!total_steps) return report(total_steps.failure());
  auto folder = RunFolder::make(config.local.out);
  if (!folder) return report(folder.failure());
  if (request.detach && config.local.out.empty()) folder->keep();
  const std::string run = folder->path();
  if (!quiet)
    std::fprintf(stderr, "polydot: seed %lld, %lld peers, %llu steps%s%s\n",
                 static_cast<long long>(config.shared.seed), static_cast<long long>(config.shared.peers),
                 static_cast<unsigned long long>(*total_steps),
                 config.local.out.empty() && !request.detach ? "" : ", records in ",
                 config.local.out.empty() && !request.detach ? "" : run.c_str());
  struct sigaction action {};
  action.sa_handler = on_signal;
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
  auto launcher = Launcher::start(config, run, request.detach);
  if (!launcher) return report(launcher.failure());
  Progress progress(*total_steps, isatty(STDERR_FILENO) != 0, quiet);
  follow(*launcher, progress, run);

  auto summary = node::read_run(launcher->config(), run);
  const bool finished = summary && summary->peers_finished > 0;
  const int code = settle(*launcher, run, finished);
  if (!summary) return code != kExitDone ? code : report(summary.failure());
  if (request.certify) {
    for (const int signal : {SIGINT, SIGTERM}) std::signal(signal, SIG_DFL);  // no peer is left to be told
    if (finished && !quiet) std::fprintf(stderr, "polydot: training the fault-free uncoded twins\n");
    auto certificate = certify_run(config, run, *summary);
    if (!certificate) return report(certificate.failure());
    summary->certificate = *std::move(certificate);
  }
  if (Outcome written = node::write_summary(*summary, launcher->config(), run); !written)
    return report(written.failure());
  std::optional<double> reference;
  if (request.reference && finished) {
    if (!quiet) std::fprintf(stderr, "polydot: training the uncoded reference with the same seed\n");
    auto accuracy = reference_accuracy(config);
    if (!accuracy) return report(accuracy.failure());
    reference = *accuracy;
  }
  if (config.local.json) {
    auto json = node::to_json(*summary, launcher->config());
    if (reference) json["reference_accuracy"] = *reference;
    std::puts(json.dump().c_str());
  } else if (!quiet) {
    std::fputs(run_table(*summary, launcher->config(), reference).c_str(), stdout);
  }
  if (code == kExitDone && summary->certificate && !summary->certificate->valid)
    return report({FailureKind::kNotReached, "no valid certificate: " + summary->certificate->reason});
  return code;
}

}  // namespace polydot::tools
