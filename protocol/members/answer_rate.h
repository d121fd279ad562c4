// How often one and the same thing is sent again to one peer that asks for it.
#pragma once

#include <algorithm>
#include <cstdint>

namespace polydot::protocol {

// Half of the least time between two requests of a peer whose frames were lost: what arrives closer together
// was under way together, or is a flood. Twice as long after each answer, up to `longest_ms`.
class AnswerRate {
 public:
  static constexpr std::int64_t kLeastMs = 10;

  // True: it is answered, and that counts.
  bool may_answer(std::int64_t now_ms, std::int64_t longest_ms) {
    const std::int64_t pause = std::min(kLeastMs << std::min(answers_, 20), std::max(kLeastMs, longest_ms));
    if (answers_ > 0 && now_ms - last_ms_ < pause) return false;
    answers_ += answers_ < 20;
    last_ms_ = now_ms;
    return true;
  }

 private:
  int answers_ = 0;
  std::int64_t last_ms_ = 0;
};

}  // namespace polydot::protocol
