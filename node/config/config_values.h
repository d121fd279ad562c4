// One field's value as text: written, read, and checked against what the schema allows.
//
// Every failure is of kind kUsage and names key, flag, value and what is allowed.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "codes/base/result.h"
#include "node/config/config_schema.h"

namespace polydot::node {

// As TOML writes it: 0.01, "smelu", [256, 128]. Reading it back gives the same bits.
std::string toml_value(const Field& field, const Config& config);
// As the command line takes it: 0.01, smelu, 256,128; an empty list is none.
std::string text_value(const Field& field, const Config& config);

// Sets the field from the command line's form. A list of words takes all of `texts`, every other field the
// last. Precondition: texts are not empty.
Outcome set_from_text(const Field& field, const std::vector<std::string>& texts, Config& config);
// Whether the value that the field has is allowed.
Outcome check_value(const Field& field, const Config& config);

// "MxN" or "MxNxD", each 1 to 64.
Result<codes::Grid> parse_grid(std::string_view text);
std::string grid_text(const codes::Grid& grid);

// "from 1 to 256", "above 0"; empty if every number is allowed.
std::string range_text(const Limits& limits);
// The one form of every complaint about a value: `shared.training.lr (--lr) = -1: must be a number above 0`.
Failure value_failure(const Field& field, std::string_view value, std::string_view must);

}  // namespace polydot::node
