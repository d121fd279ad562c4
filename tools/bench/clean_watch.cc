#include "tools/bench/clean_watch.h"

#include <algorithm>
#include <string_view>

#include <fmt/format.h>

#include "tools/bench/small_training.h"

namespace polydot::bench {

using protocol::RoundPart;

std::map<std::string, double> highest_floors(const protocol::Floors& floors) {
  std::map<std::string, double> highest;
  for (const auto& [kind, floor] : floors.all()) {
    if (!kind.training || floor.learned() == 0) continue;
    const bool forward = kind.pass == codes::PassKind::kForward;
    const std::string name = kind.part != RoundPart::kProduct ? name_of(kind.part)
                             : forward                        ? "forward"
                                                              : "backward";
    highest[name] = std::max(highest[name], floor.median());
  }
  return highest;
}

void CleanWatch::on_round(const protocol::RoundReport& report) {
  if (report.scrubs == nullptr) {
    ++unexplained;
    if (unexplained <= 1)
      remarks.push_back(
          fmt::format("step {}, layer {}: {}", report.key.step, report.layer, report.verdict->reason));
    return;
  }
  if (!report.training) return;
  ++rounds;
  complete_rounds += report.present.size() == kSmallPeers;
  noise_rounds += report.verdict->is_noise();
  blame(report, "product", *report.verdict);
  for (const protocol::ScrubReport& scrub : *report.scrubs) blame(report, name_of(scrub.part), scrub.verdict);
  if (every_ == 0 || report.key.step < sampled_) return;
  sampled_ = report.key.step + every_;
  samples.push_back({report.key.step, highest_floors(floors_())});
}

void CleanWatch::on_event(const protocol::PeerEvent& event) {
  const std::string_view name = event.name;
  repairs += name == "repaired" || name == "rebuilt";
}

void CleanWatch::blame(const protocol::RoundReport& report, const char* part,
                       const codes::RoundVerdict& verdict) {
  for (const codes::Finding& finding : verdict.findings)
    if (++blamed <= 4)
      remarks.push_back(fmt::format("step {}, layer {}, {}: peer {}, {:.3g} thresholds", report.key.step,
                                    report.layer, part, finding.peer, finding.size_over_floor));
}

}  // namespace polydot::bench
