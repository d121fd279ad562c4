// A ballot's messages as the tests see them.
#pragma once

#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "protocol/recovery/ballot.h"

namespace polydot::protocol::testing {

enum BallotStep : std::uint32_t { kPrepare = 1, kPromise, kAccept, kAccepted, kRelease, kReleased, kHolds };

struct Vote {
  int from = 0, to = 0;
  Message message;
};

inline std::vector<std::uint64_t> words_of(const Message& message) {
  std::vector<std::uint64_t> words(message.payload.size_bytes() / sizeof(std::uint64_t));
  if (!words.empty())
    std::memcpy(words.data(), message.payload.bytes().data(), words.size() * sizeof(std::uint64_t));
  return words;
}

// The first name in a ballot message.
inline std::optional<CheckpointId> first_name(const Message& message) {
  const std::vector<std::uint64_t> words = words_of(message);
  if (words.empty()) return std::nullopt;
  return CheckpointId{static_cast<std::uint32_t>(words[0] >> 40), words[0] & ((std::uint64_t{1} << 40) - 1)};
}

inline Message ballot_message(std::uint32_t step, std::uint32_t number, std::uint32_t leaves,
                              const std::vector<CheckpointId>& names = {}, std::uint32_t accepted = 0) {
  Message message;
  message.kind = MessageKind::kBallot;
  message.code = step;
  message.key = {number, 0, leaves, accepted};
  auto words = std::make_shared<std::vector<std::uint64_t>>();
  for (const CheckpointId& name : names)
    words->push_back(static_cast<std::uint64_t>(name.epoch) << 40 | name.boundary);
  const auto bytes = std::as_bytes(std::span(*words));
  message.payload = Payload(std::move(words), bytes);
  return message;
}

inline std::string text_of(const Message& message) {
  static const char* const kNames[] = {"?",        "prepare", "promise",  "accept",
                                       "accepted", "release", "released", "holds"};
  std::string text = std::string(kNames[message.code]) + " " + std::to_string(message.key.epoch) +
                     " leaving " + std::to_string(message.key.slot);
  if (const auto name = first_name(message); name && message.code != kHolds)
    text += ", " + std::to_string(name->epoch) + "/" + std::to_string(name->boundary);
  return text;
}

}  // namespace polydot::protocol::testing
