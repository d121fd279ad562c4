#include "node/injector.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <utility>

#include "dnn/random.h"

namespace polydot::node {

namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

FaultClass class_of(double size, const codes::PublishedFloor& floor) {
  if (size == 0.0) return FaultClass::kMasked;
  return size < floor.locatable ? FaultClass::kBelowFloor : FaultClass::kAboveFloor;
}

// |after - before|; what is not finite counts as infinite.
double change(const Injection& injection) {
  const double size = std::abs(static_cast<double>(injection.after) - static_cast<double>(injection.before));
  return std::isfinite(size) ? size : kInfinity;
}

// The same number, also where the processor takes denormals for zero (peer_process.cc).
double exact(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  if ((bits >> 23 & 0xff) != 0) return static_cast<double>(value);
  const double size = std::ldexp(static_cast<double>(bits & 0x7fffff), -149);
  return bits >> 31 != 0 ? -size : size;
}

// JSON has no NaN and no infinity.
nlohmann::json number(double value) {
  if (std::isfinite(value)) return value;
  return std::isnan(value) ? "nan" : value > 0 ? "inf" : "-inf";
}

}  // namespace

const char* name_of(FaultClass fault) {
  switch (fault) {
    case FaultClass::kMasked:
      return "masked";
    case FaultClass::kBelowFloor:
      return "below_floor";
    case FaultClass::kAboveFloor:
      return "above_floor";
  }
  return "?";
}

Result<std::unique_ptr<Injector>> Injector::make(std::vector<InjectSpec> specs, std::uint64_t seed, int self,
                                                 const std::string& path) {
  std::unique_ptr<Injector> injector(new Injector(std::move(specs), seed, self));
  if (!path.empty()) {
    injector->file_.open(path, std::ios::trunc);
    if (!injector->file_)
      return data_failure("cannot write " + path + "; check that the folder exists and is writable");
  }
  return injector;
}

Injector::~Injector() { settle_weights(); }

void Injector::visit(const codes::TapPoint& point, Eigen::Ref<codes::Matrix> live) {
  if (!point.training || live.size() == 0) return;
  if (point.step != step_) {
    settle_weights();
    visited_.clear();
    step_ = point.step;
  }
  if (point.stage == codes::Stage::kEncode) judge_weights(point, live);
  if (!visited_.emplace(point.stage, point.slot, point.shard).second) return;
  for (std::size_t spec = 0; spec < specs_.size(); ++spec)
    if (specs_[spec].stage == point.stage && specs_[spec].covers(self_, point.step)) flip(point, spec, live);
}

void Injector::flip(const codes::TapPoint& point, std::size_t spec, Eigen::Ref<codes::Matrix> live) {
  // A generator of its own for each place and time: what is injected does not depend on what else happens.
  const std::uint64_t place =
      (static_cast<std::uint64_t>(point.slot) << 8 | static_cast<std::uint64_t>(point.shard)) << 8 | spec;
  dnn::Random random(seed_ + static_cast<std::uint64_t>(self_) * 0x9e3779b97f4a7c15,
                     dnn::RandomStream::kFaults, place * 0x2545f4914f6cdd1d + point.step);
  if (random.uniform() >= specs_[spec].rate) return;
  Injection injection;
  injection.step = point.step;
  injection.slot = point.slot;
  injection.stage = point.stage;
  injection.layer = point.layer;
  injection.pass = point.pass;
  injection.shard = point.shard;
  injection.row = static_cast<codes::Index>(random.below(static_cast<std::uint64_t>(live.rows())));
  injection.col = static_cast<codes::Index>(random.below(static_cast<std::uint64_t>(live.cols())));
  injection.bit = static_cast<unsigned>(random.below(32));
  float& value = live(injection.row, injection.col);
  injection.before = value;
  value = std::bit_cast<float>(std::bit_cast<std::uint32_t>(value) ^ (std::uint32_t{1} << injection.bit));
  injection.after = value;
  POLYDOT_CHECK(std::bit_cast<std::uint32_t>(injection.before) !=
                std::bit_cast<std::uint32_t>(injection.after));
  if (point.stage == codes::Stage::kWeights) {
    open_.push_back(injections_.size());
  } else if (point.floor != nullptr) {
    injection.size_over_floor =
        change(injection) / point.floor->sigma / (*point.floor->nu)(injection.col) / point.floor->threshold;
    injection.fault_class = class_of(injection.size_over_floor, *point.floor);
    log(injection);
  }
  injections_.push_back(injection);
}

void Injector::judge_weights(const codes::TapPoint& point, const Eigen::Ref<codes::Matrix>& operand) {
  for (std::size_t index : open_) {
    Injection& injection = injections_[index];
    if (injection.layer != point.layer || injection.shard != point.shard || point.floor == nullptr) continue;
    // The wrong weight meets one row of the coded operand: its column forward, its row backward.
    const codes::Index row = point.pass == codes::PassKind::kForward ? injection.col : injection.row;
    const double delta = change(injection);
    double size = std::isfinite(delta) ? 0.0 : kInfinity;
    for (codes::Index c = 0; c < operand.cols() && std::isfinite(delta); ++c)
      size = std::max(size, delta * std::abs(static_cast<double>(operand(row, c))) / point.floor->sigma /
                                (*point.floor->nu)(c));
    size /= point.floor->threshold;
    // What is above the floor of one pass may be larger, and yet below it, in the other.
    const FaultClass fault = class_of(size, *point.floor);
    if (std::pair(fault, size) <= std::pair(injection.fault_class, injection.size_over_floor)) continue;
    injection.size_over_floor = size;
    injection.fault_class = fault;
    injection.pass = point.pass;
    injection.slot = point.slot;
  }
}

void Injector::settle_weights() {
  for (std::size_t index : open_) log(injections_[index]);
  open_.clear();
}

void Injector::log(const Injection& injection) {
  if (!file_.is_open()) return;
  const nlohmann::json line = {{"peer", self_},
                               {"step", injection.step},
                               {"slot", injection.slot},
                               {"stage", std::string(name_of(injection.stage))},
                               {"layer", injection.layer},
                               {"pass", injection.pass == codes::PassKind::kForward ? "forward" : "backward"},
                               {"shard", injection.shard},
                               {"row", injection.row},
                               {"col", injection.col},
                               {"bit", injection.bit},
                               {"before", number(exact(injection.before))},
                               {"after", number(exact(injection.after))},
                               {"class", name_of(injection.fault_class)},
                               {"size_over_floor", number(injection.size_over_floor)}};
  file_ << line.dump() << "\n" << std::flush;
}

}  // namespace polydot::node
