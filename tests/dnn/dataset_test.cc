#include "dnn/data/dataset.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <numeric>
#include <random>
#include <vector>

namespace polydot::dnn {
namespace {

constexpr std::uint32_t kSeed = 20240607;

std::vector<std::uint8_t> random_bytes(std::size_t size, int below, std::mt19937& random) {
  std::vector<std::uint8_t> bytes(size);
  for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(random() % static_cast<unsigned>(below));
  return bytes;
}

std::vector<Label> random_labels(std::size_t count, int classes, std::mt19937& random) {
  const std::vector<std::uint8_t> drawn = random_bytes(count, classes, random);
  return {drawn.begin(), drawn.end()};
}

Eigen::MatrixXf random_floats(Index rows, Index columns, std::mt19937& random) {
  std::normal_distribution<float> normal;
  return Eigen::MatrixXf::NullaryExpr(rows, columns, [&] { return normal(random); });
}

std::vector<std::uint32_t> all_indices(const Dataset& data) {
  std::vector<std::uint32_t> indices(static_cast<std::size_t>(data.count()));
  std::iota(indices.begin(), indices.end(), 0u);
  return indices;
}

TEST(Dataset, StandardisedPixelsHaveMeanZeroAndDeviationOne) {
  SCOPED_TRACE(testing::Message() << "seed " << kSeed);
  std::mt19937 random(kSeed);
  const Dataset data =
      Dataset::from_bytes(random_bytes(50 * 19, 256, random), 19, random_labels(50, 3, random), 3);
  Eigen::MatrixXf x;
  data.gather(all_indices(data), x);
  const Eigen::MatrixXd values = x.cast<double>();
  EXPECT_NEAR(values.mean(), 0.0, 1e-6);
  EXPECT_NEAR(values.squaredNorm() / static_cast<double>(values.size()), 1.0, 1e-6);
}

TEST(Dataset, StandardisedFloatsHaveMeanZeroAndDeviationOneInEveryFeature) {
  SCOPED_TRACE(testing::Message() << "seed " << kSeed);
  std::mt19937 random(kSeed);
  Eigen::MatrixXf raw = random_floats(4, 60, random);
  raw.row(1) *= 1e6f;
  raw.row(2).array() += 300.0f;
  raw.row(3) *= 1e-12f;
  const Dataset data = Dataset::from_floats(raw, random_labels(60, 2, random), 2);
  Eigen::MatrixXf x;
  data.gather(all_indices(data), x);
  for (Index k = 0; k < 4; ++k) {
    EXPECT_NEAR(x.row(k).cast<double>().mean(), 0.0, 1e-4) << "feature " << k;
    EXPECT_NEAR(x.row(k).cast<double>().squaredNorm() / 60, 1.0, 1e-4) << "feature " << k;
  }
}

TEST(Dataset, GatherEqualsTheObviousLoop) {
  SCOPED_TRACE(testing::Message() << "seed " << kSeed);
  std::mt19937 random(kSeed);
  const std::vector<std::uint8_t> pixels = random_bytes(20 * 37, 256, random);
  const Dataset bytes = Dataset::from_bytes(pixels, 37, random_labels(20, 10, random), 10);
  const Eigen::MatrixXf raw = random_floats(37, 20, random);
  const Dataset floats = Dataset::from_floats(raw, random_labels(20, 10, random), 10);
  const std::vector<std::uint32_t> indices{7, 0, 19, 7};
  Eigen::MatrixXf x;
  Eigen::MatrixXf y;
  bytes.gather(indices, x);
  floats.gather(indices, y);
  ASSERT_EQ(x.rows(), 37);
  ASSERT_EQ(x.cols(), 4);
  for (Index column = 0; column < 4; ++column) {
    const std::uint32_t sample = indices[static_cast<std::size_t>(column)];
    for (Index k = 0; k < 37; ++k) {
      const Standardisation& s = bytes.standardisation();
      const auto pixel = static_cast<float>(pixels[sample * 37 + static_cast<std::size_t>(k)]);
      EXPECT_EQ(x(k, column), (pixel - s.mean(0)) / s.deviation(0));
      const Standardisation& t = floats.standardisation();
      EXPECT_EQ(y(k, column), (raw(k, sample) - t.mean(k)) / t.deviation(k));
    }
  }
}

TEST(Dataset, GatherFitsTheMatrixToTheBatch) {
  const Dataset data = Dataset::from_bytes({0, 10, 20, 30, 40, 50}, 2, {0, 1, 1}, 2);
  Eigen::MatrixXf x = Eigen::MatrixXf::Constant(5, 9, 7.0f);
  data.gather(std::vector<std::uint32_t>{2}, x);
  EXPECT_EQ(x.rows(), 2);
  EXPECT_EQ(x.cols(), 1);
  data.gather({}, x);
  EXPECT_EQ(x.cols(), 0);
}

TEST(Dataset, LabelsFollowTheIndices) {
  const Dataset data = Dataset::from_bytes({1, 2, 3}, 1, {4, 0, 2}, 5);
  std::vector<Label> labels(9);
  data.gather_labels(std::vector<std::uint32_t>{2, 2, 0}, labels);
  EXPECT_EQ(labels, (std::vector<Label>{2, 2, 4}));
  EXPECT_EQ(data.label(1), 0);
  EXPECT_EQ(data.count(), 3);
  EXPECT_EQ(data.features(), 1);
  EXPECT_EQ(data.classes(), 5);
}

TEST(Dataset, ConstantFeaturesBecomeZero) {
  Eigen::MatrixXf raw(3, 4);
  raw << 0.1f, 0.1f, 0.1f, 0.1f,  //
      0, 0, 0, 0,                 //
      1, 2, 3, 4;
  const Dataset floats = Dataset::from_floats(raw, {0, 1, 0, 1}, 2);
  EXPECT_EQ(floats.standardisation().deviation(0), 1.0f);
  EXPECT_EQ(floats.standardisation().deviation(1), 1.0f);
  Eigen::MatrixXf x;
  floats.gather(all_indices(floats), x);
  EXPECT_TRUE(x.topRows(2).isZero(0));
  EXPECT_FALSE(x.bottomRows(1).isZero());

  const Dataset bytes = Dataset::from_bytes({9, 9, 9, 9}, 2, {0, 1}, 2);
  bytes.gather(all_indices(bytes), x);
  EXPECT_TRUE(x.isZero(0));
}

TEST(Dataset, UsesTheStandardisationOfTheTrainingPartOnceGiven) {
  const Dataset train = Dataset::from_bytes({0, 100, 200, 100}, 2, {0, 1}, 2);
  Dataset test = Dataset::from_bytes({100, 100}, 2, {1}, 2);
  test.set_standardisation(train.standardisation());
  Eigen::MatrixXf a;
  Eigen::MatrixXf b;
  test.gather(std::vector<std::uint32_t>{0}, a);
  train.gather(std::vector<std::uint32_t>{1}, b);
  EXPECT_EQ(a(1), b(1));
}

TEST(DatasetDigest, TellsEverySingleChangeApart) {
  SCOPED_TRACE(testing::Message() << "seed " << kSeed);
  std::mt19937 random(kSeed);
  const std::vector<std::uint8_t> pixels = random_bytes(6 * 5, 256, random);  // 30 bytes: not a multiple of 8
  const std::vector<Label> labels = random_labels(6, 4, random);
  const std::uint64_t digest = Dataset::from_bytes(pixels, 5, labels, 4).digest();
  EXPECT_EQ(Dataset::from_bytes(pixels, 5, labels, 4).digest(), digest);
  for (std::size_t i = 0; i < pixels.size(); ++i) {
    std::vector<std::uint8_t> other = pixels;
    other[i] ^= 1;
    EXPECT_NE(Dataset::from_bytes(other, 5, labels, 4).digest(), digest) << "pixel " << i;
  }
  for (std::size_t i = 0; i < labels.size(); ++i) {
    std::vector<Label> other = labels;
    other[i] ^= 1;
    EXPECT_NE(Dataset::from_bytes(pixels, 5, other, 4).digest(), digest) << "label " << i;
  }
  EXPECT_NE(Dataset::from_bytes(pixels, 5, labels, 5).digest(), digest);
  std::vector<std::uint8_t> swapped = pixels;
  std::rotate(swapped.begin(), swapped.begin() + 8, swapped.begin() + 16);  // whole words change places
  EXPECT_NE(Dataset::from_bytes(swapped, 5, labels, 4).digest(), digest);
}

TEST(DatasetDigest, TellsFloatsFromBytesAndIgnoresTheStandardisation) {
  Dataset bytes = Dataset::from_bytes({1, 2, 3, 4}, 2, {0, 1}, 2);
  Eigen::MatrixXf raw(2, 2);
  raw << 1, 3, 2, 4;
  EXPECT_NE(Dataset::from_floats(raw, {0, 1}, 2).digest(), bytes.digest());
  const std::uint64_t before = bytes.digest();
  bytes.set_standardisation({Eigen::VectorXf::Constant(1, 5.0f), Eigen::VectorXf::Constant(1, 2.0f)});
  EXPECT_EQ(bytes.digest(), before);
}

TEST(DatasetDigest, IsTheSameOnEveryProcessor) {
  EXPECT_EQ(Dataset::from_bytes({1, 2, 3, 4, 5, 6, 7, 8, 9, 10}, 5, {0, 1}, 2).digest(),
            16714183882063497975u);
}

TEST(DatasetDeath, ABrokenPreconditionEndsTheProcess) {
  EXPECT_DEATH(Dataset::from_bytes({1, 2, 3}, 2, {0}, 2), "broken invariant");
  EXPECT_DEATH(Dataset::from_bytes({1, 2}, 2, {2}, 2), "broken invariant");
  EXPECT_DEATH(Dataset::from_bytes({}, 2, {}, 2), "broken invariant");
  EXPECT_DEATH(Dataset::from_bytes({1}, 1, {0}, 65536), "broken invariant");
  const Eigen::MatrixXf nan = Eigen::MatrixXf::Constant(1, 1, std::numeric_limits<float>::quiet_NaN());
  EXPECT_DEATH(Dataset::from_floats(nan, {0}, 2), "broken invariant");
  Dataset data = Dataset::from_bytes({1, 2}, 2, {0}, 2);
  Eigen::MatrixXf x;
  EXPECT_DEATH(data.gather(std::vector<std::uint32_t>{1}, x), "broken invariant");
  EXPECT_DEATH(data.label(1), "broken invariant");
  const Standardisation zero{Eigen::VectorXf::Zero(1), Eigen::VectorXf::Zero(1)};
  EXPECT_DEATH(data.set_standardisation(zero), "broken invariant");
}

}  // namespace
}  // namespace polydot::dnn
