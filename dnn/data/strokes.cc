#include "dnn/data/strokes.h"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "codes/base/check.h"
#include "dnn/data/strokes_glyphs.h"
#include "dnn/data/strokes_random.h"

namespace polydot::dnn {
namespace {

// Lengths are in canvas units of 1/64 pixel; factors are in 1/1024.
constexpr std::int32_t kUnit = 1024;             // 1.0
constexpr std::int32_t kUnitsPerGlyphUnit = 11;  // a digit is 100 glyph units high: 17 of 28 pixels
constexpr std::int32_t kCentre = kCanvasSide * kPixelUnits / 2;
constexpr std::int32_t kCurveSteps = 8;
constexpr std::size_t kMaxStrokePoints = 16;

// How far the samples stray from the glyphs. Chosen by experiment: softmax regression stays at about 88 % of
// the test part, a 784-256-128-10 network reaches about 98 % in five epochs.
constexpr std::int32_t kMaxPointJitter = 8;  // glyph units
constexpr std::int32_t kMinScale = kUnit * 78 / 100;
constexpr std::int32_t kMaxScale = kUnit * 122 / 100;
constexpr std::int32_t kMaxRotation = kUnit * 35 / 100;  // radians
constexpr std::int32_t kMaxShear = kUnit * 40 / 100;
constexpr std::int32_t kMaxBend = kUnit * 30 / 100;
constexpr std::int32_t kMaxShift = 3 * kPixelUnits;
constexpr std::int32_t kMinRadius = kPixelUnits * 7 / 10;
constexpr std::int32_t kMaxRadius = kPixelUnits * 18 / 10;
constexpr std::int32_t kMinInk = 150;
constexpr std::int32_t kMaxNoise = 36;  // grey levels, up or down

// The random affine map of one sample, and a bend: x moves with the square of y.
struct Pose {
  std::int32_t xx, xy, yx, yy;  // 1/1024, scales, rotation and shear multiplied out
  std::int32_t bend;
  PenPoint shift;
};

Pose random_pose(SplitMix64& random) {
  const std::int32_t width = random.between(kMinScale, kMaxScale);
  const std::int32_t height = random.between(kMinScale, kMaxScale);
  const std::int32_t angle = random.around_zero(kMaxRotation);
  const std::int32_t shear = random.around_zero(kMaxShear);
  const std::int32_t sine = angle;  // small angles: sin a = a, cos a = 1 - a^2/2
  const std::int32_t cosine = kUnit - angle * angle / (2 * kUnit);
  Pose pose{};
  pose.xx = width * cosine / kUnit;
  pose.xy = height * (shear - sine) / kUnit;
  pose.yx = width * sine / kUnit;
  pose.yy = height * cosine / kUnit;
  pose.bend = random.around_zero(kMaxBend);
  pose.shift.x = kCentre + random.around_zero(kMaxShift);
  pose.shift.y = kCentre + random.around_zero(kMaxShift);
  return pose;
}

PenPoint place(const Pose& pose, std::int32_t glyph_x, std::int32_t glyph_y) {
  const std::int32_t x = (glyph_x + pose.bend * (glyph_y * glyph_y / 50 - 25) / kUnit) * kUnitsPerGlyphUnit;
  const std::int32_t y = glyph_y * kUnitsPerGlyphUnit;
  return {pose.shift.x + (pose.xx * x + pose.xy * y) / kUnit,
          pose.shift.y + (pose.yx * x + pose.yy * y) / kUnit};
}

// The Catmull-Rom curve from p1 to p2 at step/kCurveSteps; p0 and p3 are the points before and after.
std::int32_t curve(std::int32_t p0, std::int32_t p1, std::int32_t p2, std::int32_t p3, std::int32_t step) {
  constexpr std::int32_t n = kCurveSteps;
  const std::int32_t t = step;
  return (2 * p1 * n * n * n + (p2 - p0) * t * n * n + (2 * p0 - 5 * p1 + 4 * p2 - p3) * t * t * n +
          (3 * (p1 - p2) + p3 - p0) * t * t * t) /
         (2 * n * n * n);
}

void draw_stroke(Stroke stroke, const Pose& pose, SplitMix64& random, Canvas& canvas) {
  POLYDOT_CHECK_LE(stroke.size(), kMaxStrokePoints);
  std::array<PenPoint, kMaxStrokePoints> points;
  for (std::size_t i = 0; i < stroke.size(); ++i) {
    const std::int32_t x = stroke[i].x + random.around_zero(kMaxPointJitter);
    const std::int32_t y = stroke[i].y + random.around_zero(kMaxPointJitter);
    points[i] = place(pose, x, y);
  }
  for (std::size_t i = 0; i + 1 < stroke.size(); ++i) {
    const bool smooth_start = i > 0 && !stroke[i].corner;
    const bool smooth_end = i + 2 < stroke.size() && !stroke[i + 1].corner;
    const PenPoint before = points[smooth_start ? i - 1 : i];
    const PenPoint after = points[smooth_end ? i + 2 : i + 1];
    PenPoint pen = points[i];
    for (std::int32_t step = 1; step <= kCurveSteps; ++step) {
      const PenPoint next{curve(before.x, points[i].x, points[i + 1].x, after.x, step),
                          curve(before.y, points[i].y, points[i + 1].y, after.y, step)};
      canvas.draw_line(pen, next);
      pen = next;
    }
  }
}

// Adds an even grey noise with mean zero; eight pixels share one random number, a byte each.
void add_noise(SplitMix64& random, std::span<std::uint8_t, kCanvasPixels> pixels) {
  const std::int32_t level = random.between(0, kMaxNoise);
  static_assert(kCanvasPixels % 8 == 0);
  for (std::size_t i = 0; i < kCanvasPixels; i += 8) {
    const std::uint64_t bytes = random.next();
    for (std::size_t k = 0; k < 8; ++k) {
      const auto byte = static_cast<std::int32_t>((bytes >> (8 * k)) & 0xFF);
      const std::int32_t noise = ((byte - 128) * level) >> 7;
      pixels[i + k] = static_cast<std::uint8_t>(std::clamp(pixels[i + k] + noise, 0, 255));
    }
  }
}

}  // namespace

Label draw_strokes_sample(std::uint64_t seed, StrokesPart part, std::uint32_t index,
                          std::span<std::uint8_t, kCanvasPixels> pixels) {
  const auto label = static_cast<Label>(index % kGlyphDigits);
  const std::uint64_t place_in_set = (static_cast<std::uint64_t>(part) << 32) | index;
  SplitMix64 random(SplitMix64::scramble(seed) ^ SplitMix64::scramble(~place_in_set));
  const std::span<const Glyph> styles = glyph_styles(label);
  const Glyph& glyph =
      styles[static_cast<std::size_t>(random.between(0, static_cast<std::int32_t>(styles.size()) - 1))];
  const Pose pose = random_pose(random);
  Canvas canvas(random.between(kMinRadius, kMaxRadius));
  draw_stroke(glyph.first, pose, random, canvas);
  draw_stroke(glyph.second, pose, random, canvas);
  canvas.develop(random.between(kMinInk, 255), pixels);
  add_noise(random, pixels);
  return label;
}

Dataset make_strokes(StrokesPart part, std::uint32_t count, std::uint64_t seed) {
  std::vector<std::uint8_t> pixels(static_cast<std::size_t>(count) * kCanvasPixels);
  std::vector<Label> labels(count);
  for (std::uint32_t i = 0; i < count; ++i) {
    const std::span<std::uint8_t, kCanvasPixels> picture(pixels.data() + std::size_t{i} * kCanvasPixels,
                                                         kCanvasPixels);
    labels[i] = draw_strokes_sample(seed, part, i, picture);
  }
  return Dataset::from_bytes(std::move(pixels), kCanvasPixels, std::move(labels), kGlyphDigits);
}

}  // namespace polydot::dnn
