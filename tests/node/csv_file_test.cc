#include "node/csv_file.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "tests/node/scratch_folder.h"

namespace polydot::node {
namespace {

using Bytes = std::vector<std::uint8_t>;

Bytes copy(std::span<const std::uint8_t> bytes) { return {bytes.begin(), bytes.end()}; }

Result<DataPair> read_one(const std::string& text) {
  const ScratchFolder folder;
  write_text(folder / "set.csv", text);
  return read_csv(folder / "set.csv");
}

Result<DataPair> read_two(const std::string& train, const std::string& test) {
  const ScratchFolder folder;
  write_text(folder / "train.csv", train);
  write_text(folder / "test.csv", test);
  return read_csv(folder.path());
}

TEST(CsvFile, WholeNumbersUpTo255AreBytes) {
  const Result<DataPair> data = read_two("label,a,b\n1,0,255\n2,7.0,+8\n", "0,1,2\n");
  ASSERT_TRUE(data.ok()) << data.failure().message;
  ASSERT_TRUE(data->train.holds_bytes());
  EXPECT_EQ(copy(data->train.bytes()), (Bytes{0, 255, 7, 8}));
  EXPECT_EQ(copy(data->train.labels()), (Bytes{1, 2}));
  EXPECT_EQ(copy(data->test.bytes()), (Bytes{1, 2}));
  EXPECT_EQ(data->train.classes(), 3);
  EXPECT_EQ(data->test.classes(), 3);
}

TEST(CsvFile, OneOtherNumberMakesBothPartsFloats) {
  for (const std::string other : {"-1", "256", "0.5", "-2.5e-3"}) {
    const Result<DataPair> data = read_two("0,3\n1,4\n", "1,5\n0," + other + "\n");
    ASSERT_TRUE(data.ok()) << data.failure().message;
    ASSERT_FALSE(data->train.holds_bytes());
    ASSERT_FALSE(data->test.holds_bytes());
    EXPECT_EQ(data->train.floats()(0, 1), 4.0f);
    EXPECT_EQ(data->test.floats()(0, 0), 5.0f);
    EXPECT_EQ(data->test.floats()(0, 1), std::stof(other));
    EXPECT_EQ(data->test.standardisation().mean(0), 3.5f);
    EXPECT_EQ(data->test.standardisation().deviation(0), 0.5f);
  }
}

TEST(CsvFile, TheLastSixthOfOneFileIsTheTestPart) {
  std::string text;
  for (int i = 0; i < 20; ++i) text += fmt::format("{},{}\n", i % 2, i);
  const Result<DataPair> data = read_one(text);
  ASSERT_TRUE(data.ok()) << data.failure().message;
  EXPECT_EQ(data->train.count(), 17);
  EXPECT_EQ(copy(data->test.bytes()), (Bytes{17, 18, 19}));
  EXPECT_EQ(copy(data->test.labels()), (Bytes{1, 0, 1}));
}

TEST(CsvFile, ReadsCompressedFilesWithOrWithoutTheEnding) {
  const ScratchFolder folder;
  write_gzip(folder / "train.csv.gz", "0,1\n1,2\n");
  write_gzip(folder / "test.csv", "0,3\n");
  const Result<DataPair> data = read_csv(folder.path());
  ASSERT_TRUE(data.ok()) << data.failure().message;
  EXPECT_EQ(copy(data->test.bytes()), (Bytes{3}));
}

TEST(CsvFile, ToleratesBlanksEmptyLinesWindowsEndsAndAMissingLastEnd) {
  const Result<DataPair> plain = read_two("0,1,2\n1,3,4\n", "0,5,6\n");
  const Result<DataPair> odd = read_two(
      "\xEF\xBB\xBF"
      "0, 1 ,2\r\n\r\n\t1,3,4\r\n\r\n",
      "\n0,5,6");
  ASSERT_TRUE(plain.ok() && odd.ok());
  EXPECT_EQ(plain->digest, odd->digest);
}

TEST(CsvFile, ReadsLinesAcrossChunks) {
  // Samples of 1.5 MB, where the file is read 1 MiB at a time.
  std::string text;
  for (int i = 0; i < 4; ++i) {
    text += std::to_string(i % 2);
    for (int k = 0; k < 400000; ++k) text += i == 3 ? ",4" : ",100";
    text += "\n";
  }
  const Result<DataPair> data = read_two(text, text);
  ASSERT_TRUE(data.ok()) << data.failure().message;
  EXPECT_EQ(data->train.count(), 4);
  EXPECT_EQ(data->train.features(), 400000);
  EXPECT_EQ(std::ranges::count(data->train.bytes(), 100), 1200000);
  EXPECT_EQ(std::ranges::count(data->train.bytes(), 4), 400000);
}

TEST(BadCsv, MissingPath) {
  expect_data_failure(read_csv("/nowhere/set.csv"), {"/nowhere/set.csv", "no such file"});
}

TEST(BadCsv, FolderWithoutItsFiles) {
  const ScratchFolder folder;
  expect_data_failure(read_csv(folder.path()), {folder.path().string(), "no train.csv or train.csv.gz"});
  write_text(folder / "train.csv", "0,1\n1,2\n");
  expect_data_failure(read_csv(folder.path()), {"no test.csv"});
}

TEST(BadCsv, NoSamples) {
  expect_data_failure(read_one(""), {"set.csv", "holds no samples"});
  expect_data_failure(read_one("label,x\n"), {"set.csv", "holds no samples"});
  expect_data_failure(read_two("0,1\n1,1\n", "\n"), {"test.csv", "holds no samples"});
}

TEST(BadCsv, TooFewToSplit) { expect_data_failure(read_one("0,1\n1,2\n0,3\n"), {"3 samples", "at least 6"}); }

TEST(BadCsv, NotANumber) {
  expect_data_failure(read_one("0,1,2\n0,3,x\n"), {"set.csv", "line 2, column 3", "'x'"});
  expect_data_failure(read_one("l,a,b\n0,1,2\n0,,3\n"), {"line 3, column 2", "''"});
  expect_data_failure(read_one("0,1\n0,0x10\n"), {"line 2, column 2", "'0x10'"});
  expect_data_failure(read_one("0,1\n\n1,1 2\n"), {"line 3, column 2", "'1 2'"});
}

TEST(BadCsv, NotFinite) {
  for (const std::string cell : {"nan", "NaN", "inf", "-inf", "1e31", "1e999"})
    expect_data_failure(read_one("0,1\n1," + cell + "\n"), {"line 2, column 2", cell, "not a finite number"});
}

TEST(BadCsv, CellsAreQuotedShortAndOnOneLine) {
  const std::string binary = std::string("\x01\0\x7f", 3) + std::string(5000, 'z');
  const Result<DataPair> data = read_one("0,1\n1," + binary + "\n");
  expect_data_failure(data, {"line 2, column 2", "'???zzz", "...'"});
  EXPECT_LT(data.failure().message.size(), 250u);
}

TEST(BadCsv, RaggedLine) {
  expect_data_failure(read_one("0,1,2\n1,2\n"), {"line 2 has 2 columns", "the first one has 3"});
  expect_data_failure(read_one("l,a\n1,2\n1,2,3\n"), {"line 3 has 3 columns", "the first one has 2"});
}

TEST(BadCsv, OneColumn) { expect_data_failure(read_one("0;1;2\n"), {"line 1 has one column", "commas"}); }

TEST(BadCsv, LabelOutOfRange) {
  for (const std::string label : {"256", "-1", "1.5"})
    expect_data_failure(read_one("0,1\n" + label + ",1\n"),
                        {"line 2, column 1", "'" + label + "'", "0..255"});
}

TEST(BadCsv, OneClass) { expect_data_failure(read_two("0,1\n0,2\n", "0,3\n"), {"train.csv", "two classes"}); }

TEST(BadCsv, PartsOfDifferentWidth) {
  expect_data_failure(read_two("0,1\n1,2\n", "0,3,4\n"), {"test.csv", "2 features", "training part has 1"});
}

TEST(BadCsv, TruncatedCompressedFile) {
  const ScratchFolder folder;
  std::string text;
  for (int i = 0; i < 500; ++i) text += fmt::format("{},{}\n", i % 10, i * 7919 % 256);
  write_gzip(folder / "whole.gz", text);
  const std::string bytes = read_text(folder / "whole.gz");
  write_text(folder / "set.csv", bytes.substr(0, bytes.size() / 2));
  expect_data_failure(read_csv(folder / "set.csv"), {"set.csv", "damaged or cut short"});
}

}  // namespace
}  // namespace polydot::node
