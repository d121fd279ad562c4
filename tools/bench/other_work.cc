#include "tools/bench/other_work.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <string>

#include <fmt/format.h>

#include "node/system/work_clock.h"

namespace polydot::bench {

namespace {

// More than this, in processors, and runs that wait for one another are measured with the others' noise.
constexpr double kQuiet = 0.1;

double cpu_seconds_of(int who) {
  rusage usage{};
  ::getrusage(who, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + 1e-6 * static_cast<double>(time.tv_usec);
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

}  // namespace

OtherWork::OtherWork() : since_(now()) {}

OtherWork::Seconds OtherWork::now() {
  Seconds all{node::wall_seconds(), 0.0, cpu_seconds_of(RUSAGE_SELF) + cpu_seconds_of(RUSAGE_CHILDREN)};
  // cpu user nice system idle iowait irq softirq steal ...: all but idle and iowait.
  std::ifstream stat("/proc/stat");
  std::string name;
  stat >> name;
  double ticks = 0.0;
  for (int column = 0; column < 8 && stat >> ticks; ++column)
    if (column != 3 && column != 4) all.machine += ticks / static_cast<double>(::sysconf(_SC_CLK_TCK));
  return all;
}

double OtherWork::processors() const {
  const Seconds end = now();
  const double others = (end.machine - since_.machine) - (end.own - since_.own);
  return std::max(0.0, others / (end.wall - since_.wall));
}

std::string OtherWork::text() const {
  const double others = processors();
  return fmt::format("Other work took {:.2f} of {} processors meanwhile{}.", others,
                     ::sysconf(_SC_NPROCESSORS_ONLN),
                     others > kQuiet ? ": trust no ratio of wall times, and others with care" : "");
}

}  // namespace polydot::bench
