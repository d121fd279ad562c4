// What a run's weights are worth: how far they are from those of the fault-free uncoded run with the same
// seed, beside how far rounding alone takes such a run.
//
// Rounding: the twin in float32 against the twin in double. Training may be chaotic, so the distance is
// judged beside that figure, never alone.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "dnn/tensor.h"

namespace polydot::node {

inline constexpr double kRoundingFactor = 10.0;
inline constexpr double kLeastTolerance = 1e-4;

struct Certificate {
  double relative_difference = 0.0;  // ||decoded - twin|| / ||twin||, Frobenius, all layers together
  double largest_difference = 0.0;   // of one weight
  double loss_difference = 0.0;      // of the last test losses
  double rounding_difference = 0.0;  // ||twin - twin in double|| / ||twin||
  bool valid = false;
  std::string reason;  // what is against it; empty when valid
};

// A run as the certificate sees it.
struct CertifiedRun {
  bool finished = false;  // to its last step
  std::uint64_t refused = 0;
  bool injected = false;  // faults were asked for
  std::uint64_t above_floor = 0;
  double loss = 0.0, twin_loss = 0.0;  // on the test data
};

// All three of the same shapes. Not finite differences make it invalid.
Certificate certify(const CertifiedRun& run, const std::vector<dnn::Matrix>& decoded,
                    const std::vector<dnn::Matrix>& twin, const std::vector<dnn::MatrixD>& twin_in_double);

// Not valid, because there are no weights to judge.
Certificate no_certificate(const std::string& reason);

// As summary.json has it; "reason" only when not valid.
nlohmann::ordered_json to_json(const Certificate& certificate);

}  // namespace polydot::node
