// What a run's weights are worth: how far they are from those of the fault-free uncoded run with the same
// seed, beside how far rounding alone takes such a run.
//
// Rounding: the twin in float32 against the twin in double. The distance is judged beside that figure, up to
// a ceiling: where rounding alone takes a run further than that, equal to the twin means nothing, and nothing
// is certified. A comparison that the weights of the start would pass proves nothing either.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "dnn/operations/tensor.h"

namespace polydot::node {

inline constexpr double kRoundingFactor = 10.0;
inline constexpr double kLeastTolerance = 1e-4;
inline constexpr double kMostTolerance = 1e-2;        // the ceiling, whatever rounding does
inline constexpr double kCertifiedLoss = 1e-3;        // relative difference of the test losses
inline constexpr double kCertifiedAgreement = 0.999;  // share of the test samples that get the same class

// How far weights may be from the twin's: min(kMostTolerance, max(kRoundingFactor * rounding,
// kLeastTolerance)).
double allowed_difference(double rounding);

struct Certificate {
  double relative_difference = 0.0;  // ||decoded - twin|| / ||twin||, Frobenius, all layers together
  double allowed_difference = 0.0;
  double largest_difference = 0.0;   // of one weight
  double loss_difference = 0.0;      // of the last test losses, over the twin's
  double equal_predictions = 0.0;    // share of the test samples
  double start_difference = 0.0;     // ||decoded - start|| / ||start||
  double rounding_difference = 0.0;  // ||twin - twin in double|| / ||twin||
  bool valid = false;
  bool certifiable = true;  // false: rounding alone changes such a run too much to tell
  std::string reason;       // what is against it; empty when valid
};

// A run as the certificate sees it.
struct CertifiedRun {
  bool finished = false;  // to its last step
  std::uint64_t refused = 0;
  bool injected = false;               // faults were asked for, by flag or campaign
  std::uint64_t struck = 0;            // injections above the floor; and after the checksum
  double loss = 0.0, twin_loss = 0.0;  // on the test data
  double equal_predictions = 0.0;      // share of the test samples for which both name the same class
};

// The weights of the run, of its twins and of the start: all of the same shapes.
struct CertifiedWeights {
  std::vector<dnn::Matrix> decoded, twin;
  std::vector<dnn::MatrixD> twin_in_double;
  std::vector<dnn::Matrix> start;
};

// Not finite differences make it invalid.
Certificate certify(const CertifiedRun& run, const CertifiedWeights& weights);

// Not valid, because there are no weights to judge.
Certificate no_certificate(const std::string& reason);

// As summary.json has it; "reason" only when not valid.
nlohmann::ordered_json to_json(const Certificate& certificate);

}  // namespace polydot::node
