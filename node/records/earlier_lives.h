// What the records in a peer's folder say of its lives before this one: its summary counts them too.
#pragma once

#include <cstdint>
#include <map>
#include <string>

namespace polydot::node {

struct EarlierLives {
  std::uint64_t count = 0;  // of lives
  std::uint64_t steps = 0;  // done, counted once however often they came again
  double seconds = 0.0;     // of training, as of the last row
  std::uint64_t findings = 0, noise_rounds = 0, bytes_sent = 0;
  double accuracy = -1.0;                       // of the last evaluation; below 0: none
  std::map<std::uint64_t, double> losses;       // by step: of the history that counts
  std::map<std::string, std::uint64_t> events;  // how often each was told (repairs.jsonl)
  std::uint64_t repair_bytes = 0;
};

// The event that begins a life in repairs.jsonl; its step: the steps done before, in all lives.
inline constexpr const char* kBeganEvent = "began";

// A row that is damaged is skipped; what is missing counts nothing. keep_losses: of the last steps.
EarlierLives read_earlier_lives(const std::string& folder, std::size_t keep_losses);

}  // namespace polydot::node
