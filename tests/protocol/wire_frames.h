// Frames for the tests of the codec: the worked example, random valid messages, and what it takes to forge
// them.
#pragma once

#include <xxhash.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <random>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "protocol/wire/wire.h"

namespace polydot::protocol {

// Also that of the worked example.
inline WireContext test_context() {
  return {.cluster = {0x0123456789abcdef, 0xfedcba9876543210}, .group = 0, .peers = 10};
}

// Offsets of the table in PROTOCOL.md, written down a second time on purpose.
inline constexpr std::size_t kKindAt = 1, kVersionAt = 2, kMagicAt = 4, kClusterAt = 8, kGroupAt = 24,
                             kFlagsAt = 28, kEpochAt = 32, kSlotAt = 36, kStepAt = 40, kAttemptAt = 48,
                             kCodeAt = 52, kRowsAt = 56, kColsAt = 60, kFirstColAt = 64, kTotalColsAt = 68,
                             kSetAt = 72, kPayloadBytesAt = 104, kPayloadChecksumAt = 112,
                             kIncarnationAt = 120, kAuthenticatorAt = 128, kChecksumAt = 168;

template <typename T>
void put(Header& header, std::size_t at, T value) {
  std::memcpy(header.data() + at, &value, sizeof(value));
}

template <typename T>
T get(const Header& header, std::size_t at) {
  T value;
  std::memcpy(&value, header.data() + at, sizeof(value));
  return value;
}

// The checksums as PROTOCOL.md defines them.
inline void seal_header(Header& header) { put(header, kChecksumAt, XXH3_64bits(header.data(), kChecksumAt)); }
inline void seal(WireFrames& frames) {
  const auto payload = frames.payload.bytes();
  put(frames.header, kPayloadChecksumAt, XXH3_64bits(payload.data(), payload.size()));
  seal_header(frames.header);
}

// The worked example of PROTOCOL.md.
inline Message example_message() {
  const auto values =
      std::make_shared<const std::vector<float>>(std::vector<float>{1.0F, -2.0F, 0.5F, 0.0F, 3.0F, -0.25F});
  return {.kind = MessageKind::kContribution,
          .key = {.epoch = 0, .step = 7, .slot = 3, .attempt = 1},
          .rows = 2,
          .cols = 3,
          .first_col = 0,
          .total_cols = 3,
          .set = codes::PeerSet::of({0, 1, 2, 3, 4, 5, 7, 8, 9}),
          .payload = Payload::of_floats(values, 0, values->size()),
          .incarnation = 0x1122334455667788};
}

inline codes::PeerSet random_set(std::mt19937_64& random, int peers) {
  codes::PeerSet set;
  for (int p = 0; p < peers; ++p)
    if (random() % 2 == 0) set.insert(p);
  return set;
}

inline codes::RoundKey random_key(std::mt19937_64& random) {
  return {static_cast<std::uint32_t>(random()), random(), static_cast<std::uint32_t>(random()),
          static_cast<std::uint32_t>(random() % 4)};
}

// Small enough for 1e5 of them; every 16th has several slices. The payload may start at any of 16 offsets.
inline Message random_contribution(std::mt19937_64& random, const WireContext& context) {
  const bool sliced = random() % 16 == 0;
  const std::uint64_t rows = 1 + random() % (sliced ? 20'000 : 24);
  const std::uint64_t total = 1 + random() % (sliced ? 60 : 12);
  const auto run = static_cast<std::uint64_t>(
      columns_per_slice(static_cast<codes::Index>(rows), static_cast<codes::Index>(total)));
  const std::uint64_t first = random() % ((total + run - 1) / run) * run;
  const std::uint64_t cols = std::min(run, total - first);

  const std::size_t size = rows * cols * sizeof(float);
  const std::size_t shift = random() % 16;
  auto owner = std::make_shared<std::vector<std::byte>>(size + shift);
  for (std::byte& b : *owner) b = static_cast<std::byte>(random());
  const auto bytes = std::span<const std::byte>(*owner).subspan(shift);
  return {.kind = MessageKind::kContribution,
          .key = random_key(random),
          .rows = static_cast<std::uint32_t>(rows),
          .cols = static_cast<std::uint32_t>(cols),
          .first_col = static_cast<std::uint32_t>(first),
          .total_cols = static_cast<std::uint32_t>(total),
          .set = random_set(random, context.peers),
          .payload = {owner, bytes}};
}

// Numbers as they lie in memory.
template <typename T>
Payload payload_of(std::vector<T> values) {
  auto owner = std::make_shared<const std::vector<T>>(std::move(values));
  const auto bytes = std::as_bytes(std::span(*owner));
  return {std::move(owner), bytes};
}

inline Message random_repair_request(std::mt19937_64& random) {
  std::vector<std::uint32_t> lines;
  std::uint64_t line = random() % 4;
  for (std::uint64_t count = random() % 6; count > 0 && line <= 0xffffffff; --count) {
    lines.push_back(static_cast<std::uint32_t>(line));
    line += 1 + random() % (random() % 8 == 0 ? 0xffffffff : 5);
  }
  return {.kind = MessageKind::kRepairRequest,
          .key = random_key(random),
          .code = static_cast<std::uint32_t>(1 + random() % 3),
          .payload = payload_of(std::move(lines))};
}

inline Message random_ballot(std::mt19937_64& random) {
  std::vector<std::uint64_t> names(random() % 5);
  for (std::uint64_t& name : names) name = random();
  codes::RoundKey key = random_key(random);
  key.step = 0;
  return {.kind = MessageKind::kBallot,
          .key = key,
          .code = static_cast<std::uint32_t>(1 + random() % kBallotSteps),
          .payload = payload_of(std::move(names))};
}

inline Message random_message_of_nobody(std::mt19937_64& random, const WireContext& context) {
  switch (random() % 9) {
    case 0: {
      std::string text;
      for (std::uint64_t line = random() % 5; line > 0; --line)
        text +=
            "key" + std::to_string(random() % 100) + " =\t\"\xc3\xa9 " + std::to_string(random()) + "\"\n";
      return {.kind = MessageKind::kHello,
              .key = {.epoch = static_cast<std::uint32_t>(random()), .step = random()},
              .set = random_set(random, context.peers),
              .code = 1 + static_cast<std::uint32_t>(random() % kPeerModes),
              .payload = Payload::of_text(text)};
    }
    case 1:
      return random_contribution(random, context);
    case 2:
      return {.kind = MessageKind::kRequest, .key = random_key(random)};
    case 3:
      return {.kind = MessageKind::kAbstain, .key = random_key(random)};
    case 4:
      return random_repair_request(random);
    case 5: {
      Message piece = random_contribution(random, context);
      piece.kind = MessageKind::kPiece;
      piece.set = {};
      piece.code = static_cast<std::uint32_t>(1 + random() % 3);
      return piece;
    }
    case 6:
      return random_ballot(random);
    case 7:
      return {.kind = MessageKind::kNoPiece,
              .key = random_key(random),
              .code = static_cast<std::uint32_t>(1 + random() % 3)};
    default:
      return {.kind = MessageKind::kGoodbye,
              .key = {.step = random()},
              .code = static_cast<std::uint32_t>(random() % (kMaxExitCode + 1))};
  }
}

inline Message random_message(std::mt19937_64& random, const WireContext& context) {
  Message message = random_message_of_nobody(random, context);
  message.incarnation = random();
  return message;
}

inline bool same_bytes(std::span<const std::byte> a, std::span<const std::byte> b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end());
}

inline bool same_content(const Message& a, const Message& b) {
  return a.kind == b.kind && a.key == b.key && a.rows == b.rows && a.cols == b.cols &&
         a.first_col == b.first_col && a.total_cols == b.total_cols && a.set == b.set && a.code == b.code &&
         a.incarnation == b.incarnation && same_bytes(a.payload.bytes(), b.payload.bytes());
}

}  // namespace polydot::protocol
