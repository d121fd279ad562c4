#include "node/records/certificate.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <utility>

#include "codes/base/check.h"

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

// The first layer that is nothing but zeros; -1: none.
int zero_layer(const std::vector<dnn::Matrix>& weights) {
  for (std::size_t l = 0; l < weights.size(); ++l)
    if ((weights[l].array() == 0.0F).all()) return static_cast<int>(l);
  return -1;
}

// Where rounding alone may explain what is there. Else empty.
std::string too_chaotic(const Certificate& certificate) {
  const double rounding = certificate.rounding_difference;
  const std::string alone =
      fmt::format("cannot be certified: rounding alone changes this run by {:.2g}", rounding);
  if (!(rounding <= kMostTolerance)) return fmt::format("{}; at most {:g} can be", alone, kMostTolerance);
  const bool beyond = certificate.relative_difference > certificate.allowed_difference;
  if (beyond && certificate.relative_difference <= kRoundingFactor * rounding)
    return fmt::format("{}, and these weights differ by {:.2g}; at most {:g} can be", alone,
                       certificate.relative_difference, kMostTolerance);
  return "";
}

// What is against a run that did its work, by its weights and by what they answer.
std::string objection_to_weights(const CertifiedRun& run, const Certificate& certificate) {
  if (!(certificate.relative_difference <= certificate.allowed_difference))
    return fmt::format("the weights differ by {:.2g} from the fault-free uncoded run, {:.2g} are allowed",
                       certificate.relative_difference, certificate.allowed_difference);
  if (!(certificate.start_difference > certificate.allowed_difference))
    return fmt::format(
        "the weights are those of the start: they differ from them by {:.2g}, and as much as "
        "{:.2g} would pass for the trained ones",
        certificate.start_difference, certificate.allowed_difference);
  if (!(certificate.loss_difference <= kCertifiedLoss))
    return fmt::format(
        "the test loss is {:.6g}, that of the fault-free uncoded run {:.6g}: {:g} of it are "
        "allowed",
        run.loss, run.twin_loss, kCertifiedLoss);
  if (!(certificate.equal_predictions >= kCertifiedAgreement))
    return fmt::format(
        "{:.2f} % of the test samples get the class that the fault-free uncoded run gives "
        "them, {:g} % are asked for",
        100 * certificate.equal_predictions, 100 * kCertifiedAgreement);
  return "";
}

// What is against the certificate; empty: nothing. Comparisons are written so that NaN is.
std::string objection(const CertifiedRun& run, const CertifiedWeights& weights, Certificate& certificate) {
  if (!run.finished) return "the run did not finish";
  if (run.refused > 0) return fmt::format("{} peers refused to go on", run.refused);
  if (!std::isfinite(certificate.relative_difference)) return "the weights are not finite";
  for (const auto& [whose, held] : {std::pair{"the weights", &weights.decoded},
                                    {"the weights of the fault-free uncoded run", &weights.twin}})
    if (const int layer = zero_layer(*held); layer >= 0)
      return fmt::format("{} of layer {} are all zero", whose, layer);
  if (std::string reason = too_chaotic(certificate); !reason.empty()) {
    certificate.certifiable = false;
    return reason;
  }
  if (std::string reason = objection_to_weights(run, certificate); !reason.empty()) return reason;
  if (run.injected && run.struck == 0)
    return "faults were asked for, and none above the noise floor was injected";
  return "";
}

}  // namespace

double allowed_difference(double rounding) {
  if (std::isnan(rounding)) return 0.0;
  return std::min(kMostTolerance, std::max(kRoundingFactor * rounding, kLeastTolerance));
}

Certificate certify(const CertifiedRun& run, const CertifiedWeights& weights) {
  Certificate certificate;
  const Distance to_twin = distance(weights.decoded, weights.twin);
  certificate.relative_difference = to_twin.relative();
  certificate.largest_difference = to_twin.largest;
  const double apart = std::abs(run.loss - run.twin_loss);
  certificate.loss_difference = apart == 0.0 ? 0.0 : apart / std::abs(run.twin_loss);
  certificate.equal_predictions = run.equal_predictions;
  certificate.start_difference = distance(weights.decoded, weights.start).relative();
  certificate.rounding_difference = distance(weights.twin_in_double, weights.twin).relative();
  certificate.allowed_difference = allowed_difference(certificate.rounding_difference);
  certificate.reason = objection(run, weights, certificate);
  certificate.valid = certificate.reason.empty();
  return certificate;
}

Certificate no_certificate(const std::string& reason) {
  constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
  Certificate none;
  for (double* value :
       {&none.relative_difference, &none.allowed_difference, &none.largest_difference, &none.loss_difference,
        &none.equal_predictions, &none.start_difference, &none.rounding_difference})
    *value = kNone;
  none.reason = reason;
  return none;
}

nlohmann::ordered_json to_json(const Certificate& certificate) {
  const auto number = [](double value) {
    return std::isfinite(value) ? nlohmann::ordered_json(value) : nullptr;
  };
  nlohmann::ordered_json out;
  out["relative_difference"] = number(certificate.relative_difference);
  out["allowed_difference"] = number(certificate.allowed_difference);
  out["largest_difference"] = number(certificate.largest_difference);
  out["relative_loss_difference"] = number(certificate.loss_difference);
  out["equal_predictions"] = number(certificate.equal_predictions);
  out["start_difference"] = number(certificate.start_difference);
  out["rounding_difference"] = number(certificate.rounding_difference);
  out["valid"] = certificate.valid;
  if (!certificate.valid) out["reason"] = certificate.reason;
  return out;
}

}  // namespace polydot::node
