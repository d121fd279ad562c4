#include "dnn/data/dataset.h"

#include <array>
#include <bit>
#include <cmath>
#include <cstddef>
#include <utility>

#include "codes/base/check.h"

namespace polydot::dnn {
namespace {

// Eight bytes at a time, read in the same order on every processor.
class Digest {
 public:
  void add(std::uint64_t word) {
    state_ = std::rotl(state_ ^ (word * 0x9FB21C651E98DF25u), 27) * 0x9E3779B97F4A7C15u + 0x52DCE729u;
  }

  void add(std::span<const std::uint8_t> bytes) {
    add(bytes.size());
    std::size_t i = 0;
    for (; i + 8 <= bytes.size(); i += 8) add(little_endian(bytes.subspan(i, 8)));
    if (i < bytes.size()) add(little_endian(bytes.subspan(i)));
  }

  void add(const Eigen::MatrixXf& values) {
    for (const float value : values.reshaped()) add(std::bit_cast<std::uint32_t>(value));
  }

  std::uint64_t finish() const {
    const std::uint64_t z = (state_ ^ (state_ >> 32)) * 0xD6E8FEB86659FD93u;
    return z ^ (z >> 32);
  }

 private:
  static std::uint64_t little_endian(std::span<const std::uint8_t> bytes) {
    std::uint64_t word = 0;
    for (std::size_t k = 0; k < bytes.size(); ++k) word |= std::uint64_t{bytes[k]} << (8 * k);
    return word;
  }

