#include "node/records/peer_records.h"

#include <cmath>
#include <filesystem>
#include <iomanip>
#include <nlohmann/json.hpp>
#include <sstream>

#include "node/files/data_files.h"
#include "node/files/run_layout.h"
#include "node/text/json_text.h"
#include "node/text/printable.h"

namespace polydot::node {

namespace {
constexpr const char* kMetricsHeading =
    "step,epoch,loss,batch_accuracy,learning_rate,seconds,waiting_ms,findings,noise_rounds,bytes_sent,"
    "spare,any,independent,kappa,suspects,waiting_for,"
    "encode_ms,product_ms,decode_ms,check_ms,activation_ms,update_ms,receive_ms,send_ms,other_ms,idle_ms,"
    "thread_cpu_ms,process_cpu_ms";
constexpr const char* kEvaluationsHeading = "steps_done,epochs_done,loss,accuracy,seconds";
constexpr std::size_t kLossWindow = 10000;  // steps; bounds memory in an endless epoch
}  // namespace

Outcome PeerRecords::open(const std::string& folder, Records records, int peers) {
  folder_ = folder;
  if (folder.empty()) return Unit{};
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  std::filesystem::remove(folder + kSummaryFile, error);
  Outcome opened = metrics_.open(folder + kMetricsFile, records, kMetricsHeading);
  if (opened) opened = evaluations_.open(folder + kEvaluationsFile, records, kEvaluationsHeading);
  if (opened) opened = repairs_.open(folder + kRepairsFile, records);
  if (opened) opened = rounds_.open(folder, records, peers);
  if (!opened) return opened;
  earlier_ = read_earlier_lives(folder, kLossWindow);
  steps_ = earlier_.steps;
  seconds_ = earlier_.seconds;
  noise_ = earlier_.noise_rounds;
  final_accuracy_ = earlier_.accuracy;
  recent_losses_ = earlier_.losses;
  protocol::PeerEvent began;
  began.name = kBeganEvent;
  began.step = steps_;
  on_event(began);
  return Unit{};
}

void PeerRecords::on_started(std::int64_t) {
  started_ = last_mark_ = Clock::now();
  forget_costs();
}

void PeerRecords::on_round(const protocol::RoundReport& report) {
  rounds_.on_round(report);
  if (report.budget != nullptr) keep_least(*report.budget);
  waited_ms_ += report.waited_ms;
  if (report.waited_ms > longest_wait_ms_ && !report.last.empty()) {
    longest_wait_ms_ = report.waited_ms;
    waited_for_ = report.last.members().front();
  }
  noise_ += report.verdict->findings.empty() && report.verdict->active_entries > 0;
  if (std::isfinite(report.verdict->kappa) && report.verdict->state == codes::RoundState::kChecked)
    largest_kappa_ = std::max(largest_kappa_, report.verdict->kappa);
}

// Of the rounds of a step the one that could have taken least.
void PeerRecords::keep_least(const protocol::Budget& budget) {
  const codes::PeerSet suspects = budget_.suspects | budget.suspects;
  const double kappa = std::max(budget_.kappa, budget.kappa);
  if (budget_.present == 0 || budget.spare < budget_.spare) budget_ = budget;
  budget_.suspects = suspects;
  budget_.kappa = kappa;
}

void PeerRecords::on_event(const protocol::PeerEvent& event) {
  if (std::string_view(event.name) == "wrong_checksum") return rounds_.on_wrong_checksum(event);
  if (!repairs_.is_open()) return;
  const nlohmann::json line = {{"event", event.name},       {"step", event.step},   {"slot", event.slot},
                               {"epoch", event.epoch},      {"peer", event.peer},   {"layer", event.layer},
                               {"shard", event.shard},      {"lines", event.lines}, {"bytes", event.bytes},
                               {"boundary", event.boundary}};
  repairs_.line(to_text(line));
}

void PeerRecords::on_notice(const std::string& line) {
  const auto now_ms = std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - born_).count();
  if (!notices_.may(now_ms)) return;
  if (const std::uint64_t left_out = notices_.take_refused(); left_out > 0)
    say(std::to_string(left_out) + " lines were left out: there are too many of them");
  say(line);
}

void PeerRecords::on_step(const dnn::StepRecord& record) {
  const Clock::time_point now = Clock::now();
  const bool first = !std::exchange(stepped_, true);
  steps_ = std::max(steps_, record.step + 1);  // after a rollback some come again
  if (first) first_step_end_ = now;
  evaluation_seconds_ += std::exchange(pending_evaluation_, 0.0);
  if (first) evaluation_seconds_ = 0.0;
  seconds_ =
      earlier_.seconds + std::chrono::duration<double>(now - first_step_end_).count() - evaluation_seconds_;
  last_mark_ = now;
  recent_losses_.erase(recent_losses_.lower_bound(record.step), recent_losses_.end());
  recent_losses_.emplace(record.step, record.loss);
  if (recent_losses_.size() > kLossWindow) recent_losses_.erase(recent_losses_.begin());
  if (!metrics_.is_open()) return;
  std::ostringstream row;  // on file before a checkpoint of it: what a life goes on from, its rows tell
  row << record.step << ',' << record.epoch << ',' << record.loss << ','
      << static_cast<double>(record.correct) / static_cast<double>(record.samples) << ','
      << record.learning_rate << ',' << seconds_ << ',' << std::exchange(waited_ms_, 0) << ','
      << earlier_.findings + rounds_.findings() << ',' << noise_ << ',' << bytes_sent() << ','
      << budget_.spare << ',' << budget_.any << ',' << budget_.independent << ',' << budget_.kappa << ','
      << budget_.suspects.size() << step_costs();
  metrics_.line(row.str());
  budget_ = {};
}

