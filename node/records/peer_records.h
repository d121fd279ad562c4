// What one peer writes about its run: a row a step, a row an evaluation, the ledger, and a summary at the
// end. Nothing here is read by the training.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>

#include "codes/base/result.h"
#include "codes/base/work_profile.h"
#include "dnn/optimizers/training_plan.h"
#include "node/files/record_file.h"
#include "node/records/earlier_lives.h"
#include "node/records/round_records.h"
#include "node/system/rate.h"
#include "node/system/work_clock.h"
#include "protocol/peer.h"
#include "protocol/wire/transport.h"

namespace polydot::node {

class PeerRecords : public protocol::PeerObserver, public dnn::TrainingObserver {
 public:
  // folder: of this peer, made if need be; empty: nothing is written. kGoOn: after what earlier lives wrote
  // there, and the summary counts them. peers: of the run. Failure: kData.
  Outcome open(const std::string& folder, Records records, int peers);
  // In all lives.
  std::uint64_t steps() const { return steps_; }
  // What the thread that works for the peer is to listen with.
  codes::WorkProfile& work() { return work_; }
  // The transport whose bytes are counted; may be set once it exists.
  void watch(const protocol::Transport* transport) { transport_ = transport; }

  void on_started(std::int64_t now_ms) override;
  void on_round(const protocol::RoundReport& report) override;
  void on_event(const protocol::PeerEvent& event) override;
  void on_notice(const std::string& line) override;
  void on_step(const dnn::StepRecord& record) override;
  void on_evaluation(const dnn::EvaluationRecord& record) override;

  // Writes what is left and the summary. exit_code: how the process is going to end.
  Outcome finish(const protocol::Peer& peer, int self, int exit_code, std::uint64_t steps_per_epoch);

 private:
  std::uint64_t bytes_sent() const;  // in all lives
  void keep_least(const protocol::Budget& budget);

  struct CpuSeconds {
    double thread = thread_cpu_seconds(), process = process_cpu_seconds();
  };
  std::string step_costs();
  void forget_costs();  // of what is no training

  using Clock = std::chrono::steady_clock;
  static double seconds_since(Clock::time_point start) {
    return std::chrono::duration<double>(Clock::now() - start).count();
  }

  std::string folder_;
  RecordFile metrics_, evaluations_, repairs_;
  RoundRecords rounds_;
  EarlierLives earlier_;
  const protocol::Transport* transport_ = nullptr;

  Clock::time_point born_ = Clock::now(), started_ = Clock::now(), first_step_end_, last_mark_;
  bool stepped_ = false;             // in this life
  double evaluation_seconds_ = 0.0;  // between the end of the first step and the end of the last
  double seconds_ = 0.0;  // training proper: from the end of the first step to the end of the last,
                          // of each life, together
  double pending_evaluation_ = 0.0;  // counts once another step follows it
  std::uint64_t steps_ = 0;
  std::map<std::uint64_t, double> recent_losses_;  // by step
  double final_accuracy_ = -1.0;
  std::int64_t waited_ms_ = 0;        // in the step at hand
  std::int64_t longest_wait_ms_ = 0;  // of its rounds
  int waited_for_ = -1;               // who came last in that round; -1: nobody was waited for
  codes::WorkProfile work_{work_clock};
  CpuSeconds cpu_;  // at the end of the last step
  std::uint64_t noise_ = 0, refused_ = 0;
  double largest_kappa_ = 0.0;
  Rate notices_{100, 1};     // others can cause them
  protocol::Budget budget_;  // the least of the step at hand
};

}  // namespace polydot::node
