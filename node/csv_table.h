// One CSV file in memory: labels and features, checked cell by cell. The format is told in csv_file.h.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string_view>
#include <vector>

#include "codes/result.h"
#include "dnn/dataset.h"

namespace polydot::node {

class CsvTable {
 public:
  // Errors: kData, one line that names file, line and column (from 1).
  static Result<CsvTable> read(const std::filesystem::path& path);

  const std::filesystem::path& path() const { return path_; }
  std::size_t count() const { return labels_.size(); }  // of samples, at least 1
  std::size_t features() const { return columns_ - 1; }
  std::uint8_t greatest_label() const { return *std::max_element(labels_.begin(), labels_.end()); }

  // True while every feature of every sample is a whole number 0..255.
  bool holds_bytes() const { return holds_bytes_; }
  void become_floats();

  // The samples first..first+count-1; their labels are below `classes`.
  dnn::Dataset part(std::size_t first, std::size_t count, dnn::Index classes) const;

 private:
  explicit CsvTable(std::filesystem::path path) : path_(std::move(path)) {}

  Outcome check_columns(std::string_view line);
  Outcome add_sample(std::string_view line);
  void add_value(double value);

  std::filesystem::path path_;
  std::size_t columns_ = 0;  // with the label; 0 before the first line
  std::size_t line_number_ = 0;
  bool holds_bytes_ = true;
  std::vector<std::uint8_t> bytes_;  // sample after sample; empty in a table of floats
  std::vector<float> floats_;
  std::vector<std::uint8_t> labels_;
};

}  // namespace polydot::node
