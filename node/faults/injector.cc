#include "node/faults/injector.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "dnn/operations/random.h"

namespace polydot::node {

namespace {

using codes::Stage;
using codes::TapPoint;

constexpr std::uint64_t kGolden = 0x9e3779b97f4a7c15, kSpread = 0x2545f4914f6cdd1d;

// FNV-1a: the same on every machine.
std::uint64_t hash_of(const std::string& text) {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const char letter : text) hash = (hash ^ static_cast<unsigned char>(letter)) * 0x100000001b3;
  return hash;
}

bool recurs(const InjectSpec& spec) { return spec.sticky || is_lasting(spec.model); }

bool is_stored(Stage stage) {
  return stage == Stage::kWeights || stage == Stage::kOptimizer || stage == Stage::kUpdate;
}

}  // namespace

Injector::Injector(std::uint64_t seed, int self)
    : seed_(seed),
      self_(self),
      judge_(self, [this](const Injection& injection) { log_.write(self_, injection); }) {}

Result<std::unique_ptr<Injector>> Injector::make(std::vector<InjectSpec> specs, std::uint64_t seed, int self,
                                                 const std::string& path, Records records,
                                                 std::uint64_t steps_before) {
  std::unique_ptr<Injector> injector(new Injector(seed, self));
  if (const Outcome opened = injector->log_.open(path, records); !opened) return opened.failure();
  injector->replayed_to_ = steps_before;
  for (const InjectSpec& spec : specs) injector->add(spec);
  return injector;
}

Injector::~Injector() { judge_.settle_all(injections_); }

void Injector::add(const InjectSpec& spec) {
  // A spec given twice is two faults.
  const std::string text = to_text(spec);
  const std::uint64_t copy = copies_[text]++;
  if (spec.covers_peer(self_)) armed_.push_back({spec, hash_of(text) + copy});
}

bool Injector::aims_at(std::uint64_t step, Stage stage) const {
  // By the coded operands it is judged what was injected before.
  if (stage == Stage::kEncode && !armed_.empty()) return true;
  return std::any_of(armed_.begin(), armed_.end(), [&](const Armed& armed) {
    const InjectSpec& spec = armed.spec;
    const bool keeps = spec.model == FaultModel::kStale && spec.covers_step(step + 1);
    return spec.stage == stage && (keeps || spec.covers_step(step));
  });
}

void Injector::visit(const TapPoint& point, Eigen::Ref<codes::Matrix> live) {
  // Evaluations are not hit. Yet what the last update left shows there, and nowhere else.
  if (live.size() == 0 || (!point.training && point.stage != Stage::kEncode)) return;
  // What was sent is sent again to who asks for it, also in the next step.
  if (point.stage == Stage::kContribution && point.step < step_) return;
  if (point.step != step_) {
    judge_.begin_step(injections_, point.step);
    visited_.clear();
    step_ = point.step;
  }
  if (point.training) {
    if (step_ < trained_step_) replayed_to_ = std::max(replayed_to_, trained_step_ + 1);
    trained_step_ = step_;
  }
  if (point.stage == Stage::kEncode) judge_.look(injections_, point, live);
  const Place place{point.stage, point.slot, point.pass, point.layer, point.shard};
  if (armed_.empty() || !point.training) return;
  const bool first = visited_.emplace(place, point.attempt).second;
  if (first) keep(point, place, live);
  const bool again = !first || point.attempt > 0 || point.step < replayed_to_;
  for (const Armed& armed : armed_)
    if (armed.spec.stage == point.stage && armed.spec.covers(self_, point) && (!again || recurs(armed.spec)))
      inject(point, armed, place, live);
}

void Injector::led_to(const TapPoint& point, const codes::Matrix& clean, const codes::Matrix& faulty) {
  judge_.led_to(injections_, point, clean, faulty);
}

void Injector::inject(const TapPoint& point, const Armed& armed, const Place& place,
                      Eigen::Ref<codes::Matrix> live) {
  const InjectSpec& spec = armed.spec;
  const std::uint64_t seed = spec.seed.value_or(seed_) ^ armed.key;
  const std::uint64_t machine = seed + static_cast<std::uint64_t>(self_) * kGolden;
  // A generator of its own for each place and time, and one for all peers that are to go wrong together.
  const std::uint64_t layer = static_cast<std::uint64_t>(point.layer),
                      shard = static_cast<std::uint64_t>(point.shard);
  const std::uint64_t where = (point.slot * kSpread + layer) * kGolden + shard;
  const bool common = spec.model == FaultModel::kCorrelated;
  dnn::Random random(common ? seed : machine, dnn::RandomStream::kFaults, where * kSpread + point.step);
  if (random.uniform() >= spec.rate.value_or(1.0)) return;

  FaultDraw draw{.spec = spec, .random = random, .machine_seed = machine};
  if (const auto kept = kept_.find(place);
      kept != kept_.end() && kept->second.earlier_step + 1 == point.step && kept->second.earlier.size() > 0)
    draw.earlier = &kept->second.earlier;
  if (point.floor != nullptr)
    draw.one_floor = [&point](codes::Index row, codes::Index col) {
      return InjectionJudge::one_floor(point, row, col);
    };
  const std::vector<ElementChange> changes = apply_fault(draw, live);
  if (changes.empty()) return;

  const ElementChange& first = changes.front();
  Injection injection;
  injection.step = injection.found_step = point.step;
  injection.slot = injection.found_slot = point.slot;
  injection.layer = injection.found_layer = point.layer;
  injection.attempt = injection.found_attempt = point.attempt;
  injection.found_epoch = point.epoch;
  injection.stage = point.stage;
  injection.model = spec.model;
  injection.pass = point.pass;
  injection.shard = point.shard;
  injection.count = static_cast<codes::Index>(changes.size());
  injection.row = first.row;
  injection.col = first.col;
  injection.before = first.before;
  injection.after = first.after;
  const std::uint32_t differ =
      std::bit_cast<std::uint32_t>(first.before) ^ std::bit_cast<std::uint32_t>(first.after);
  POLYDOT_CHECK(differ != 0);
  injection.bit = static_cast<unsigned>(std::bit_width(differ)) - 1;
  injection.lasting = is_stored(point.stage) || spec.model == FaultModel::kSticky;
  injections_.push_back(injection);
  judge_.take(injections_, injections_.size() - 1, point, changes, live);
}

// What a buffer held, for a fault that brings it back in the next step; from before any fault of ours.
void Injector::keep(const TapPoint& point, const Place& place, const Eigen::Ref<codes::Matrix>& live) {
  const bool wanted = std::any_of(armed_.begin(), armed_.end(), [&](const Armed& armed) {
    TapPoint next = point;
    ++next.step;
    return armed.spec.model == FaultModel::kStale && armed.spec.stage == point.stage &&
           (armed.spec.covers(self_, point) || armed.spec.covers(self_, next));
  });
  if (!wanted || point.attempt > 0) return;
  Kept& kept = kept_[place];
  kept.earlier.swap(kept.now);
  kept.earlier_step = kept.step;
  kept.now = live;
  kept.step = point.step;
}

}  // namespace polydot::node
