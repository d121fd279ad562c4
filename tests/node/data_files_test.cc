// Reading and writing whole files, and data sets by name; the formats have tests of their own.
#include "node/files/data_files.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <string>
#include <vector>

#include "dnn/data/strokes.h"
#include "node/data/dataset_loader.h"
#include "tests/node/scratch_folder.h"

namespace polydot::node {
namespace {

namespace fs = std::filesystem;

std::span<const std::uint8_t> bytes_of(const std::string& text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

TEST(DataFile, ReadsPlainAndCompressedAlike) {
  const ScratchFolder folder;
  const std::string text(300'000, 'q');
  write_text(folder / "plain", text);
  write_gzip(folder / "compressed", text);
  for (const char* const name : {"plain", "compressed"}) {
    Result<DataFile> file = DataFile::open(folder / name);
    ASSERT_TRUE(file.ok()) << file.failure().message;
    EXPECT_GE(file->most_bytes(), text.size());
    std::vector<std::uint8_t> first(100);
    EXPECT_EQ(*file->read(first), 100u);
    std::vector<std::uint8_t> rest(400'000);
    EXPECT_EQ(*file->read(rest), text.size() - 100);
    EXPECT_EQ(*file->read(rest), 0u);
    EXPECT_TRUE(std::all_of(first.begin(), first.end(), [](std::uint8_t byte) { return byte == 'q'; }));
  }
}

std::string gzip_of(const ScratchFolder& folder, const std::string& text) {
  write_gzip(folder / "member", text);
  return read_text(folder / "member");
}
// In pieces of odd sizes, so that members end within them and at their ends.
Result<std::string> whole_text(const fs::path& path) {
  auto file = DataFile::open(path);
  if (!file) return file.failure();
  std::string text;
  std::vector<std::uint8_t> piece(1021);
  while (true) {
    const auto got = file->read(piece);
    if (!got) return got.failure();
    text.append(piece.begin(), piece.begin() + static_cast<std::ptrdiff_t>(*got));
    if (*got < piece.size()) return text;
  }
}
std::string numbers(std::size_t first, std::size_t count) {
  std::string text;
  for (std::size_t k = first; k < first + count; ++k) text += std::to_string(k * 7919) + "\n";
  return text;
}

// As `cat a.gz b.gz` makes it, and parallel compressors do.
TEST(DataFile, GzipMembersAreReadOneAfterTheOther) {
  const ScratchFolder folder;
  const std::string first = numbers(0, 90'000), second = numbers(90'000, 60'000);
  const std::string members = gzip_of(folder, first) + gzip_of(folder, "") + gzip_of(folder, second);
  for (const std::size_t zeros : {0, 1, 511, 300'000}) {
    write_text(folder / "all", members + std::string(zeros, '\0'));
    const auto text = whole_text(folder / "all");
    ASSERT_TRUE(text) << text.failure().message;
    EXPECT_TRUE(*text == first + second) << zeros;
  }
}

TEST(DataFile, WhateverIsDamagedIsNoEnd) {
  const ScratchFolder folder;
  const std::string first = gzip_of(folder, numbers(0, 60'000)), second = gzip_of(folder, numbers(1, 60'000));
  const std::size_t middle = second.size() / 2;
  std::string flipped = second, header = second, checksum = second;
  flipped[middle] = static_cast<char>(flipped[middle] ^ 0x10);
  header[2] = 7;  // no method of compression
  checksum[second.size() - 6] = static_cast<char>(checksum[second.size() - 6] ^ 1);
  for (const std::string& after :
       {flipped, header, checksum, second.substr(0, middle), second.substr(0, 1), second.substr(0, 5),
        second.substr(0, second.size() - 3), std::string("1,2,3\n"), std::string("\0\0x", 3)}) {
    SCOPED_TRACE(after.size());
    write_text(folder / "all", first + after);
    expect_data_failure(whole_text(folder / "all"), {"all", "damaged or cut short", "fetch it again"});
    write_text(folder / "one", after == second.substr(0, 1) || after.front() == '1' || after.front() == 0
                                   ? first.substr(0, first.size() - 1)
                                   : after);
    expect_data_failure(whole_text(folder / "one"), {"one", "damaged or cut short"});
  }
}

TEST(DataFile, AFileThatShrinksWhileItIsReadIsNoEnd) {
  const ScratchFolder folder;
  write_text(folder / "plain", numbers(0, 200'000));
  auto file = DataFile::open(folder / "plain");
  ASSERT_TRUE(file);
  fs::resize_file(folder / "plain", 500'000);
  std::vector<std::uint8_t> all(2'000'000);
  expect_data_failure(file->read(all), {"plain", "shorter while it was read"});
}

TEST(DataFile, NothingCompressesBetterThanTheBound) {
  const ScratchFolder folder;
  const std::string zeros(50'000'000, '\0');
  gzFile out = gzopen((folder / "zeros").c_str(), "wb9");
  ASSERT_EQ(gzwrite(out, zeros.data(), static_cast<unsigned>(zeros.size())), static_cast<int>(zeros.size()));
  ASSERT_EQ(gzclose(out), Z_OK);
  const Result<DataFile> file = DataFile::open(folder / "zeros");
  ASSERT_TRUE(file.ok());
  EXPECT_GE(file->most_bytes(), zeros.size());
}

TEST(WriteFile, ReplacesAFileAsAWhole) {
  const ScratchFolder folder;
  write_text(folder / "file", "something longer than the new text");
  ASSERT_TRUE(write_file_atomically(folder / "file", bytes_of("head "), bytes_of("body")).ok());
  EXPECT_EQ(read_text(folder / "file"), "head body");
  EXPECT_EQ(std::distance(fs::directory_iterator(folder.path()), {}), 1);
}

TEST(WriteFile, SaysWhereItCannotWrite) {
  const ScratchFolder folder;
  expect_data_failure(write_file_atomically(folder / "no" / "file", {}, bytes_of("body")),
                      {"no/file", "cannot be written", "make it"});
}

TEST(LoadData, StrokesAreAlwaysTheSameSet) {
  const Result<DataPair> data = load_data(DataSource{"strokes", ""});
  ASSERT_TRUE(data.ok()) << data.failure().message;
  EXPECT_EQ(data->train.count(), 20'000);
  EXPECT_EQ(data->test.count(), 4'000);
  EXPECT_EQ(data->train.digest(), dnn::make_strokes(dnn::StrokesPart::kTrain, 20'000).digest());
  EXPECT_EQ(data->test.standardisation().mean, data->train.standardisation().mean);
  EXPECT_EQ(data->test.standardisation().deviation, data->train.standardisation().deviation);
}

TEST(LoadData, WrittenStrokesAreTheStrokes) {
  const ScratchFolder folder;
  ASSERT_TRUE(write_dataset(DataSource{"strokes", ""}, folder.path().string()).ok());
  const Result<DataPair> strokes = load_data(DataSource{"strokes", ""});
  const Result<DataPair> read = load_data(DataSource{"idx", folder.path().string()});
  ASSERT_TRUE(read.ok()) << read.failure().message;
  EXPECT_EQ(read->digest, strokes->digest);
}

TEST(LoadData, TheDigestCoversBothPartsInTheirOrder) {
  const auto pair_of = [](std::uint8_t a, std::uint8_t b) {
    return make_data_pair(dnn::Dataset::from_bytes({a, 0}, 1, {0, 1}, 2),
                          dnn::Dataset::from_bytes({b, 0}, 1, {0, 1}, 2));
  };
  EXPECT_EQ(pair_of(1, 2).digest, pair_of(1, 2).digest);
  EXPECT_NE(pair_of(1, 2).digest, pair_of(2, 1).digest);
  EXPECT_NE(pair_of(1, 2).digest, pair_of(1, 3).digest);
  EXPECT_NE(pair_of(1, 1).digest, pair_of(2, 2).digest);
}

TEST(LoadData, MistakesInTheCallAreUsageFailures) {
  const auto expect_usage = [](const Result<DataPair>& result,
                               std::initializer_list<std::string_view> parts) {
    expect_failure(result, FailureKind::kUsage, parts);
  };
  expect_usage(load_data(DataSource{"mnist", "/data"}), {"unknown data set mnist", "strokes, idx or csv"});
  expect_usage(load_data(DataSource{"idx", ""}), {"idx needs --data"});
  expect_usage(load_data(DataSource{"csv", ""}), {"csv needs --data"});
  expect_usage(load_data(DataSource{"strokes", "/data"}), {"reads no files", "drop --data /data"});
}

TEST(LoadData, WhatCannotBeLoadedIsNotWritten) {
  const ScratchFolder folder;
  expect_data_failure(write_dataset(DataSource{"idx", "/nowhere"}, (folder / "out").string()),
                      {"/nowhere", "no such folder"});
  EXPECT_FALSE(fs::exists(folder / "out"));
}

// Real digits, where they are at hand.
TEST(LoadData, ReadsMnist) {
  const char* const given = std::getenv("POLYDOT_SHARED");
  const fs::path shared = given != nullptr ? fs::path(given) : fs::path(POLYDOT_SOURCE_DIR) / ".." / "shared";
  const fs::path folder = shared / "data" / "mnist";
  if (!fs::exists(folder))
    GTEST_SKIP() << "no " << folder << ": set POLYDOT_SHARED to the folder that holds data/mnist";
  const Result<DataPair> data = load_data(DataSource{"idx", folder.string()});
  ASSERT_TRUE(data.ok()) << data.failure().message;
  EXPECT_EQ(data->train.count(), 7'000);
  EXPECT_EQ(data->test.count(), 1'000);
  EXPECT_EQ(data->train.features(), 784);
  EXPECT_EQ(data->train.classes(), 10);
  EXPECT_NEAR(data->train.standardisation().mean(0), 33.3, 1.0);  // of all 60,000: 33.32 and 78.57
  EXPECT_NEAR(data->train.standardisation().deviation(0), 78.6, 1.0);
}

}  // namespace
}  // namespace polydot::node
