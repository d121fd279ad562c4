#include "tools/simulator/lineage_checker.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

namespace polydot::simulator {

void LineageChecker::on_commit(std::int64_t at_ms, int peer, std::uint32_t epoch, std::uint64_t step,
                               std::uint64_t data_epoch, std::span<const std::uint32_t> batch) {
  if (steps_.size() <= step) steps_.resize(static_cast<std::size_t>(step) + 1);
  Commit& last = steps_[static_cast<std::size_t>(step)];
  if (!last.batch.empty() && epoch < last.epoch) return;  // it does not know yet that all went back
  if (last.batch.empty() || epoch > last.epoch) {
    last = {epoch, data_epoch, {batch.begin(), batch.end()}};
    return;
  }
  if (last.data_epoch != data_epoch ||
      !std::equal(batch.begin(), batch.end(), last.batch.begin(), last.batch.end()))
    violations_.add(at_ms,
                    fmt::format("batch: peer {} has trained on other samples than others in step {} of "
                                "epoch {}",
                                peer, step, epoch));
}

void LineageChecker::check(std::int64_t at_ms, std::uint64_t steps) {
  std::map<std::uint64_t, std::vector<std::uint64_t>> taken;  // by epoch of the data, by sample: how often
  for (std::uint64_t step = 0; step < steps; ++step) {
    if (step >= steps_.size() || steps_[static_cast<std::size_t>(step)].batch.empty()) {
      violations_.add(at_ms, fmt::format("lineage: nobody has committed step {} of {}", step, steps));
      return;
    }
    const Commit& commit = steps_[static_cast<std::size_t>(step)];
    std::vector<std::uint64_t>& times = taken[commit.data_epoch];
    times.resize(static_cast<std::size_t>(samples_));
    for (const std::uint32_t sample : commit.batch)
      if (sample < samples_) ++times[sample];
  }
  for (const auto& [data_epoch, times] : taken) {
    const bool over = data_epoch < taken.rbegin()->first;
    const auto wrong = std::find_if(times.begin(), times.end(),
                                    [&](std::uint64_t count) { return over ? count != 1 : count > 1; });
    if (wrong != times.end())
      violations_.add(at_ms, fmt::format("lineage: epoch {} of the data takes sample {} {} times", data_epoch,
                                         wrong - times.begin(), *wrong));
  }
}

}  // namespace polydot::simulator
