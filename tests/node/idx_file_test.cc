#include "node/data/idx_file.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <string>
#include <vector>

#include "dnn/data/strokes.h"
#include "node/data/idx_names.h"
#include "tests/node/scratch_folder.h"

namespace polydot::node {
namespace {

namespace fs = std::filesystem;

constexpr const char* kNames[] = {"train-images-idx3-ubyte", "train-labels-idx1-ubyte",
                                  "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"};

std::string big_endian(std::uint32_t number) {
  std::string bytes;
  for (const int shift : {24, 16, 8, 0}) bytes.push_back(static_cast<char>(number >> shift));
  return bytes;
}

std::string images(std::uint32_t count, std::uint32_t rows, std::uint32_t columns) {
  return big_endian(0x803) + big_endian(count) + big_endian(rows) + big_endian(columns) +
         std::string(std::size_t{count} * rows * columns, '\x21');
}

std::string labels(std::initializer_list<char> values) {
  return big_endian(0x801) + big_endian(static_cast<std::uint32_t>(values.size())) + std::string(values);
}

// A folder with a small good set: 4 and 2 images of 3x2; each test then spoils one file.
class BadIdx : public testing::Test {
 protected:
  void SetUp() override {
    write_text(folder_ / kNames[0], images(4, 3, 2));
    write_text(folder_ / kNames[1], labels({0, 9, 1, 2}));
    write_text(folder_ / kNames[2], images(2, 3, 2));
    write_text(folder_ / kNames[3], labels({3, 0}));
    ASSERT_TRUE(read_idx(folder_.path()).ok());
  }
  void spoil(const char* name, const std::string& bytes) { write_text(folder_ / name, bytes); }

