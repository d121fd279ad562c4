// Tables as texts, read as data sets.
#pragma once

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <string>
#include <vector>

#include "node/tables/csv_file.h"
#include "tests/node/scratch_folder.h"

namespace polydot::node {

using testing::HasSubstr;
using Labels = std::vector<dnn::Label>;

inline DataSource source_at(const std::filesystem::path& path, const std::string& label = "",
                            const std::string& csv = "") {
  return {.dataset = "csv", .path = path.string(), .csv = parse_csv_options(csv, label).value()};
}
inline Result<DataPair> read_one(const std::string& text, const std::string& label = "",
                                 const std::string& csv = "") {
  const ScratchFolder folder;
  write_text(folder / "set.csv", text);
  return read_csv(source_at(folder / "set.csv", label, csv));
}
inline Result<DataPair> read_two(const std::string& train, const std::string& test,
                                 const std::string& label = "1", const std::string& csv = "") {
  const ScratchFolder folder;
  write_text(folder / "train.csv", train);
  write_text(folder / "test.csv", test);
  return read_csv(source_at(folder.path(), label, csv));
}
inline Labels labels_in(const dnn::Dataset& data) { return {data.labels().begin(), data.labels().end()}; }
inline void expect_refused(const Result<DataPair>& data, const std::vector<std::string>& parts) {
  ASSERT_FALSE(data.ok());
  for (const std::string& part : parts) EXPECT_THAT(data.failure().message, HasSubstr(part));
  EXPECT_EQ(data.failure().message.find('\n'), std::string::npos);
}
// What the network gets for both parts, sample after sample.
inline Eigen::MatrixXf inputs_of(const dnn::Dataset& data) {
  std::vector<std::uint32_t> all(static_cast<std::size_t>(data.count()));
  std::iota(all.begin(), all.end(), 0U);
  Eigen::MatrixXf x;
  data.gather(all, x);
  return x;
}

}  // namespace polydot::node
