#include "dnn/data/strokes_glyphs.h"

#include <iterator>

#include "codes/base/check.h"

namespace polydot::dnn {
namespace {

constexpr bool kCorner = true;

// 0: round, slim, slashed.
constexpr ControlPoint kZeroRound[] = {{2, -48}, {-24, -34}, {-32, 0},  {-24, 36}, {0, 48},
                                       {24, 36}, {32, 0},    {24, -34}, {-4, -47}};
constexpr ControlPoint kZeroSlim[] = {{8, -47}, {-12, -34}, {-20, 2},  {-12, 38}, {0, 48},
                                      {14, 34}, {20, -4},   {12, -38}, {-4, -44}};
constexpr ControlPoint kZeroSlash[] = {{22, -36}, {-22, 36}};
constexpr Glyph kZero[] = {{kZeroRound}, {kZeroSlim}, {kZeroRound, kZeroSlash}};
// 1: a bar, with a flag, with a flag and a foot.
constexpr ControlPoint kOneBar[] = {{2, -48}, {-2, 48}};
constexpr ControlPoint kOneFlag[] = {{-18, -26}, {4, -48, kCorner}, {2, 48}};
constexpr ControlPoint kOneFoot[] = {{-20, 48}, {22, 47}};
constexpr Glyph kOne[] = {{kOneBar}, {kOneFlag}, {kOneFlag, kOneFoot}};
// 2: with a sharp foot, with a loop.
constexpr ControlPoint kTwoSharp[] = {{-26, -28}, {-10, -46},         {16, -44}, {26, -22},
                                      {8, 8},     {-28, 46, kCorner}, {30, 45}};
constexpr ControlPoint kTwoLoop[] = {{-24, -34}, {0, -48},  {22, -34}, {16, -4}, {-10, 34},
                                     {-26, 44},  {-26, 28}, {-6, 32},  {12, 46}, {30, 40}};
constexpr Glyph kTwo[] = {{kTwoSharp}, {kTwoLoop}};
// 3: two bows, flat above.
constexpr ControlPoint kThreeBows[] = {{-24, -38}, {0, -48}, {22, -34}, {16, -10}, {-6, -2, kCorner},
                                       {20, 6},    {27, 28}, {4, 48},   {-27, 36}};
constexpr ControlPoint kThreeFlat[] = {{-25, -46}, {24, -46, kCorner}, {-4, -8, kCorner}, {20, 0}, {27, 24},
                                       {4, 48},    {-26, 38}};
constexpr Glyph kThree[] = {{kThreeBows}, {kThreeFlat}};
// 4: open, closed.
constexpr ControlPoint kFourHook[] = {{-14, -46}, {-28, 8, kCorner}, {30, 7}};
constexpr ControlPoint kFourPost[] = {{14, -24}, {11, 48}};
constexpr ControlPoint kFourClosed[] = {{12, 48}, {12, -48, kCorner}, {-30, 16, kCorner}, {30, 15}};
constexpr Glyph kFour[] = {{kFourHook, kFourPost}, {kFourClosed}};
// 5: with corners, in one bow.
constexpr ControlPoint kFiveCorners[] = {
    {25, -46}, {-20, -45, kCorner}, {-23, -6, kCorner}, {6, -14}, {27, 12}, {12, 44}, {-26, 40}};
constexpr ControlPoint kFiveBow[] = {{26, -44}, {-6, -46}, {-23, -26}, {0, -8}, {26, 14}, {8, 46}, {-27, 38}};
constexpr Glyph kFive[] = {{kFiveCorners}, {kFiveBow}};
// 6: round, steep.
constexpr ControlPoint kSixRound[] = {{20, -46}, {-12, -26}, {-27, 16}, {-8, 47},
                                      {20, 38},  {22, 12},   {0, 2},    {-24, 20}};
constexpr ControlPoint kSixSteep[] = {{-2, -48}, {-20, -8}, {-22, 32}, {2, 48}, {25, 30}, {12, 8}, {-20, 20}};
constexpr Glyph kSix[] = {{kSixRound}, {kSixSteep}};
// 7: plain, with a bar, bent.
constexpr ControlPoint kSevenPlain[] = {{-27, -45}, {28, -45, kCorner}, {-6, 48}};
constexpr ControlPoint kSevenBar[] = {{-16, 3}, {24, 1}};
constexpr ControlPoint kSevenBent[] = {{-28, -30}, {-24, -45, kCorner}, {28, -44, kCorner}, {6, 0}, {0, 48}};
constexpr Glyph kSeven[] = {{kSevenPlain}, {kSevenPlain, kSevenBar}, {kSevenBent}};
// 8: one line that crosses itself, two rings.
constexpr ControlPoint kEightCrossed[] = {{22, -32}, {0, -48},  {-21, -30}, {2, -4},  {25, 24},
                                          {0, 48},   {-25, 26}, {-2, -2},   {22, -28}};
constexpr ControlPoint kEightUpper[] = {{2, -48},  {-19, -36}, {-16, -12}, {2, -3},
                                        {17, -13}, {18, -36},  {-2, -48}};
constexpr ControlPoint kEightLower[] = {{0, -3}, {-22, 10}, {-23, 34}, {0, 48}, {22, 35}, {22, 10}, {2, -3}};
constexpr Glyph kEight[] = {{kEightCrossed}, {kEightUpper, kEightLower}};
// 9: straight stem, curled stem.
constexpr ControlPoint kNineStraight[] = {{22, -30}, {0, -47},           {-23, -26}, {-6, 0},
                                          {20, -16}, {22, -32, kCorner}, {15, 48}};
constexpr ControlPoint kNineCurled[] = {{22, -32}, {0, -47}, {-23, -24}, {-2, 0},
                                        {20, -18}, {24, 12}, {8, 45},    {-20, 40}};
constexpr Glyph kNine[] = {{kNineStraight}, {kNineCurled}};

constexpr std::span<const Glyph> kStyles[] = {kZero, kOne, kTwo,   kThree, kFour,
                                              kFive, kSix, kSeven, kEight, kNine};
static_assert(std::size(kStyles) == kGlyphDigits);

}  // namespace

std::span<const Glyph> glyph_styles(int digit) {
  POLYDOT_CHECK_LE(0, digit);
  POLYDOT_CHECK_LT(digit, kGlyphDigits);
  return kStyles[digit];
}

}  // namespace polydot::dnn
