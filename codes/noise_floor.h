// How loud rounding is in one kind of round, learned from rounds that were complete and clean (CODES.md,
// "floor").
//
// The statistic of a round is max |H Y| over whitened entries (round_check.h). An alarm is a statistic above
// kAlarmFactor running medians. Until kLearnCount rounds have been seen an analytic bound stands in; a
// learned threshold never passes kCapFactor analytic bounds, so that a slow fault is not learned.
#pragma once

#include <cstddef>
#include <vector>

namespace polydot::codes {

class NoiseFloor {
 public:
  static constexpr double kAlarmFactor = 6.0;
  static constexpr double kCapFactor = 8.0;
  static constexpr std::size_t kLearnCount = 16;
  static constexpr std::size_t kWindow = 128;

  // scale: the largest row norm of the plain matrix of this round at the start of the run.
  explicit NoiseFloor(double scale);

  // A whitened parity above this is an alarm.
  double threshold() const;
  // statistic: of a complete round, clean or noise only; largest: its largest whitened entry. Non-finite or
  // zero statistics are ignored.
  void learn(double statistic, double largest);
  double median() const { return median_; }
  // A value above this cannot be a clean one: 8 times the largest clean value; infinite until learned.
  double gate() const;
  // The median has passed what the cap allows: the layer wants cleaning.
  bool over_cap() const;
  std::size_t learned() const { return seen_; }

 private:
  double analytic_;
  std::vector<double> statistics_, largest_;
  std::size_t seen_ = 0;
  double median_ = 0.0;
  double largest_clean_ = 0.0;
};

}  // namespace polydot::codes
