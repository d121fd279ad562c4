#include "tools/profile_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

namespace polydot::tools {

namespace {
constexpr std::size_t kMostShown = 3;   // peers that were waited for
constexpr double kWorthShowing = 0.01;  // of the steps
}  // namespace

std::string profile_table(const node::RunProfile& profile) {
  const auto idle = static_cast<std::size_t>(codes::Work::kIdle);
  const double busy =
      std::accumulate(profile.work_ms.begin(), profile.work_ms.end(), 0.0) - profile.work_ms[idle];
  std::string text = fmt::format("where a step went      mean of {} peers, {} steps each; {:.2f} ms a step\n",
                                 profile.peers, profile.steps, profile.wall_ms);
  for (std::size_t k = 0; k < codes::kWorkKinds; ++k) {
    if (k == idle) continue;
    text += fmt::format("  {:<20} {:>9.3f} ms  {:>5.1f} %\n", codes::name_of(static_cast<codes::Work>(k)),
                        profile.work_ms[k], busy > 0 ? 100.0 * profile.work_ms[k] / busy : 0.0);
  }
  text += fmt::format("  {:<20} {:>9.3f} ms  on the wall\n", "waiting for others", profile.work_ms[idle]);
  text += fmt::format("  {:<20} {:>9.3f} ms  all peers together\n", "their threads", profile.thread_cpu_ms);
  text += fmt::format("  {:<20} {:>9.3f} ms  with input, output and kernel\n", "their processes",
                      profile.process_cpu_ms);
  std::vector<std::size_t> order(profile.waited_for.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return profile.waited_for[a] > profile.waited_for[b];
  });
  std::string last;
  for (std::size_t k = 0; k < std::min(kMostShown, order.size()); ++k)
    if (const double share = profile.waited_for[order[k]]; share >= kWorthShowing)
      last += fmt::format("{}peer {} in {:.0f} %", last.empty() ? "" : ", ", order[k], 100 * share);
  return text + fmt::format("  {:<20} {}\n", "came last", last.empty() ? "nobody" : last);
}

}  // namespace polydot::tools
