// A 28x28 canvas that a round pen of any width draws on, in integers only.
//
// Units     positions, distances and radii in 1/64 pixel; pixel (row, column) has its centre at
//           x = 64 column + 32, y = 64 row + 32; what lies outside the canvas is not drawn
#pragma once

#include <array>
#include <cstdint>
#include <span>

namespace polydot::dnn {

inline constexpr int kCanvasSide = 28;
inline constexpr int kCanvasPixels = kCanvasSide * kCanvasSide;
inline constexpr std::int32_t kPixelUnits = 64;

struct PenPoint {
  std::int32_t x = 0;
  std::int32_t y = 0;
};

class Canvas {
 public:
  // `radius`: half the width of the line, between 1/2 and 4 pixels.
  explicit Canvas(std::int32_t radius);

  // Draws from a to b. Lines do not add up: a pixel counts its nearest line. Coordinates within -8192..8192.
  void draw_line(PenPoint a, PenPoint b);

  // Row by row, 0 (paper) to `ink`; the edge of a line fades over about one pixel.
  void develop(std::int32_t ink, std::span<std::uint8_t, kCanvasPixels> pixels) const;

 private:
  std::int32_t inner_squared_;  // full ink up to this squared distance
  std::int32_t outer_squared_;  // none from here
  std::int32_t outer_;
  std::array<std::int32_t, kCanvasPixels> nearest_squared_;
};

}  // namespace polydot::dnn
