#include "node/text/json_text.h"

#include <gtest/gtest.h>

#include <string>

namespace polydot::node {
namespace {

TEST(BoundedJson, WithinTheBoundsItIsWhatTheParserSays) {
  for (const char* text : {"{}", "[]", "1", "null", R"({"a":[1,2,{"b":"c"}],"d":null})"}) {
    const auto parsed = parse_bounded_json(text, {3, 10});
    ASSERT_TRUE(parsed) << text;
    EXPECT_EQ(*parsed, nlohmann::json::parse(text)) << text;
  }
  const auto ordered = parse_bounded_json<nlohmann::ordered_json>(R"({"z":1,"a":2})");
  EXPECT_EQ(ordered->begin().key(), "z");
}

TEST(BoundedJson, WhatIsNoneOrTooMuchIsRefused) {
  for (const char* text : {"", "{", "[1,]", "{\"a\"}", "1 2", "\xff"})
    EXPECT_FALSE(parse_bounded_json(text)) << text;
  EXPECT_TRUE(parse_bounded_json("[[[]]]", {3, 10}));
  EXPECT_FALSE(parse_bounded_json("[[[[]]]]", {3, 10}));
  EXPECT_FALSE(parse_bounded_json(R"({"a":{"b":{"c":[]}}})", {3, 10}));
  EXPECT_TRUE(parse_bounded_json("[1,2,3]", {1, 4}));
  EXPECT_FALSE(parse_bounded_json("[1,2,3]", {1, 3}));
  EXPECT_FALSE(parse_bounded_json("[[],[],[]]", {2, 3}));
}

// Stops at the first that is too much: it does not matter that the rest is no JSON.
TEST(BoundedJson, WhatIsBeyondIsNotLookedAt) {
  EXPECT_FALSE(parse_bounded_json(std::string(4 << 20, '['), {3, 100}));
  std::string wide = "[";
  for (int n = 0; n < 1 << 20; ++n) wide += "{},";
  EXPECT_FALSE(parse_bounded_json(wide + "{}]", {3, 100}));
}

TEST(BoundedJson, AnyTextCanBeWritten) {
  const nlohmann::json json = {{"name", "\x1b[31m \xff \xc2\x9b"}};
  const std::string text = to_ascii(json);
  for (const char c : text) EXPECT_TRUE(c >= ' ' && c <= '~') << text;
  EXPECT_TRUE(nlohmann::json::accept(text));
}

}  // namespace
}  // namespace polydot::node
