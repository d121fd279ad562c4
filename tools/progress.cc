#include "tools/progress.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <vector>

#include "node/files/run_layout.h"

namespace polydot::tools {

namespace {

// The last whole line of a file, split at commas; empty if there is none.
std::vector<std::string> last_row(const std::string& path) {
  std::ifstream file(path, std::ios::ate);
  const std::streamoff size = file ? static_cast<std::streamoff>(file.tellg()) : 0;
  constexpr std::streamoff kTail = 4096;
  file.seekg(std::max<std::streamoff>(0, size - kTail));
  std::string tail(static_cast<std::size_t>(std::min(size, kTail)), '\0');
  if (!file.read(tail.data(), static_cast<std::streamsize>(tail.size()))) return {};
  const std::size_t end = tail.rfind('\n');
  if (end == std::string::npos || end == 0) return {};
  const std::size_t begin = tail.rfind('\n', end - 1);
  if (begin == std::string::npos) return {};  // the heading
  std::vector<std::string> cells(1);
  for (char c : tail.substr(begin + 1, end - begin - 1))
    if (c == ',')
      cells.emplace_back();
    else
      cells.back() += c;
  return cells;
}

// A longer line would go on in the next, and never be written over.
std::size_t terminal_columns() {
  winsize size{};
  const bool known = ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1;
  return known ? size.ws_col : 80;
}

std::string duration_text(double seconds) {
  const auto whole = static_cast<long>(seconds + 0.5);
  return whole >= 3600 ? fmt::format("{}:{:02}:{:02}", whole / 3600, whole / 60 % 60, whole % 60)
                       : fmt::format("{}:{:02}", whole / 60, whole % 60);
}

}  // namespace

ProgressPoint newest_point(const std::string& peer_folder) {
  ProgressPoint point;
  try {
    if (const auto row = last_row(peer_folder + node::kMetricsFile); row.size() >= 8) {
      point.step = std::stoull(row[0]) + 1;
      point.epoch = std::stoull(row[1]);
      point.loss = std::stod(row[2]);
      point.batch_accuracy = std::stod(row[3]);
      point.seconds = std::stod(row[5]);
      point.findings = std::stoull(row[7]);
    }
    if (const auto row = last_row(peer_folder + node::kEvaluationsFile); row.size() >= 4)
      point.test_accuracy = std::stod(row[3]);
  } catch (const std::exception&) {
    return {};  // a row that is being written; the next look sees it whole
  }
  return point;
}

std::string progress_text(const ProgressPoint& point, std::uint64_t total_steps) {
  const double rate = point.seconds > 0 ? static_cast<double>(point.step - 1) / point.seconds : 0;
  std::string text = fmt::format(
      "step {}/{}  epoch {}  loss {:.4f}  accuracy {:.1f} %", point.step, total_steps, point.epoch + 1,
      point.loss, 100 * (point.test_accuracy >= 0 ? point.test_accuracy : point.batch_accuracy));
  text += point.test_accuracy >= 0 ? " (test)" : " (batch)";
  if (rate > 0)
    text += fmt::format(
        "  {:.1f} steps/s  corrections {}  left {}", rate, point.findings,
        duration_text(static_cast<double>(total_steps - std::min(point.step, total_steps)) / rate));
  return text;
}

void Progress::look(const std::string& peer_folder) {
  if (quiet_) return;
  constexpr std::chrono::milliseconds kOnTerminal{500}, kElsewhere{5000};
  if (Clock::now() - shown_ < (terminal_ ? kOnTerminal : kElsewhere)) return;
  const ProgressPoint point = newest_point(peer_folder);
  if (point.step == 0 || point.step == shown_step_) return;
  show(point);
}

void Progress::show(const ProgressPoint& point) {
  shown_ = Clock::now();
  shown_step_ = point.step;
  const std::string text = progress_text(point, total_steps_);
  if (terminal_)
    std::fprintf(stderr, "\r%s\033[K", text.substr(0, terminal_columns() - 1).c_str());
  else
    std::fprintf(stderr, "%s\n", text.c_str());
  std::fflush(stderr);
  open_line_ = terminal_;
}

void Progress::finish() {
  if (open_line_) std::fprintf(stderr, "\n");
  open_line_ = false;
}

}  // namespace polydot::tools
