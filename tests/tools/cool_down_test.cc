#include "tools/cool_down.h"

#include <gtest/gtest.h>

namespace polydot::tools {
namespace {

using namespace std::chrono_literals;

TEST(CoolDown, DoublesUpToItsLongest) {
  CoolDown cool_down;
  for (const auto wait : {500ms, 1000ms, 2000ms, 4000ms, 8000ms, 10000ms, 10000ms})
    EXPECT_EQ(cool_down.after(1ms), wait);
}

TEST(CoolDown, BeginsAgainAfterALongLife) {
  CoolDown cool_down;
  for (int k = 0; k < 4; ++k) cool_down.after(9'999ms);
  EXPECT_EQ(cool_down.after(9'999ms), 8000ms);
  EXPECT_EQ(cool_down.after(10'000ms), 500ms);
  EXPECT_EQ(cool_down.after(1ms), 1000ms);
}

}  // namespace
}  // namespace polydot::tools
