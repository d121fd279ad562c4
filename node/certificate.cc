#include "node/certificate.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "codes/check.h"

namespace polydot::node {
namespace {

struct Distance {
  double squared = 0.0, squared_norm = 0.0, largest = 0.0;  // norm: of the second argument
  double relative() const { return std::sqrt(squared / squared_norm); }
};

template <typename A, typename B>
Distance distance(const std::vector<A>& a, const std::vector<B>& b) {
  POLYDOT_CHECK_EQ(a.size(), b.size());
  Distance total;
  for (std::size_t l = 0; l < a.size(); ++l) {
    const dnn::MatrixD difference = a[l].template cast<double>() - b[l].template cast<double>();
    total.squared += difference.squaredNorm();
    total.squared_norm += b[l].template cast<double>().squaredNorm();
    const double largest = difference.cwiseAbs().template maxCoeff<Eigen::PropagateNaN>();
    if (!(largest <= total.largest)) total.largest = largest;
  }
  return total;
}

// What is against the certificate; empty: nothing. Comparisons are written so that NaN is.
std::string objection(const CertifiedRun& run, const Certificate& certificate) {
  if (!run.finished) return "the run did not finish";
  if (run.refused > 0) return fmt::format("{} peers refused to go on", run.refused);
  if (!std::isfinite(certificate.relative_difference)) return "the weights are not finite";
  const double limit = std::max(kRoundingFactor * certificate.rounding_difference, kLeastTolerance);
  if (!(certificate.relative_difference <= limit))
    return fmt::format("the weights differ by {:.2g} from the fault-free uncoded run, {:.2g} are allowed",
                       certificate.relative_difference, limit);
  if (run.injected && run.above_floor == 0)
    return "faults were asked for, and none above the noise floor was injected";
  return "";
}

}  // namespace

Certificate certify(const CertifiedRun& run, const std::vector<dnn::Matrix>& decoded,
                    const std::vector<dnn::Matrix>& twin, const std::vector<dnn::MatrixD>& twin_in_double) {
  Certificate certificate;
  const Distance to_twin = distance(decoded, twin);
  certificate.relative_difference = to_twin.relative();
  certificate.largest_difference = to_twin.largest;
  certificate.loss_difference = std::abs(run.loss - run.twin_loss);
  certificate.rounding_difference = distance(twin_in_double, twin).relative();
  certificate.reason = objection(run, certificate);
  certificate.valid = certificate.reason.empty();
  return certificate;
}

Certificate no_certificate(const std::string& reason) {
  constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
  return {kNone, kNone, kNone, kNone, false, reason};
}

nlohmann::ordered_json to_json(const Certificate& certificate) {
  const auto number = [](double value) {
    return std::isfinite(value) ? nlohmann::ordered_json(value) : nullptr;
  };
  nlohmann::ordered_json out;
  out["relative_difference"] = number(certificate.relative_difference);
  out["largest_difference"] = number(certificate.largest_difference);
  out["loss_difference"] = number(certificate.loss_difference);
  out["rounding_difference"] = number(certificate.rounding_difference);
  out["valid"] = certificate.valid;
  if (!certificate.valid) out["reason"] = certificate.reason;
  return out;
}

}  // namespace polydot::node