  std::uint64_t state_ = 0xCBF29CE484222325u;
};

// Exact whole numbers until the last step, so equal on every processor.
Standardisation of_bytes(std::span<const std::uint8_t> bytes) {
  std::array<std::uint64_t, 256> histogram{};
  for (const std::uint8_t byte : bytes) ++histogram[byte];
  std::uint64_t sum = 0;
  std::uint64_t squares = 0;
  for (std::uint64_t value = 0; value < 256; ++value) {
    sum += histogram[value] * value;
    squares += histogram[value] * value * value;
  }
  const auto size = static_cast<double>(bytes.size());
  const double mean = static_cast<double>(sum) / size;
  const double variance = static_cast<double>(squares) / size - mean * mean;
  const double deviation = variance > 0 ? std::sqrt(variance) : 1.0;
  return {Eigen::VectorXf::Constant(1, static_cast<float>(mean)),
          Eigen::VectorXf::Constant(1, static_cast<float>(deviation))};
}

Standardisation of_floats(const Eigen::MatrixXf& floats) {
  Eigen::VectorXd mean = Eigen::VectorXd::Zero(floats.rows());
  for (Index i = 0; i < floats.cols(); ++i) mean += floats.col(i).cast<double>();
  mean /= static_cast<double>(floats.cols());
  Eigen::VectorXd variance = Eigen::VectorXd::Zero(floats.rows());
  for (Index i = 0; i < floats.cols(); ++i) variance += (floats.col(i).cast<double>() - mean).cwiseAbs2();
  variance /= static_cast<double>(floats.cols());
  Standardisation result{mean.cast<float>(), Eigen::VectorXf::Ones(floats.rows())};
  for (Index k = 0; k < floats.rows(); ++k) {
    // A constant feature keeps the rounding of its mean as "deviation"; a feature that varies by less than
    // float can tell apart is as good as constant.
    const double deviation = std::sqrt(variance(k));
    if (deviation > 1e-7 * std::abs(mean(k)) && deviation > 1e-30)
      result.deviation(k) = static_cast<float>(deviation);
  }
  return result;
}

}  // namespace

Dataset::Dataset(std::vector<std::uint8_t> bytes, Eigen::MatrixXf floats, Index features,
                 std::vector<Label> labels, Index classes)
    : bytes_(std::move(bytes)),
      floats_(std::move(floats)),
      features_(features),
      labels_(std::move(labels)),
      classes_(classes) {
  POLYDOT_CHECK_LT(0, features_);
  POLYDOT_CHECK(!labels_.empty());
  POLYDOT_CHECK_LT(0, classes_);
  POLYDOT_CHECK_LE(classes_, kMaxClasses);
  for (const Label label : labels_) POLYDOT_CHECK_LT(Index{label}, classes_);
  standardisation_ = own_standardisation();
}

Dataset Dataset::from_floats(Eigen::MatrixXf features, std::vector<Label> labels, Index classes) {
  POLYDOT_CHECK_EQ(features.cols(), static_cast<Index>(labels.size()));
  POLYDOT_CHECK(features.allFinite());
  const Index rows = features.rows();
  return Dataset({}, std::move(features), rows, std::move(labels), classes);
}

Dataset Dataset::from_standardised(Eigen::MatrixXf features, std::vector<Label> labels, Index classes) {
  const Index rows = features.rows();
  Dataset data = from_floats(std::move(features), std::move(labels), classes);
  data.set_standardisation({Eigen::VectorXf::Zero(rows), Eigen::VectorXf::Ones(rows)});
  return data;
}

Dataset Dataset::from_bytes(std::vector<std::uint8_t> pixels, Index features, std::vector<Label> labels,
                            Index classes) {
  POLYDOT_CHECK_EQ(static_cast<Index>(pixels.size()), features * static_cast<Index>(labels.size()));
  return Dataset(std::move(pixels), {}, features, std::move(labels), classes);
}

void Dataset::gather(std::span<const std::uint32_t> indices, Eigen::MatrixXf& x) const {
  x.resize(features_, static_cast<Index>(indices.size()));
  gather_into(indices, x);
}

void Dataset::gather_into(std::span<const std::uint32_t> indices, Eigen::Ref<Eigen::MatrixXf> x) const {
  POLYDOT_CHECK_EQ(x.rows(), features_);
  POLYDOT_CHECK_EQ(x.cols(), static_cast<Index>(indices.size()));
  const Standardisation& s = standardisation_;
  Index column = 0;
  for (const std::uint32_t index : indices) {
    POLYDOT_CHECK_LT(Index{index}, count());
    // Subtract, then divide: no fused multiply-add can make the bits depend on the processor.
    if (holds_bytes()) {
      const Eigen::Map<const Eigen::Array<std::uint8_t, Eigen::Dynamic, 1>> raw(
          bytes_.data() + Index{index} * features_, features_);
      x.col(column) = (raw.cast<float>() - s.mean(0)) / s.deviation(0);
    } else {
      x.col(column) = (floats_.col(index) - s.mean).array() / s.deviation.array();
    }
    ++column;
  }
}

void Dataset::gather_labels(std::span<const std::uint32_t> indices, std::vector<Label>& labels) const {
  labels.resize(indices.size());
  for (std::size_t i = 0; i < indices.size(); ++i) labels[i] = label(indices[i]);
}

Label Dataset::label(Index i) const {
  POLYDOT_CHECK_LE(0, i);
  POLYDOT_CHECK_LT(i, count());
  return labels_[static_cast<std::size_t>(i)];
}

Standardisation Dataset::own_standardisation() const {
  return holds_bytes() ? of_bytes(bytes_) : of_floats(floats_);
}

void Dataset::set_standardisation(Standardisation standardisation) {
  const Index entries = holds_bytes() ? 1 : features_;
  POLYDOT_CHECK_EQ(standardisation.mean.size(), entries);
  POLYDOT_CHECK_EQ(standardisation.deviation.size(), entries);
  POLYDOT_CHECK(standardisation.mean.allFinite());
  POLYDOT_CHECK((standardisation.deviation.array() > 0).all() && standardisation.deviation.allFinite());
  standardisation_ = std::move(standardisation);
}

std::uint64_t Dataset::digest() const {
  Digest digest;
  digest.add(static_cast<std::uint64_t>(count()));
  digest.add(static_cast<std::uint64_t>(features_));
  digest.add(static_cast<std::uint64_t>(classes_));
  digest.add(std::uint64_t{holds_bytes()});
  digest.add(bytes_);
  digest.add(floats_);
  // In one byte each as long as that holds them.
  const std::size_t label_bytes = classes_ <= 256 ? 1 : 2;
  std::vector<std::uint8_t> labels;
  for (const Label label : labels_)
    for (std::size_t k = 0; k < label_bytes; ++k)
      labels.push_back(static_cast<std::uint8_t>(label >> (8 * k)));
  digest.add(labels);
  return digest.finish();
}

}  // namespace polydot::dnn
