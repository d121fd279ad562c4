// The progress of a run on stderr: one line that rewrites itself on a terminal, plain lines now and then
// elsewhere. Read from what a peer writes into its folder; nothing is asked of the peers.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace polydot::tools {

struct ProgressPoint {
  std::uint64_t step = 0;  // steps done
  std::uint64_t epoch = 0;
  double loss = 0, batch_accuracy = 0, seconds = 0;
  std::uint64_t findings = 0;
  double test_accuracy = -1;  // of the last evaluation; below 0: none yet
};

class Progress {
 public:
  // total_steps: of the run; terminal: stderr is one.
  Progress(std::uint64_t total_steps, bool terminal, bool quiet)
      : total_steps_(total_steps), terminal_(terminal), quiet_(quiet) {}
  // Reads the newest point of the peer's folder and shows it if it is time.
  void look(const std::string& peer_folder);
  // Ends the line on a terminal.
  void finish();

 private:
  void show(const ProgressPoint& point);
  using Clock = std::chrono::steady_clock;

  std::uint64_t total_steps_;
  bool terminal_, quiet_;
  Clock::time_point shown_{};
  std::uint64_t shown_step_ = 0;
  bool open_line_ = false;
};

// "step 120/1565  epoch 1  loss 0.532 ..."; rate 0: not known yet.
std::string progress_text(const ProgressPoint& point, std::uint64_t total_steps);
// The newest row of a peer's metrics.csv and evaluations.csv; step 0 if there is none.
ProgressPoint newest_point(const std::string& peer_folder);

}  // namespace polydot::tools
