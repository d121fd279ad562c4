// The embedded data set: 28x28 grey pictures of the ten digits, drawn with a pen that no hand holds steady.
//
// Purpose   a data set that is always there and needs no file: easy for a network, not for a linear model
// Shapes    a picture is 784 bytes, row by row, 0 paper to 255 ink; its label is the digit
// Equality  integer arithmetic only: the same bytes on every processor and with every compiler. A sample is a
//           function of (seed, part, index) alone, so its neighbours and the counts do not matter
// Method    control points of a style (strokes_glyphs.h), each moved a little; a random affine map and a
// bend;
//           a round pen of random width (strokes_canvas.h); noise
#pragma once

#include <cstdint>
#include <span>

#include "dnn/data/dataset.h"
#include "dnn/data/strokes_canvas.h"

namespace polydot::dnn {

inline constexpr std::uint64_t kStrokesSeed = 28;
inline constexpr std::uint32_t kStrokesTrainCount = 20'000;
inline constexpr std::uint32_t kStrokesTestCount = 4'000;

enum class StrokesPart : std::uint8_t { kTrain = 1, kTest = 2 };

// Draws sample `index` into `pixels` and returns its label, index mod 10.
Label draw_strokes_sample(std::uint64_t seed, StrokesPart part, std::uint32_t index,
                          std::span<std::uint8_t, kCanvasPixels> pixels);

// The samples 0..count-1 of a part, standardised by themselves (see Dataset::set_standardisation).
Dataset make_strokes(StrokesPart part, std::uint32_t count, std::uint64_t seed = kStrokesSeed);

}  // namespace polydot::dnn
