#include "node/text/config_words.h"

#include <algorithm>

#include "codes/base/check.h"

namespace polydot::node {
namespace {

// batch_size and batch-size are two words.
std::vector<std::string_view> split_words(std::string_view name) {
  return split(name, name.find('-') == std::string_view::npos ? '_' : '-');
}

}  // namespace

std::size_t edit_distance(std::string_view a, std::string_view b) {
  // Row i holds the distances of a's first i letters to every beginning of b.
  std::vector<std::size_t> before_last(b.size() + 1), last(b.size() + 1), row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) last[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t substituted = last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, substituted});
      const bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (swapped) row[j] = std::min(row[j], before_last[j - 2] + 1);
    }
    std::swap(before_last, last);
    std::swap(last, row);
  }
  return last[b.size()];
}

std::size_t unlikeness(std::string_view word, std::string_view candidate) {
  const std::size_t distance = edit_distance(word, candidate);
  std::string initials;
  bool part = false;
  for (const std::string_view piece : split_words(word)) {
    if (piece.empty()) continue;
    initials += piece.front();
    part = part || piece == candidate;
  }
  for (const std::string_view piece : split_words(candidate)) part = part || piece == word;
  return part || (initials.size() > 1 && initials == candidate) ? std::min<std::size_t>(distance, 1)
                                                                : distance;
}

std::string_view nearest_word(std::string_view word, const std::vector<std::string_view>& candidates) {
  POLYDOT_CHECK(!candidates.empty());
  return *std::min_element(candidates.begin(), candidates.end(), [&](std::string_view a, std::string_view b) {
    return unlikeness(word, a) < unlikeness(word, b);
  });
}

std::string list_of(const std::vector<std::string_view>& words) {
  std::string text;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (i > 0) text += i + 1 == words.size() ? " or " : ", ";
    text += words[i];
  }
  return text;
}

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> pieces;
  for (;;) {
    const auto end = text.find(separator);
    pieces.push_back(trimmed(text.substr(0, end)));
    if (end == std::string_view::npos) return pieces;
    text.remove_prefix(end + 1);
  }
}

}  // namespace polydot::node
