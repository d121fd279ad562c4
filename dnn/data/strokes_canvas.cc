#include "dnn/data/strokes_canvas.h"

#include <algorithm>
#include <limits>

#include "codes/base/check.h"

namespace polydot::dnn {
namespace {

constexpr std::int32_t kHalfEdge = kPixelUnits * 5 / 8;

// The first and the last row (or column) whose pixel centres lie within `reach` of low..high.
struct PixelRange {
  std::int32_t first = 0;
  std::int32_t last = -1;
};
PixelRange pixels_near(std::int32_t low, std::int32_t high, std::int32_t reach) {
  // >> rounds towards minus infinity, also for negative numbers (C++20).
  static_assert(kPixelUnits == 64);
  return {std::max((low - reach + kPixelUnits / 2 - 1) >> 6, 0),
          std::min((high + reach - kPixelUnits / 2) >> 6, kCanvasSide - 1)};
}

// The squared distance of a point to a segment; (dx, dy) leads from its start to the point, (ux, uy) to its
// end.
std::int32_t squared_distance(std::int32_t dx, std::int32_t dy, std::int32_t ux, std::int32_t uy,
                              std::int32_t length_squared) {
  const std::int32_t along = dx * ux + dy * uy;
  if (along <= 0) return dx * dx + dy * dy;
  if (along >= length_squared) return (dx - ux) * (dx - ux) + (dy - uy) * (dy - uy);
  const std::int64_t across = dx * uy - dy * ux;
  return static_cast<std::int32_t>(across * across / length_squared);
}

}  // namespace

Canvas::Canvas(std::int32_t radius) {
  POLYDOT_CHECK_LE(kPixelUnits / 2, radius);
  POLYDOT_CHECK_LE(radius, 4 * kPixelUnits);
  const std::int32_t inner = std::max(radius - kHalfEdge, 0);
  outer_ = radius + kHalfEdge;
  inner_squared_ = inner * inner;
  outer_squared_ = outer_ * outer_;
  nearest_squared_.fill(std::numeric_limits<std::int32_t>::max());
}

void Canvas::draw_line(PenPoint a, PenPoint b) {
  const PixelRange rows = pixels_near(std::min(a.y, b.y), std::max(a.y, b.y), outer_);
  const PixelRange columns = pixels_near(std::min(a.x, b.x), std::max(a.x, b.x), outer_);
  const std::int32_t ux = b.x - a.x;
  const std::int32_t uy = b.y - a.y;
  const std::int32_t length_squared = ux * ux + uy * uy;
  for (std::int32_t row = rows.first; row <= rows.last; ++row) {
    const std::int32_t dy = row * kPixelUnits + kPixelUnits / 2 - a.y;
    for (std::int32_t column = columns.first; column <= columns.last; ++column) {
      const std::int32_t dx = column * kPixelUnits + kPixelUnits / 2 - a.x;
      std::int32_t& nearest = nearest_squared_[static_cast<std::size_t>(row * kCanvasSide + column)];
      nearest = std::min(nearest, squared_distance(dx, dy, ux, uy, length_squared));
    }
  }
}

void Canvas::develop(std::int32_t ink, std::span<std::uint8_t, kCanvasPixels> pixels) const {
  POLYDOT_CHECK_LE(0, ink);
  POLYDOT_CHECK_LE(ink, 255);
  const std::int32_t fade = outer_squared_ - inner_squared_;
  for (std::size_t i = 0; i < nearest_squared_.size(); ++i) {
    const std::int32_t inside = std::clamp(outer_squared_ - nearest_squared_[i], 0, fade);
    pixels[i] = static_cast<std::uint8_t>(ink * inside / fade);
  }
}

}  // namespace polydot::dnn
