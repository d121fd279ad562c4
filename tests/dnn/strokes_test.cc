#include "dnn/data/strokes.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "dnn/data/strokes_glyphs.h"
#include "dnn/data/strokes_random.h"

namespace polydot::dnn {
namespace {

using Picture = std::array<std::uint8_t, kCanvasPixels>;

Picture sample(std::uint64_t seed, StrokesPart part, std::uint32_t index) {
  Picture picture{};
  draw_strokes_sample(seed, part, index, picture);
  return picture;
}

TEST(Strokes, AreTheSameBytesOnEveryProcessor) {
  EXPECT_EQ(make_strokes(StrokesPart::kTrain, kStrokesTrainCount).digest(), 13724973776881396036u);
  EXPECT_EQ(make_strokes(StrokesPart::kTest, kStrokesTestCount).digest(), 14207144314829231316u);
}

TEST(Strokes, ASampleDependsOnSeedPartAndIndexAlone) {
  const Dataset few = make_strokes(StrokesPart::kTest, 30, 5);
  const Dataset more = make_strokes(StrokesPart::kTest, 40, 5);
  EXPECT_TRUE(std::ranges::equal(few.bytes(), more.bytes().first(few.bytes().size())));
  const Picture alone = sample(5, StrokesPart::kTest, 29);
  EXPECT_TRUE(std::ranges::equal(alone, few.bytes().last(kCanvasPixels)));
  EXPECT_NE(alone, sample(6, StrokesPart::kTest, 29));
  EXPECT_NE(alone, sample(5, StrokesPart::kTrain, 29));
  EXPECT_NE(alone, sample(5, StrokesPart::kTest, 19));
}

TEST(Strokes, EveryDigitIsEquallyFrequent) {
  const Dataset data = make_strokes(StrokesPart::kTrain, 200);
  EXPECT_EQ(data.classes(), 10);
  EXPECT_EQ(data.features(), 784);
  std::array<int, 10> counts{};
  for (const Label label : data.labels()) ++counts[label];
  for (const int count : counts) EXPECT_EQ(count, 20);
}

TEST(Strokes, NoSampleRepeatsAndNoneIsInBothParts) {
  std::set<std::string> seen;
  for (const auto& [part, count] :
       {std::pair{StrokesPart::kTrain, 3000u}, std::pair{StrokesPart::kTest, 1000u}}) {
    const Dataset data = make_strokes(part, count);
    for (std::size_t i = 0; i < count; ++i) {
      const auto picture = data.bytes().subspan(i * kCanvasPixels, kCanvasPixels);
      EXPECT_TRUE(seen.emplace(picture.begin(), picture.end()).second) << "sample " << i;
    }
  }
}

TEST(Strokes, EverySampleShowsADigitOnEmptyPaper) {
  const Dataset data = make_strokes(StrokesPart::kTrain, 2000);
  for (std::size_t i = 0; i < 2000; ++i) {
    const auto picture = data.bytes().subspan(i * kCanvasPixels, kCanvasPixels);
    const auto inked = std::ranges::count_if(picture, [](std::uint8_t grey) { return grey > 90; });
    EXPECT_GE(inked, 10) << "sample " << i;
    EXPECT_LE(inked, kCanvasPixels / 2) << "sample " << i;
  }
}

TEST(StrokesGlyphs, EveryDigitHasStylesInsideTheBox) {
  for (int digit = 0; digit < kGlyphDigits; ++digit) {
    ASSERT_FALSE(glyph_styles(digit).empty());
    for (const Glyph& glyph : glyph_styles(digit)) {
      EXPECT_GE(glyph.first.size(), 2u) << "digit " << digit;
      EXPECT_NE(glyph.second.size(), 1u) << "digit " << digit;
      for (const Stroke stroke : {glyph.first, glyph.second}) {
        for (const ControlPoint& point : stroke) {
          EXPECT_LE(std::abs(point.x), 32) << "digit " << digit;
          EXPECT_LE(std::abs(point.y), 50) << "digit " << digit;
        }
      }
    }
  }
}

// The obvious picture of a line: every pixel, in double.
Picture draw_slowly(PenPoint a, PenPoint b, double radius, double ink) {
  Picture picture{};
  const double ux = b.x - a.x;
  const double uy = b.y - a.y;
  const double length_squared = ux * ux + uy * uy;
  const double edge = 0.625 * kPixelUnits;
  const double inner = std::max(radius - edge, 0.0) * std::max(radius - edge, 0.0);
  const double outer = (radius + edge) * (radius + edge);
  for (int i = 0; i < kCanvasPixels; ++i) {
    const double dx = (i % kCanvasSide + 0.5) * kPixelUnits - a.x;
    const double dy = (i / kCanvasSide + 0.5) * kPixelUnits - a.y;
    const double t = length_squared > 0 ? std::clamp((dx * ux + dy * uy) / length_squared, 0.0, 1.0) : 0.0;
    const double distance_squared = (dx - t * ux) * (dx - t * ux) + (dy - t * uy) * (dy - t * uy);
    const double inside = std::clamp(outer - distance_squared, 0.0, outer - inner) / (outer - inner);
    picture[static_cast<std::size_t>(i)] = static_cast<std::uint8_t>(ink * inside);
  }
  return picture;
}

TEST(StrokesCanvas, DrawsWhatTheObviousProgramDraws) {
  constexpr std::uint64_t kSeed = 77;
  SCOPED_TRACE(testing::Message() << "seed " << kSeed);
  SplitMix64 random(kSeed);
  const auto coordinate = [&random] { return random.between(-600, kCanvasSide * kPixelUnits + 600); };
  for (int round = 0; round < 300; ++round) {
    const PenPoint a{coordinate(), coordinate()};
    const PenPoint b = round % 10 == 0 ? a : PenPoint{coordinate(), coordinate()};  // a dot now and then
    const std::int32_t radius = random.between(32, 256);
    Canvas forward(radius);
    Canvas backward(radius);
    forward.draw_line(a, b);
    backward.draw_line(b, a);
    Picture picture{};
    Picture mirrored{};
    forward.develop(255, picture);
    backward.develop(255, mirrored);
    EXPECT_EQ(picture, mirrored) << "round " << round;
    const Picture expected = draw_slowly(a, b, radius, 255);
    for (std::size_t i = 0; i < picture.size(); ++i) {
      ASSERT_NEAR(picture[i], expected[i], 1) << "round " << round << ", pixel " << i;
    }
  }
}

TEST(StrokesRandom, BetweenReachesBothEndsAndNothingElse) {
  SplitMix64 random(3);
  std::array<int, 7> counts{};
  for (int i = 0; i < 7000; ++i) {
    const std::int32_t value = random.between(-3, 3);
    ASSERT_LE(std::abs(value), 3);
    ++counts[static_cast<std::size_t>(value + 3)];
  }
  for (const int count : counts) EXPECT_GT(count, 800);
  EXPECT_EQ(random.between(4, 4), 4);
}

TEST(StrokesRandom, IsSplitMix64) {
  SplitMix64 random(1234567);  // the known answers of the published generator
  EXPECT_EQ(random.next(), 6457827717110365317u);
  EXPECT_EQ(random.next(), 3203168211198807973u);
}

// Softmax regression with momentum; returns the accuracy on `test`.
double train_linear_model(const Dataset& train, const Dataset& test, int epochs, std::uint32_t seed) {
  std::mt19937 random(seed);
  std::vector<std::uint32_t> order(static_cast<std::size_t>(train.count()));
  std::iota(order.begin(), order.end(), 0u);
  Eigen::MatrixXf weights = Eigen::MatrixXf::Zero(10, train.features() + 1);
  Eigen::MatrixXf momentum = weights;
  Eigen::MatrixXf x;
  std::vector<Label> labels;
  const auto scores = [&]() -> Eigen::MatrixXf {
    return (weights.leftCols(x.rows()) * x).colwise() + weights.rightCols<1>().col(0);
  };
  for (int epoch = 0; epoch < epochs; ++epoch) {
    std::shuffle(order.begin(), order.end(), random);
    for (std::size_t begin = 0; begin < order.size(); begin += 64) {
      const auto batch = std::span(order).subspan(begin, std::min<std::size_t>(64, order.size() - begin));
      train.gather(batch, x);
      train.gather_labels(batch, labels);
      Eigen::MatrixXf delta = scores();
      for (Index j = 0; j < delta.cols(); ++j) {
        const float greatest = *std::max_element(delta.col(j).begin(), delta.col(j).end());
        delta.col(j) = delta.col(j).unaryExpr([greatest](float score) { return std::exp(score - greatest); });
        delta.col(j) /= delta.col(j).sum();
        delta(labels[static_cast<std::size_t>(j)], j) -= 1;
      }
      delta /= static_cast<float>(batch.size());
      momentum *= 0.9f;
      momentum.leftCols(x.rows()).noalias() += delta * x.transpose();
      momentum.rightCols<1>() += delta.rowwise().sum();
      weights -= 0.002f * momentum;
    }
  }
  std::vector<std::uint32_t> all(static_cast<std::size_t>(test.count()));
  std::iota(all.begin(), all.end(), 0u);
  test.gather(all, x);
  const Eigen::MatrixXf result = scores();
  int right = 0;
  for (Index j = 0; j < result.cols(); ++j) {
    Index best = 0;
    result.col(j).maxCoeff(&best);
    right += best == test.label(j);
  }
  return right / static_cast<double>(test.count());
}

TEST(Strokes, AreTooHardForALinearModel) {
  constexpr std::uint32_t kSeed = 1;
  const Dataset train = make_strokes(StrokesPart::kTrain, kStrokesTrainCount);
  Dataset test = make_strokes(StrokesPart::kTest, kStrokesTestCount);
  test.set_standardisation(train.standardisation());
  const double accuracy = train_linear_model(train, test, 8, kSeed);
  RecordProperty("accuracy", std::to_string(accuracy));
  EXPECT_LT(accuracy, 0.93) << "seed " << kSeed;
  EXPECT_GT(accuracy, 0.80) << "the trainer must have learned what it can; seed " << kSeed;
}

}  // namespace
}  // namespace polydot::dnn
