// How loud rounding is in one kind of round, learned from rounds that were complete (CODES.md, "floor").
//
// A round is judged by its largest whitened parity, max |H Y|, and teaches by its upper quartile over payload
// rows (round_check.h, `typical`): a wrong shard disturbs one row in every round, and must not be learned. An
// alarm is a parity above kAlarmFactor running medians of that. Until kLearnCount rounds have been seen an
// analytic bound stands in; a learned threshold never passes kCapFactor analytic bounds, so that a slow fault
// in all rows is not learned.
#pragma once

#include <cstddef>
#include <vector>

namespace polydot::codes {

class NoiseFloor {
 public:
  static constexpr double kAlarmFactor = 8.0;
  static constexpr double kCapFactor = 8.0;
  static constexpr std::size_t kLearnCount = 16;
  static constexpr std::size_t kWindow = 128;

  // scale: the largest row norm of the plain matrix of this round at the start of the run.
  explicit NoiseFloor(double scale);
  // The weights have grown or shrunk: everything learned, and the bounds, go with them.
  void rescale(double scale);
  double scale() const { return scale_; }

  // The bound that stands in until rounds have been seen: of arithmetic and the scale alone.
  static double analytic_threshold(double scale);
  // A whitened parity above this is an alarm.
  double threshold() const;
  // typical, largest: of the verdict on a complete round. Non-finite or zero ones are ignored.
  void learn(double typical, double largest);
  double median() const { return median_ * scale_; }
  // A value above this cannot be a clean one: 8 times the largest clean value; infinite until learned.
  double gate() const;
  // The median has passed what the cap allows: the layer wants cleaning.
  bool over_cap() const;
  // How much of what the cap allows the median uses; 0 until learned. Above 1 nothing more is learned.
  double share_of_cap() const;
  std::size_t learned() const { return seen_; }

 private:
  double analytic() const { return analytic_threshold(scale_); }

  double scale_;
  std::vector<double> statistics_, largest_;  // over the scale of their time
  std::size_t seen_ = 0;
  double median_ = 0.0;
  double largest_clean_ = 0.0;
};

}  // namespace polydot::codes