  ScratchFolder folder_;
};

TEST_F(BadIdx, NoLabelThatWasTrained) {
  spoil(kNames[3], labels({4, 7}));
  expect_data_failure(read_idx(folder_.path()),
                      {kNames[3], "none of its labels is one of the training part"});
}

void expect_equal(const dnn::Dataset& a, const dnn::Dataset& b) {
  EXPECT_TRUE(std::ranges::equal(a.bytes(), b.bytes()));
  EXPECT_TRUE(std::ranges::equal(a.labels(), b.labels()));
  EXPECT_EQ(a.features(), b.features());
  EXPECT_EQ(a.digest(), b.digest());
}

TEST(IdxFile, WhatIsWrittenIsReadPlainAndCompressedAndWithADot) {
  const dnn::Dataset train = dnn::make_strokes(dnn::StrokesPart::kTrain, 700);
  const dnn::Dataset test = dnn::make_strokes(dnn::StrokesPart::kTest, 90);
  const ScratchFolder plain;
  ASSERT_TRUE(write_idx(plain / "made", train, test).ok());
  const ScratchFolder compressed;
  const ScratchFolder dotted;
  for (const std::string name : kNames) {
    const std::string bytes = read_text(plain / "made" / name);
    write_gzip(compressed / (name + ".gz"), bytes);
    std::string with_dot = name;
    with_dot[with_dot.find("-idx")] = '.';
    write_gzip(dotted / with_dot, bytes);  // compressed without the ending: the contents decide
  }
  for (const fs::path& folder : {plain / "made", compressed.path(), dotted.path()}) {
    const Result<DataPair> data = read_idx(folder);
    ASSERT_TRUE(data.ok()) << data.failure().message;
    expect_equal(data->train, train);
    expect_equal(data->test, test);
    EXPECT_EQ(data->test.standardisation().mean, train.standardisation().mean);
    EXPECT_EQ(data->test.standardisation().deviation, train.standardisation().deviation);
  }
}

TEST(IdxFile, WritesTheFormatOfMnist) {
  const ScratchFolder folder;
  const dnn::Dataset train = dnn::make_strokes(dnn::StrokesPart::kTrain, 3);
  ASSERT_TRUE(write_idx(folder.path(), train, train).ok());
  const std::string bytes = read_text(folder / kNames[0]);
  EXPECT_EQ(bytes.substr(0, 16), big_endian(0x803) + big_endian(3) + big_endian(28) + big_endian(28));
  EXPECT_EQ(bytes.size(), 16u + 3 * 784);
  EXPECT_EQ(read_text(folder / kNames[1]), labels({0, 1, 2}));
  EXPECT_EQ(std::distance(fs::directory_iterator(folder.path()), {}), 4) << "a temporary file is left";
}

TEST(IdxFile, FeaturesThatAreNoSquareBecomeOneRow) {
  const ScratchFolder folder;
  const dnn::Dataset data = dnn::Dataset::from_bytes({1, 2, 3, 4, 5, 6}, 3, {0, 1}, 2);
  ASSERT_TRUE(write_idx(folder.path(), data, data).ok());
  const Result<DataPair> read = read_idx(folder.path());
  ASSERT_TRUE(read.ok()) << read.failure().message;
  EXPECT_TRUE(std::ranges::equal(read->test.bytes(), data.bytes()));
}

TEST(IdxFile, RefusesToWriteWhatTheFormatCannotHold) {
  const ScratchFolder folder;
  const dnn::Dataset floats = dnn::Dataset::from_floats(Eigen::MatrixXf::Random(2, 2), {0, 1}, 2);
  expect_data_failure(write_idx(folder / "a", floats, floats), {"whole numbers 0..255", "nothing written"});
  EXPECT_FALSE(fs::exists(folder / "a"));
  write_text(folder / "file", "");
  const dnn::Dataset good = dnn::Dataset::from_bytes({1, 2}, 1, {0, 1}, 2);
  expect_data_failure(write_idx(folder / "file", good, good), {"file", "cannot make this folder"});
  fs::create_directories(folder / "b" / kNames[0] / "occupied");
  expect_data_failure(write_idx(folder / "b", good, good), {kNames[0], "cannot be written"});
  EXPECT_EQ(std::distance(fs::directory_iterator(folder / "b"), {}), 1) << "a temporary file is left";
}

TEST_F(BadIdx, MissingFolder) { expect_data_failure(read_idx(folder_ / "no"), {"/no:", "no such folder"}); }

TEST_F(BadIdx, AFileInsteadOfAFolder) {
  expect_data_failure(read_idx(folder_ / kNames[0]), {"is not a folder", "holds train-images-idx3-ubyte"});
}

TEST_F(BadIdx, MissingFile) {
  fs::remove(folder_ / kNames[3]);
  expect_data_failure(read_idx(folder_.path()),
                      {folder_.path().string(), "no t10k-labels-idx1-ubyte", ".gz"});
}

TEST_F(BadIdx, AFolderInsteadOfAFile) {
  fs::remove(folder_ / kNames[3]);
  fs::create_directory(folder_ / kNames[3]);
  expect_data_failure(read_idx(folder_.path()), {"no t10k-labels-idx1-ubyte"});
  // As some archives unpack it.
  write_text(folder_ / kNames[3] / kNames[3], labels({3, 0}));
  EXPECT_TRUE(read_idx(folder_.path()).ok());
}

TEST_F(BadIdx, EmptyFile) {
  spoil(kNames[0], "");
  expect_data_failure(read_idx(folder_.path()), {kNames[0], "cut short", "0 of the 16 bytes"});
}

TEST_F(BadIdx, WrongMagic) {
  spoil(kNames[0], labels({0, 9, 1, 2}));
  expect_data_failure(read_idx(folder_.path()), {kNames[0], "0x00000801", "expected 0x00000803"});
  SetUp();
  spoil(kNames[3], images(2, 3, 2));
  expect_data_failure(read_idx(folder_.path()), {kNames[3], "0x00000803", "expected 0x00000801"});
}

TEST_F(BadIdx, EveryTruncationIsNoticed) {
  const std::string good = images(4, 3, 2);
  for (std::size_t size = 0; size < good.size(); ++size) {
    spoil(kNames[0], good.substr(0, size));
    expect_data_failure(read_idx(folder_.path()), {kNames[0], "cut short"});
  }
}

TEST_F(BadIdx, EveryTruncationOfACompressedFileIsNoticed) {
  write_gzip(folder_ / "whole.gz", images(4, 3, 2));
  const std::string good = read_text(folder_ / "whole.gz");
  for (std::size_t size = 0; size < good.size(); ++size) {
    spoil(kNames[0], good.substr(0, size));
    expect_data_failure(read_idx(folder_.path()), {kNames[0]});
  }
}

TEST_F(BadIdx, DamagedCompressedFile) {
  write_gzip(folder_ / kNames[0], images(4, 3, 2));
  std::string bytes = read_text(folder_ / kNames[0]);
  bytes[bytes.size() - 6] = static_cast<char>(bytes[bytes.size() - 6] ^ 1);  // in the checksum
  spoil(kNames[0], bytes);
  expect_data_failure(read_idx(folder_.path()), {kNames[0], "compressed data are damaged", "fetch it again"});
}

TEST_F(BadIdx, TrailingBytes) {
  spoil(kNames[2], images(2, 3, 2) + "x");
  expect_data_failure(read_idx(folder_.path()), {kNames[2], "2 images of 3x2", "more bytes follow"});
}

TEST_F(BadIdx, CountsThatDiffer) {
  spoil(kNames[1], labels({1, 2, 3}));
  expect_data_failure(read_idx(folder_.path()), {kNames[1], "3 labels", "4 images", kNames[0]});
}

TEST_F(BadIdx, ImageSizesThatDiffer) {
  spoil(kNames[2], images(2, 2, 3));
  expect_data_failure(read_idx(folder_.path()), {kNames[2], "2x3", "training part has 3x2"});
}

TEST_F(BadIdx, NoImages) {
  spoil(kNames[0], images(0, 3, 2));
  expect_data_failure(read_idx(folder_.path()), {kNames[0], "holds no images"});
}

TEST_F(BadIdx, EmptyImages) {
  spoil(kNames[0], images(4, 0, 2));
  expect_data_failure(read_idx(folder_.path()), {kNames[0], "4 images of 0x2"});
}

TEST_F(BadIdx, ClaimsAreCheckedBeforeMemoryIsTaken) {
  const std::string head = big_endian(0x803);
  const std::string most = big_endian(0xFFFFFFFFu);
  spoil(kNames[0], head + most + most + most);
  expect_data_failure(read_idx(folder_.path()), {kNames[0], "claims 4294967295 images"});
  spoil(kNames[0], head + big_endian(1000000) + big_endian(100) + big_endian(100));
  expect_data_failure(read_idx(folder_.path()), {kNames[0], "more than the 4294967296 bytes"});
  write_gzip(folder_ / kNames[0], head + big_endian(400000) + big_endian(100) + big_endian(100));
  expect_data_failure(read_idx(folder_.path()), {kNames[0], "which its length cannot hold"});
}

TEST_F(BadIdx, OneClass) {
  spoil(kNames[1], labels({4, 4, 4, 4}));
  spoil(kNames[3], labels({4, 4}));
  expect_data_failure(read_idx(folder_.path()), {kNames[1], "all labels are 4"});
}

// Letters 1 to 26, say, or numbers with gaps.
TEST_F(BadIdx, LabelsAreMappedAndSaid) {
  spoil(kNames[1], labels({26, 1, 3, 3}));
  spoil(kNames[3], labels({1, 7}));
  const auto data = read_idx(folder_.path());
  ASSERT_TRUE(data.ok()) << data.failure().message;
  EXPECT_EQ(data->inputs.classes, (std::vector<std::string>{"1", "3", "7", "26"}));
  EXPECT_EQ(data->train.label(0), 3);
  EXPECT_EQ(data->test.label(1), 2);
  EXPECT_NE(data->understood.find(
                "4 classes (1 2, 3 2, 7 1, 26 1, never in the training part: 7), numbered from 0 to 3"),
            std::string::npos)
      << data->understood;
}

TEST(IdxFile, AnyNumberOfClassesAndAnySize) {
  const ScratchFolder folder;
  constexpr dnn::Index kClasses = 1000;
  std::vector<std::uint8_t> pixels;
  std::vector<dnn::Label> labels_of_all;
  for (dnn::Index c = 0; c < kClasses; ++c) {
    labels_of_all.push_back(static_cast<dnn::Label>(kClasses - 1 - c));
    for (int k = 0; k < 6; ++k) pixels.push_back(static_cast<std::uint8_t>(c * k));
  }
  const dnn::Dataset data = dnn::Dataset::from_bytes(pixels, 6, labels_of_all, kClasses);
  ASSERT_TRUE(write_idx(folder.path(), data, data).ok());
  const auto read = read_idx(folder.path());
  ASSERT_TRUE(read.ok()) << read.failure().message;
  EXPECT_EQ(read->train.classes(), kClasses);
  EXPECT_TRUE(std::ranges::equal(read->train.labels(), data.labels()));
  EXPECT_EQ(read->train.digest(), data.digest());
}

// As EMNIST, torchvision and others name and place them.
// What else is there, and in which order the system lists it, makes no difference.
TEST(IdxNames, AreFoundBesideManyOtherFiles) {
  const ScratchFolder folder;
  fs::create_directories(folder / "DATA" / "png");
  for (int i = 0; i < 21'000; ++i) std::ofstream(folder / "DATA" / "png" / (std::to_string(i) + ".png"));
  const dnn::Dataset data = dnn::make_strokes(dnn::StrokesPart::kTrain, 60);
  ASSERT_TRUE(write_idx(folder / "DATA" / "raw", data, data).ok());
  const auto found = read_idx(folder / "DATA");
  ASSERT_TRUE(found.ok()) << found.failure().message;
  EXPECT_EQ(found->train.count(), 60);
}

TEST(IdxNames, AreFoundAsArchivesUnpackThem) {
  const auto put = [](const fs::path& path, const std::string& bytes) {
    fs::create_directories(path.parent_path());
    write_text(path, bytes);
  };
  const auto put_set = [&](const fs::path& where, const std::string& prefix, char label,
                           const std::string& joint) {
    put(where / (prefix + "train-images" + joint + "idx3-ubyte"), images(2, 3, 2));
    put(where / (prefix + "train-labels" + joint + "idx1-ubyte"), labels({label, 0}));
    put(where / (prefix + "t10k-images" + joint + "idx3-ubyte"), images(1, 3, 2));
    put(where / (prefix + "t10k-labels" + joint + "idx1-ubyte"), labels({0}));
  };
  const ScratchFolder folder;
  put_set(folder / "MNIST" / "raw", "", 9, ".");
  EXPECT_EQ(read_idx(folder / "MNIST")->inputs.classes.back(), "9");
  EXPECT_EQ(read_idx(folder.path())->inputs.classes.back(), "9");
  put_set(folder / "gzip", "emnist-letters-", 26, "-");
  EXPECT_EQ(read_idx(folder / "gzip")->inputs.classes.back(), "26");
  put_set(folder / "gzip", "emnist-digits-", 8, "-");
  expect_data_failure(read_idx(folder / "gzip"),
                      {"several sets: ", "gzip/emnist-digits, ", "gzip/emnist-letters", "--data"});
  EXPECT_EQ(read_idx(folder / "gzip" / "emnist-letters")->inputs.classes.back(), "26");
  expect_data_failure(read_idx(folder / "gzip" / "emnist-numbers"), {"no such folder"});
  // Half a set above does not mix with a whole one below.
  put(folder / "MNIST" / "train-images-idx3-ubyte", images(2, 3, 2));
  EXPECT_EQ(find_idx_set(folder / "MNIST")->train.images.parent_path(), folder / "MNIST" / "raw");
  put_set(folder / "FashionMNIST" / "raw", "", 7, "-");
  expect_data_failure(read_idx(folder.path()), {"several sets"});
}

}  // namespace
}  // namespace polydot::node
