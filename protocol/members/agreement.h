// What peers must share, as lines of text: compared at join, so that a difference can be named. And how many
// of them have to be there.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "codes/base/product_code.h"
#include "codes/base/result.h"

namespace polydot::protocol {

// "shared.training.lr" -> "0.01". No control characters.
using SharedLines = std::map<std::string, std::string>;

// "key = value\n" for each line, and back. What is no such line is skipped: its key will be missed, and
// named.
std::string to_text(const SharedLines& lines);
SharedLines parse_lines(std::string_view text);

struct Difference {
  std::string key;
  std::string mine;  // empty: no such key here
  std::string theirs;
  friend bool operator==(const Difference&, const Difference&) = default;
};
// The first key, in the order of the alphabet, whose values differ.
std::optional<Difference> first_difference(const SharedLines& mine, const SharedLines& theirs);
// "has shared.training.lr = 0.02, here it is 0.01"
std::string describe(const Difference& difference);
// "peer 3 has shared.training.lr = 0.02, here it is 0.01: ...": the line a user sees. Kind kDisagreement.
Failure disagreement(int peer, const Difference& difference);

// Peers that must have agreed before training begins without the others: a majority, and enough for a checked
// round. margin: contributions to spare, as configured.
int least_to_begin(const codes::ProductCode& code, int margin);

}  // namespace polydot::protocol
