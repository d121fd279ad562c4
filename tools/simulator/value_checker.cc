#include "tools/simulator/value_checker.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

namespace polydot::simulator {

class ValueChecker::Watch : public dnn::TrainingObserver, public protocol::PeerObserver {
 public:
  Watch(ValueChecker& owner, int peer) : owner_(owner), peer_(peer) {}
  void on_samples(std::uint64_t, std::span<const std::uint32_t> samples) override {
    samples_.assign(samples.begin(), samples.end());
  }
  void on_step(const dnn::StepRecord& record) override { owner_.on_step(peer_, record, samples_); }
  void on_round(const protocol::RoundReport& report) override { owner_.on_round(peer_, report); }
  void on_event(const protocol::PeerEvent& event) override { owner_.on_event(peer_, event); }
  void on_notice(const std::string& line) override { owner_.options_.on_line(peer_, line); }

 private:
  ValueChecker& owner_;
  int peer_;
  std::vector<std::uint32_t> samples_;
};

ValueChecker::ValueChecker(int peers, ValueCheckerOptions options, Violations& violations)
    : options_(std::move(options)), violations_(violations), suspects_(static_cast<std::size_t>(peers)) {
  anybody_was_hit_ = options_.somebody_sends_nonsense;
  for (int p = 0; p < peers; ++p) watches_.push_back(std::make_unique<Watch>(*this, p));
}

ValueChecker::~ValueChecker() = default;

dnn::TrainingObserver* ValueChecker::training_observer(int peer) {
  return watches_[static_cast<std::size_t>(peer)].get();
}
protocol::PeerObserver* ValueChecker::peer_observer(int peer) {
  return watches_[static_cast<std::size_t>(peer)].get();
}

void ValueChecker::note_crash(int peer) {
  Suspect& suspect = suspects_[static_cast<std::size_t>(peer)];
  suspect.crashed = true;
  suspect.rebuilt_at.clear();
}

bool ValueChecker::was_hit(int peer, std::uint64_t step, std::uint64_t steps_before) const {
  const node::Injector* truth = options_.truth[static_cast<std::size_t>(peer)];
  if (truth == nullptr) return false;
  const auto& all = truth->injections();
  return std::any_of(all.begin(), all.end(), [&](const node::Injection& one) {
    return one.step <= step && step <= one.step + steps_before;
  });
}

// Two peers that hold the same had the same entry replaced by the same value (all of those near zero are) at
// the same time: of three copies they outvote the third (protocol/ASSUMPTIONS.md), and all that follows is of
// another computation.
bool ValueChecker::copies_agreed_by_chance(std::uint64_t step) const {
  constexpr double kAlike = 1e-6;  // beside what it was
  const auto alike = [&](const node::Injection& a, const node::Injection& b) {
    const bool same_place = a.step == b.step && a.slot == b.slot && a.stage == b.stage &&
                            a.shard == b.shard && a.row == b.row && a.col == b.col && a.count == 1 &&
                            b.count == 1;
    const double apart = std::abs(static_cast<double>(a.after) - static_cast<double>(b.after));
    return same_place && a.step <= step && apart <= kAlike * std::abs(static_cast<double>(a.before));
  };
  const codes::MatrixD& encoder = options_.code->shards.front().encoder;
  const auto& truth = options_.truth;
  for (std::size_t p = 0; p < truth.size(); ++p)
    for (std::size_t q = p + 1; q < truth.size(); ++q) {
      const bool same =
          encoder.row(static_cast<codes::Index>(p)) == encoder.row(static_cast<codes::Index>(q));
      if (!same || truth[p] == nullptr || truth[q] == nullptr) continue;
      for (const node::Injection& a : truth[p]->injections())
        for (const node::Injection& b : truth[q]->injections())
          if (alike(a, b)) return true;
    }
  return false;
}

bool ValueChecker::is_as_good_as_new(int peer, std::pair<codes::Index, codes::Index> shard,
                                     std::uint64_t step) const {
  const auto& rebuilt = suspects_[static_cast<std::size_t>(peer)].rebuilt_at;
  const auto found = rebuilt.find(shard);
  // A step more: what it made before may still be on its way.
  if (found == rebuilt.end() || step < found->second + 2) return false;
  return !was_hit(peer, step, step - found->second + kRebuildLasts);
}

bool ValueChecker::is_innocent(int peer, std::uint64_t step) const {
  return !suspects_[static_cast<std::size_t>(peer)].crashed && !was_hit(peer, step, step);
}

void ValueChecker::on_step(int peer, const dnn::StepRecord& record, std::span<const std::uint32_t> samples) {
  ++counts_.commits;
  options_.on_commit(peer, record, samples);
  // A wrong number that reaches the loss of its own peer is put right only in what follows.
  if (was_hit(peer, record.step, 1)) return;
  const double wanted = options_.reference->loss(record.step);
  const double rounding = options_.reference->rounding(record.step);
  const double allowed = tolerance_of(kLossTolerance, rounding) * std::max(1.0, std::abs(wanted));
  const double distance = std::abs(record.loss - wanted);
  if (!(distance <= allowed) && copies_agreed_by_chance(record.step)) return;
  if (violations_.exceeds("a loss", distance, allowed))
    violations_.add(options_.now_ms(), fmt::format("loss: peer {} has {} at step {}, the reference {}", peer,
                                                   record.loss, record.step, wanted));
}

void ValueChecker::on_round(int finder, const protocol::RoundReport& report) {
  options_.on_round(finder, report);
  look_at(finder, report, "product", report.verdict->findings);
  if (report.scrubs == nullptr) return;
  if (report.training) compare(finder, report);
  for (const protocol::ScrubReport& scrub : *report.scrubs) {
    for (const codes::Finding& finding : scrub.verdict.findings)
      suspects_[static_cast<std::size_t>(finding.peer)].accused = true;
    look_at(finder, report, name_of(scrub.part), scrub.verdict.findings);
  }
}

void ValueChecker::compare(int peer, const protocol::RoundReport& report) {
  const codes::Matrix& product = report.verdict->product;
  const codes::Matrix& right = options_.reference->product(report.key.step, report.key.slot);
  double difference = std::numeric_limits<double>::infinity();
  if (product.rows() == right.rows() && product.cols() == right.cols())
    difference = static_cast<double>((product - right).norm()) / static_cast<double>(right.norm());
  ++counts_.committed;
  if (difference <= tolerance_of(kCommittedTolerance, options_.reference->rounding(report.key.step))) {
    counts_.largest_difference = std::max(counts_.largest_difference, difference);
    return;
  }
  ++counts_.committed_wrong;  // also when it is no number
  const std::string what = fmt::format(
      "committed: peer {} took a product of step {} slot {:x} layer {} that is {:.2g} from the "
      "reference's",
      peer, report.key.step, report.key.slot, report.layer, difference);
  options_.on_line(peer, what);
  if (!options_.may_blame_anyone && !copies_agreed_by_chance(report.key.step))
    violations_.add(options_.now_ms(), what);
}

void ValueChecker::look_at(int finder, const protocol::RoundReport& report, const char* what,
                           const std::vector<codes::Finding>& findings) {
  const std::uint64_t step = report.key.step;
  for (const node::Injector* truth : options_.truth)
    anybody_was_hit_ = anybody_was_hit_ || (truth != nullptr && !truth->injections().empty());
  for (const codes::Finding& finding : findings) {
    ++counts_.located;
    options_.on_line(
        finder,
        fmt::format("locates {} in the {} of step {} slot {:x} attempt {} layer {}: {:.3g}", finding.peer,
                    what, step, report.key.slot, report.key.attempt, report.layer, finding.size_over_floor));
    // Whoever was hit itself may see wrong numbers where there are none.
    if (options_.may_blame_anyone || was_hit(finder, step, 1)) continue;
    if (anybody_was_hit_ && finding.size_over_floor < kBlameFromFloors) continue;
    if (counts_.rebuilds > 0 && finding.size_over_floor <= kRebuiltFromFloors) {
      suspects_[static_cast<std::size_t>(finding.peer)].excused_at = step;
      continue;
    }
    const codes::Index shard = options_.code->pass(report.pass).shard;
    if (is_as_good_as_new(finding.peer, {report.layer, shard}, step))
      violations_.add(
          options_.now_ms(),
          fmt::format("again: peer {} locates peer {} in the {} of step {} layer {}, {:.3g} over the "
                      "floor, whose shard {} was rebuilt, and nothing was done to it since",
                      finder, finding.peer, what, step, report.layer, finding.size_over_floor, shard));
    if (is_innocent(finding.peer, step))
      violations_.add(
          options_.now_ms(),
          fmt::format("blame: peer {} locates peer {}, to which nothing was done, in the {} of step {} "
                      "layer {}, {:.3g} over the floor",
                      finder, finding.peer, what, step, report.layer, finding.size_over_floor));
  }
}

void ValueChecker::on_event(int peer, const protocol::PeerEvent& event) {
  const auto is = [&](const char* name) { return std::strcmp(event.name, name) == 0; };
  options_.on_line(peer, fmt::format("{}: step {} slot {:x} peer {} layer {} shard {} lines {} boundary {}",
                                     event.name, event.step, event.slot, event.peer, event.layer, event.shard,
                                     event.lines, event.boundary));
  if (is("follows")) {
    note_crash(peer);
    options_.on_follow(peer, event.boundary);
  }
  counts_.rollbacks += is("rolled_back");
  counts_.cleanings += is("cleaned");
  counts_.repairs += is("repaired");
  counts_.rebuilds += is("rebuilt");
  if (!is("repaired") && !is("rebuilt")) return;
  if (is("repaired") && !suspects_[static_cast<std::size_t>(peer)].accused)
    violations_.add(options_.now_ms(),
                    fmt::format("repair: peer {} repaired {} lines of layer {} at step {}, and "
                                "no scrub named it to anybody",
                                peer, event.lines, event.layer, event.step));
  if (is("rebuilt"))
    suspects_[static_cast<std::size_t>(peer)].rebuilt_at[{event.layer, event.shard}] = event.step;
  const auto excused_at = suspects_[static_cast<std::size_t>(peer)].excused_at;
  const bool excused = is("repaired") && excused_at && event.step <= *excused_at + kRebuildLasts;
  if (!options_.may_blame_anyone && !anybody_was_hit_ && !excused && is_innocent(peer, event.step))
    violations_.add(options_.now_ms(),
                    fmt::format("blame: peer {} {} {} lines of layer {} at step {}, and nothing "
                                "was done to it",
                                peer, event.name, event.lines, event.layer, event.step));
}

void ValueChecker::check_shard(const codes::ProductCode& code, int peer, codes::Index layer,
                               codes::Index shard, const codes::Matrix& held, std::uint64_t boundary) {
  const double distance = options_.reference->shard_distance(code, peer, layer, shard, held, boundary);
  const double allowed = tolerance_of(kWeightTolerance, options_.reference->rounding(boundary));
  if (!(distance <= allowed) && copies_agreed_by_chance(boundary)) return;
  if (violations_.exceeds("a shard at the end", distance, allowed))
    violations_.add(options_.now_ms(),
                    fmt::format("weights: peer {}'s shard {} of layer {} is {:.2g} from the "
                                "reference's after step {}, {:.2g} are allowed",
                                peer, shard, layer, distance, boundary, allowed));
}

void ValueChecker::check_status(int peer, const protocol::Status& status) {
  if (status.unchecked_rounds > 0)
    violations_.add(options_.now_ms(), fmt::format("unchecked: peer {} delivered {} rounds without a spare "
                                                   "contribution",
                                                   peer, status.unchecked_rounds));
}

}  // namespace polydot::simulator
