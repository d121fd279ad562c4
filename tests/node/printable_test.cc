#include "node/text/printable.h"

#include <gtest/gtest.h>

#include <iostream>
#include <random>

namespace polydot::node {
namespace {

TEST(Printable, TextStaysAsItIs) {
  for (const char* text :
       {"", "plain", "a = \"b\" [c] {d}", "C:\\path", "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", "\xd7\xa9"})
    EXPECT_EQ(printable(text), text);
}

TEST(Printable, WhatATerminalActsUponIsWrittenOut) {
  EXPECT_EQ(printable("a\nb\tc\rd"), "a\\nb\\tc\\x0dd");
  EXPECT_EQ(printable("\x1b[31mred\x07"), "\\x1b[31mred\\x07");
  EXPECT_EQ(printable(std::string_view("\0", 1)), "\\x00");
  EXPECT_EQ(printable("\x7f"), "\\x7f");
  EXPECT_EQ(printable("\x9b"
                      "31m"),
            "\\x9b"
            "31m")
      << "C1 as one byte";
  EXPECT_EQ(printable("\xc2\x9b"
                      "31m"),
            "\\u009b"
            "31m")
      << "C1 as UTF-8";
  EXPECT_EQ(printable("\xe2\x80\xae"
                      "dlrow"),
            "\\u202e"
            "dlrow")
      << "the other direction";
  EXPECT_EQ(printable("\xe2\x80\xa8"), "\\u2028");
  EXPECT_EQ(printable("\xef\xbb\xbf"), "\\ufeff");
  EXPECT_EQ(printable("\xff\xfe"), "\\xff\\xfe");
  EXPECT_EQ(printable("\xc0\x80"), "\\xc0\\x80") << "overlong";
  EXPECT_EQ(printable("\xe0\x80\x8a"), "\\xe0\\x80\\x8a") << "overlong";
  EXPECT_EQ(printable("\xed\xa0\x80"), "\\xed\\xa0\\x80") << "half of a pair";
  EXPECT_EQ(printable("\xf4\x90\x80\x80"), "\\xf4\\x90\\x80\\x80") << "beyond Unicode";
  EXPECT_EQ(printable("\xe2\x82"), "\\xe2\\x82") << "cut short";
}

TEST(Printable, ALineIsNotLongerThanAllowed) {
  const std::string line = printable(std::string(5000, 'x'), 100);
  EXPECT_EQ(line, std::string(100, 'x') + "... (4900 bytes more)");
  EXPECT_EQ(printable(std::string(100, 'x'), 100), std::string(100, 'x'));
  EXPECT_LE(printable(std::string(100'000, '\x1b')).size(), kMostPrinted + 40);
}

// Whatever it is: one line, no byte below a blank, nothing above ASCII that is not UTF-8, and it is stable.
TEST(Printable, AnyBytesGiveALineThatStaysAsItIs) {
  constexpr std::uint64_t kSeed = 3;
  std::cout << "seed " << kSeed << '\n';
  std::mt19937_64 random(kSeed);
  for (int n = 0; n < 20'000; ++n) {
    std::string text(random() % 40, ' ');
    for (char& c : text) c = static_cast<char>(random() % 4 == 0 ? 0x80 + random() % 0x80 : random());
    const std::string line = printable(text);
    for (const char c : line) ASSERT_FALSE(static_cast<unsigned char>(c) < 0x20 || c == 0x7f) << n;
    ASSERT_EQ(printable(line), line) << n;
  }
}

}  // namespace
}  // namespace polydot::node
