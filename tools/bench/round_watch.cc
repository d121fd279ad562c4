#include "tools/bench/round_watch.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace polydot::bench {

void RoundWatch::on_round(const protocol::RoundReport& report) {
  note(report, protocol::RoundPart::kProduct, *report.verdict);
  if (report.training) judged.push_back({report.key, report.present, report.scrubs != nullptr});
  if (report.scrubs == nullptr) return;  // not done yet
  for (const protocol::ScrubReport& scrub : *report.scrubs) note(report, scrub.part, scrub.verdict);
  if (!report.training) return;
  const codes::Matrix& product = report.verdict->product;
  if (kept_ != nullptr) kept_->insert_or_assign({report.key.step, report.key.slot}, product);
  if (compared_ != nullptr) compare(report, product);
}

void RoundWatch::note(const protocol::RoundReport& report, protocol::RoundPart part,
                      const codes::RoundVerdict& verdict) {
  // As the ledger: whom a round that nobody can explain seems to name is as often right as wrong.
  if (verdict.state == codes::RoundState::kUnexplained) return;
  for (const codes::Finding& finding : verdict.findings)
    named.push_back({report.key, report.layer, part, finding.peer, self_, finding.size_over_floor});
}

void RoundWatch::compare(const protocol::RoundReport& report, const codes::Matrix& product) {
  const StepSlot at{report.key.step, report.key.slot};
  const auto clean = compared_->find(at);
  if (clean == compared_->end()) return;
  double difference = std::numeric_limits<double>::infinity();
  if (product.rows() == clean->second.rows() && product.cols() == clean->second.cols())
    difference = static_cast<double>((product - clean->second).norm()) /
                 std::max(static_cast<double>(clean->second.norm()), 1e-30);
  if (difference <= kTolerance)
    largest_difference = std::max(largest_difference, difference);
  else  // also when it is no number
    wrong_products.push_back({at, self_, difference});
}

}  // namespace polydot::bench
