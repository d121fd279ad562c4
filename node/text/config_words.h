// The nearest right word for a wrong one, for every "did you mean".
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace polydot::node {

// Fewest insertions, deletions, substitutions and swaps of neighbours that turn `a` into `b`.
std::size_t edit_distance(std::string_view a, std::string_view b);

// How unlike a candidate is: the edit distance, or less when one is a part or the initials of the other, so
// that batch_size finds batch and learning_rate finds lr.
std::size_t unlikeness(std::string_view word, std::string_view candidate);

// The candidate least unlike, the first of equals. Precondition: candidates are not empty.
std::string_view nearest_word(std::string_view word, const std::vector<std::string_view>& candidates);

// "a, b or c"
std::string list_of(const std::vector<std::string_view>& words);

// The pieces of `text` between separators, with spaces around them removed; one empty piece for an empty
// text.
std::vector<std::string_view> split(std::string_view text, char separator);
std::string_view trimmed(std::string_view text);

}  // namespace polydot::node
