// How the ten digits are drawn: pen strokes through integer control points, in several styles.
//
// Units     a glyph lies in a box of about -32..32 (x, to the right) by -50..50 (y, downwards), centre (0, 0)
// Curves    the pen follows a smooth curve through the points of a stroke and turns sharply only at corners;
//           the first and the last point of a stroke need not be marked
#pragma once

#include <cstdint>
#include <span>

namespace polydot::dnn {

struct ControlPoint {
  std::int8_t x = 0;
  std::int8_t y = 0;
  bool corner = false;
};

using Stroke = std::span<const ControlPoint>;

struct Glyph {
  Stroke first;
  Stroke second = {};  // empty when one is enough
};

inline constexpr int kGlyphDigits = 10;

// The styles of one digit (0..9), never empty; chosen equally often.
std::span<const Glyph> glyph_styles(int digit);

}  // namespace polydot::dnn
