#include "node/tables/csv_scaling.h"

#include <fmt/format.h>
#include <xxhash.h>

#include <algorithm>
#include <bit>
#include <cmath>

namespace polydot::node {
namespace {

using dnn::Index;

constexpr std::size_t kLeastPixels = 64;

// Constant to the rounding of its mean counts as constant.
double usable_deviation(double deviation, double mean) {
  return deviation > 1e-12 * std::abs(mean) && deviation > 1e-30 ? deviation : 1.0;
}

bool holds_bytes(const CsvTable& table, std::size_t c) {
  const CsvColumn& column = table.column(c);
  return column.whole && column.missing == 0 && is_byte(column.least) && is_byte(column.greatest);
}

bool all_bytes(const CsvPart& part) {
  return std::all_of(part.features.begin(), part.features.end(),
                     [&](std::size_t c) { return holds_bytes(*part.table, c); });
}

// In two passes, and from the first number on, so that nothing cancels: a column may have a large offset.
struct Moments {
  double origin = 0.0, sum = 0.0, mean = 0.0, squares = 0.0;
  std::size_t count = 0;

  void add_column(const CsvPart& part, std::size_t c) {
    for (const std::size_t r : part.rows) {
      const double raw = part.table->value(r, c);
      if (std::isnan(raw)) continue;
      if (count++ == 0) origin = raw;
      sum += raw - origin;
    }
  }
  void finish_mean() { mean = count == 0 ? 0.0 : origin + sum / static_cast<double>(count); }
  void add_squares(const CsvPart& part, std::size_t c) {
    for (const std::size_t r : part.rows) {
      const double raw = part.table->value(r, c);
      if (!std::isnan(raw)) squares += (raw - mean) * (raw - mean);
    }
  }
  double deviation() const {
    return count == 0 ? 1.0 : usable_deviation(std::sqrt(squares / static_cast<double>(count)), mean);
  }
};

struct Kinds {
  std::size_t decimal = 0, whole = 0, constant = 0, missing = 0;
};

Kinds kinds_of(const CsvPart& part) {
  Kinds kinds;
  for (const std::size_t c : part.features) {
    const CsvColumn& column = part.table->column(c);
    kinds.missing += column.missing;
    if (!(column.least < column.greatest))
      ++kinds.constant;
    else
      ++(column.whole ? kinds.whole : kinds.decimal);
  }
  return kinds;
}

struct Extremes {
  double largest = 0.0;     // deviations, before they are bounded
  std::size_t bounded = 0;  // values
};

Extremes extremes_of(const CsvPart& part, const InputDescription& inputs) {
  Extremes extremes;
  for (const std::size_t r : part.rows)
    for (std::size_t k = 0; k < part.features.size(); ++k) {
      const auto at = static_cast<Index>(inputs.mean.size() == 1 ? 0 : k);
      const double raw = part.table->value(r, part.features[k]);
      const double value = std::isnan(raw) ? 0.0 : std::abs(raw - inputs.mean(at)) / inputs.deviation(at);
      extremes.largest = std::max(extremes.largest, value);
      extremes.bounded += inputs.limit > 0.0 && value > inputs.limit;
    }
  return extremes;
}

}  // namespace

bool are_pixels(const CsvPart& train, const CsvPart& test) {
  if (train.features.size() < kLeastPixels || !all_bytes(train) || !all_bytes(test)) return false;
  double greatest = 0.0;
  for (const std::size_t c : train.features) greatest = std::max(greatest, train.table->column(c).greatest);
  std::size_t varied = 0, bright = 0;
  for (const std::size_t c : train.features) {
    const CsvColumn& column = train.table->column(c);
    varied += column.least < column.greatest;
    bright += column.least < column.greatest && 2.0 * column.greatest >= greatest;
  }
  return 2 * bright >= varied;
}

void describe_columns(const CsvPart& train, InputDescription& inputs) {
  const auto count = static_cast<Index>(train.features.size());
  inputs.mean = inputs.deviation = Eigen::VectorXd::Zero(count);
  inputs.limit = kMostDeviations;
  for (Index k = 0; k < count; ++k) {
    Moments moments;
    const std::size_t c = train.features[static_cast<std::size_t>(k)];
    moments.add_column(train, c);
    moments.finish_mean();
    moments.add_squares(train, c);
    inputs.mean(k) = moments.mean;
    inputs.deviation(k) = moments.deviation();
  }
}

void describe_pixels(const CsvPart& train, InputDescription& inputs) {
  Moments moments;
  for (const std::size_t c : train.features) moments.add_column(train, c);
  moments.finish_mean();
  for (const std::size_t c : train.features) moments.add_squares(train, c);
  inputs.mean = Eigen::VectorXd::Constant(1, moments.mean);
  inputs.deviation = Eigen::VectorXd::Constant(1, moments.deviation());
  inputs.limit = all_bytes(train) ? 0.0 : kMostDeviations;
}

dnn::Dataset dataset_of(const CsvPart& part, const InputDescription& inputs) {
  const auto features = static_cast<Index>(part.features.size()),
             count = static_cast<Index>(part.rows.size());
  const auto classes = static_cast<Index>(inputs.classes.size());
  const CsvTable& table = *part.table;
  if (inputs.mean.size() == 1 && inputs.limit == 0.0 && all_bytes(part)) {
    std::vector<std::uint8_t> pixels;
    pixels.reserve(static_cast<std::size_t>(features * count));
    for (const std::size_t r : part.rows)
      for (const std::size_t c : part.features)
        pixels.push_back(static_cast<std::uint8_t>(table.value(r, c)));
    return standardised(dnn::Dataset::from_bytes(std::move(pixels), features, part.labels, classes), inputs);
  }
  Eigen::MatrixXf values(features, count);
  for (Index i = 0; i < count; ++i)
    for (Index k = 0; k < features; ++k) {
      const std::size_t row = part.rows[static_cast<std::size_t>(i)];
      const double raw = table.value(row, part.features[static_cast<std::size_t>(k)]);
      values(k, i) = static_cast<float>(inputs.input(raw, k));
    }
  return dnn::Dataset::from_standardised(std::move(values), part.labels, classes);
}

std::uint64_t digest_of(const CsvPart& part) {
  std::vector<std::uint64_t> row(part.features.size() + 1);
  std::uint64_t digest = part.rows.size();
  for (std::size_t i = 0; i < part.rows.size(); ++i) {
    for (std::size_t k = 0; k < part.features.size(); ++k) {
      const double raw = part.table->value(part.rows[i], part.features[k]);
      row[k] = std::isnan(raw) ? ~std::uint64_t{0} : std::bit_cast<std::uint64_t>(raw);
    }
    row.back() = part.labels[i];
    digest = XXH64(row.data(), row.size() * sizeof row[0], digest);
  }
  return digest;
}

std::string text_of_scaling(const CsvPart& train, const CsvPart& test, const InputDescription& inputs,
                            bool pixels) {
  const Kinds kinds = kinds_of(train);
  std::string text;
  const auto add = [&](std::size_t count, const char* what) {
    if (count > 0) text += fmt::format("{}{} {}", text.empty() ? "" : ", ", count, what);
  };
  add(kinds.decimal, "of decimals");
  add(kinds.whole, "of whole numbers");
  add(kinds.constant, "constant");
  const Extremes a = extremes_of(train, inputs), b = extremes_of(test, inputs);
  text = fmt::format(
      "{} features ({}), {}", train.features.size(), text,
      pixels ? "scaled as pixels, by one mean and deviation" : "each scaled by its own mean and deviation");
  if (kinds.missing > 0) text += fmt::format(", {} missing values filled with the mean", kinds.missing);
  text += fmt::format(", largest input {:.3g}", std::max(a.largest, b.largest));
  if (a.bounded + b.bounded > 0)
    text += fmt::format(" ({} bounded to {:g})", a.bounded + b.bounded, inputs.limit);
  return text;
}

}  // namespace polydot::node
