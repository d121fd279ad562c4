// The time that a peer is told. It never goes back, and between two readings it moves by no more than
// `most_ms`: whatever happened while nobody looked (the process was stopped, the machine slept, somebody set
// a clock) is no waiting for others, and must use up nobody's patience.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>

namespace polydot::node {

class PatientClock {
 public:
  explicit PatientClock(std::int64_t most_ms) : most_ms_(most_ms) {}

  // real_ms: any clock, in milliseconds.
  std::int64_t read(std::int64_t real_ms) {
    const std::int64_t moved = started_ ? real_ms - last_ms_ : 0;
    now_ms_ += std::clamp<std::int64_t>(moved, 0, most_ms_);
    was_away_ = moved > most_ms_;
    started_ = true;
    last_ms_ = real_ms;
    return now_ms_;
  }
  // More time had passed before the last reading than it was told.
  bool was_away() const { return was_away_; }

 private:
  std::int64_t most_ms_;
  std::int64_t now_ms_ = 0, last_ms_ = 0;
  bool started_ = false, was_away_ = false;
};

// Reads the clock, and whoever was away hears (now_ms) what was missed first. What that takes is no absence:
// otherwise, while the others talk, it would do nothing but hear.
inline std::int64_t read_and_hear(PatientClock& clock, const std::function<std::int64_t()>& real_ms,
                                  const std::function<void(std::int64_t)>& hear) {
  const std::int64_t now = clock.read(real_ms());
  if (!clock.was_away()) return now;
  hear(now);
  return clock.read(real_ms());
}

}  // namespace polydot::node
