#include "codes/decode/noise_floor.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace polydot::codes {

namespace {

// Rounding of a float32 dot product, whitened, is a small multiple of u times the row norm of W: 2 to 20 in
// every clean run measured (CODES.md). The bound leaves room for shards that have drifted a little.
constexpr double kAnalyticUnits = 64.0;
constexpr double kLeastScale = 1e-3;

double median_of(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

void remember(std::vector<double>& ring, std::size_t place, double value) {
  if (ring.size() <= place)
    ring.push_back(value);
  else
    ring[place] = value;
}

}  // namespace

NoiseFloor::NoiseFloor(double scale) : scale_(std::max(scale, kLeastScale)) {}

void NoiseFloor::rescale(double scale) {
  if (std::isfinite(scale)) scale_ = std::max(scale, kLeastScale);
}

double NoiseFloor::analytic_threshold(double scale) {
  return kAnalyticUnits * 0.5 * static_cast<double>(std::numeric_limits<float>::epsilon()) *
         std::max(scale, kLeastScale);
}

double NoiseFloor::threshold() const {
  if (seen_ < kLearnCount) return analytic();
  return std::min(kAlarmFactor * median(), kCapFactor * analytic());
}

double NoiseFloor::gate() const {
  return seen_ < kLearnCount ? std::numeric_limits<double>::infinity() : 8.0 * largest_clean_ * scale_;
}

bool NoiseFloor::over_cap() const { return share_of_cap() > 1.0; }

double NoiseFloor::share_of_cap() const {
  return seen_ < kLearnCount ? 0.0 : kAlarmFactor * median() / (kCapFactor * analytic());
}

void NoiseFloor::learn(double typical, double largest) {
  if (!std::isfinite(typical) || !std::isfinite(largest) || typical <= 0.0 || largest <= 0.0) return;
  if (typical > kCapFactor * analytic()) return;
  remember(statistics_, seen_ % kWindow, typical / scale_);
  remember(largest_, seen_ % kWindow, largest / scale_);
  ++seen_;
  median_ = median_of(statistics_);
  largest_clean_ = *std::max_element(largest_.begin(), largest_.end());
}

}  // namespace polydot::codes
