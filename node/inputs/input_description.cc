#include "node/inputs/input_description.h"

#include "codes/base/check.h"

namespace polydot::node {

dnn::Dataset standardised(dnn::Dataset data, const InputDescription& inputs) {
  if (data.holds_bytes() && inputs.mean.size() == 1 && inputs.limit == 0.0) {
    data.set_standardisation({inputs.mean.cast<float>(), inputs.deviation.cast<float>()});
    return data;
  }
  POLYDOT_CHECK(inputs.mean.size() == 1 || inputs.mean.size() == data.features());
  Eigen::MatrixXf values(data.features(), data.count());
  for (Eigen::Index i = 0; i < values.cols(); ++i)
    for (Eigen::Index k = 0; k < values.rows(); ++k) {
      const double raw = data.holds_bytes() ? data.bytes()[static_cast<std::size_t>(i * values.rows() + k)]
                                            : static_cast<double>(data.floats()(k, i));
      values(k, i) = static_cast<float>(inputs.input(raw, k));
    }
  return dnn::Dataset::from_standardised(std::move(values), {data.labels().begin(), data.labels().end()},
                                         data.classes());
}

}  // namespace polydot::node