// The rest of a step's row: for whom it waited, where its time went, and the processor time of the thread and
// of the whole process (input and output, kernel).
std::string PeerRecords::step_costs() {
  std::ostringstream row;
  row << std::fixed << std::setprecision(3) << ',' << std::exchange(waited_for_, -1);
  longest_wait_ms_ = 0;
  for (const double seconds : work_.take()) row << ',' << 1e3 * seconds;
  const CpuSeconds before = std::exchange(cpu_, CpuSeconds{});
  row << ',' << 1e3 * (cpu_.thread - before.thread) << ',' << 1e3 * (cpu_.process - before.process);
  return row.str();
}

void PeerRecords::forget_costs() {
  longest_wait_ms_ = waited_ms_ = 0;
  waited_for_ = -1;
  work_.take();
  cpu_ = CpuSeconds{};
}

std::uint64_t PeerRecords::bytes_sent() const {
  return earlier_.bytes_sent + (transport_ == nullptr ? 0 : transport_->counters().bytes_sent);
}

void PeerRecords::on_evaluation(const dnn::EvaluationRecord& record) {
  pending_evaluation_ += seconds_since(last_mark_);
  last_mark_ = Clock::now();
  forget_costs();
  final_accuracy_ = record.accuracy;
  if (!evaluations_.is_open()) return;
  std::ostringstream row;
  row << record.steps_done << ',' << record.epochs_done << ',' << record.loss << ',' << record.accuracy << ','
      << earlier_.seconds + seconds_since(started_);
  evaluations_.line(row.str());
}

Outcome PeerRecords::finish(const protocol::Peer& peer, int self, int exit_code,
                            std::uint64_t steps_per_epoch) {
  rounds_.close();
  if (folder_.empty()) return Unit{};
  const std::size_t count = std::min<std::size_t>(recent_losses_.size(), steps_per_epoch);
  double loss = 0.0;
  for (auto at = std::prev(recent_losses_.end(), static_cast<std::ptrdiff_t>(count));
       at != recent_losses_.end(); ++at)
    loss += at->second;
  const protocol::Status& status = peer.status();
  const auto before = [&](const char* event) {
    const auto told = earlier_.events.find(event);
    return told == earlier_.events.end() ? 0 : told->second;
  };
  nlohmann::json floors = nlohmann::json::array();
  for (const auto& [kind, floor] : peer.floors().all())
    floors.push_back({{"training", kind.training},
                      {"layer", kind.layer},
                      {"pass", kind.pass == codes::PassKind::kForward ? "forward" : "backward"},
                      {"part", protocol::name_of(kind.part)},
                      {"median", floor.median()},
                      {"threshold", floor.threshold()},
                      {"over_cap", floor.over_cap()}});
  nlohmann::json summary = {
      {"index", self},
      {"exit_code", exit_code},
      {"steps", steps_},
      {"seconds", seconds_},
      {"seconds_total", earlier_.seconds + seconds_since(born_)},
      {"lives", earlier_.count + 1},
      {"bytes_sent", bytes_sent()},
      {"bytes_received", transport_ == nullptr ? 0 : transport_->counters().bytes_received},
      {"frames_dropped", transport_ == nullptr ? 0 : transport_->counters().frames_dropped},
      {"rounds", status.rounds},
      {"noise_rounds", earlier_.noise_rounds + status.noise_rounds},
      {"recomputed_rounds", status.recomputed_rounds},
      {"unchecked_rounds", status.unchecked_rounds},
      {"repairs", before("repaired") + status.repairs},
      {"rebuilds", before("rebuilt") + status.rebuilds},
      {"cleanings", before("cleaned") + status.cleanings},
      {"repair_bytes", earlier_.repair_bytes + status.repair_bytes},
      {"operands_recomputed", before("operand_recomputed") + status.operands_recomputed},
      {"wrong_checksums", status.wrong_checksums},
      {"unexplained_scrubs", status.unexplained_scrubs},
      {"rollbacks", before("rolled_back") + status.rollbacks},
      {"follows", before("follows") + status.follows},
      {"resumes", before("resumed") + status.resumes},
      {"refused", peer.failure() && peer.failure()->kind == FailureKind::kRefused ? 1 : 0},
      {"largest_kappa", largest_kappa_},
      {"floors", floors}};
  if (count > 0 && std::isfinite(loss)) summary["train_loss"] = loss / static_cast<double>(count);
  if (final_accuracy_ >= 0.0) summary["test_accuracy"] = final_accuracy_;
  const std::string text = to_text(summary, 2) + "\n";
  return write_file_atomically(folder_ + kSummaryFile, {},
                               {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
}

}  // namespace polydot::node
