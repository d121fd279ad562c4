#include <gtest/gtest.h>

#include <functional>
#include <limits>
#include <set>

#include "tests/protocol/wire_frames.h"

namespace polydot::protocol {
namespace {

std::variant<Message, WireError> decode(const WireFrames& frames) {
  return protocol::decode(test_context(), frames.header, frames.payload);
}

Payload zeros(std::size_t size) {
  auto owner = std::make_shared<std::vector<std::byte>>(size);
  const std::span<const std::byte> bytes(*owner);
  return {std::move(owner), bytes};
}

// One forgery: what it does to valid frames, and what must be said about it. All but the unsealed carry a
// right checksum, so that nothing but the named check can refuse them.
struct Forgery {
  const char* name;
  MessageKind kind;
  WireError error;
  std::function<void(WireFrames&)> forge;
  bool sealed = true;
};

template <typename T>
auto set(std::size_t at, T value) {
  return [=](WireFrames& f) { put(f.header, at, value); };
}

auto payload(const Payload& replacement) {
  return [=](WireFrames& f) {
    put(f.header, kPayloadBytesAt, std::uint64_t{replacement.size_bytes()});
    f.payload = replacement;
  };
}

using K = MessageKind;
using E = WireError;

std::vector<Forgery> forged_preambles() {
  return {
      {"big-endian", K::kHello, E::kMagic, set(0, std::uint8_t{0})},
      {"byte order", K::kHello, E::kMagic, set(0, std::uint8_t{2})},
      {"magic", K::kHello, E::kMagic, set(kMagicAt + 3, 'X')},
      {"version", K::kHello, E::kVersion, set(kVersionAt, std::uint16_t{kWireVersion + 1})},
      {"cluster, first word", K::kHello, E::kCluster, set(kClusterAt, std::uint64_t{5})},
      {"cluster, second word", K::kHello, E::kCluster, set(kClusterAt + 8, std::uint64_t{5})},
      {"group", K::kHello, E::kGroup, set(kGroupAt, 1U)},
      {"kind 0", K::kHello, E::kKind, set(kKindAt, std::uint8_t{0})},
      {"kind 9", K::kHello, E::kKind, set(kKindAt, std::uint8_t{9})},
      {"kind 255", K::kHello, E::kKind, set(kKindAt, std::uint8_t{255})},
  };
}

std::vector<Forgery> forged_contents() {
  constexpr auto kHuge = std::numeric_limits<std::uint32_t>::max();
  return {
      {"flags", K::kContribution, E::kField, set(kFlagsAt, 1U)},
      {"authenticator", K::kContribution, E::kField, set(kAuthenticatorAt, std::uint64_t{1})},
      {"authenticator's end", K::kContribution, E::kField, set(kChecksumAt - 1, std::uint8_t{1})},
      {"announced bytes", K::kContribution, E::kPayloadSize, set(kPayloadBytesAt, std::uint64_t{25})},
      {"announced 2^64 - 1 bytes", K::kContribution, E::kPayloadSize,
       set(kPayloadBytesAt, ~std::uint64_t{0})},
      {"short payload", K::kContribution, E::kPayloadSize, [](WireFrames& f) { f.payload = zeros(20); }},
      {"huge payload", K::kContribution, E::kPayloadSize, payload(zeros((std::size_t{1} << 20) + 4))},
      {"huge hello", K::kHello, E::kPayloadSize,
       payload(Payload::of_text(std::string(kMaxHelloBytes + 1, 'x')))},
      {"request with payload", K::kRequest, E::kPayloadSize, payload(zeros(4))},
      {"goodbye with payload", K::kGoodbye, E::kPayloadSize, payload(zeros(4))},
      {"no rows", K::kContribution, E::kShape, set(kRowsAt, 0U)},
      {"no columns", K::kContribution, E::kShape, set(kColsAt, 0U)},
      {"no columns at all", K::kContribution, E::kShape, set(kTotalColsAt, 0U)},
      {"rows do not fit the payload", K::kContribution, E::kShape, set(kRowsAt, 4U)},
      {"not the whole run", K::kContribution, E::kShape, set(kTotalColsAt, 4U)},
      {"first column inside a run", K::kContribution, E::kShape, set(kFirstColAt, 1U)},
      {"first column past the end", K::kContribution, E::kShape, set(kFirstColAt, 3U)},
      {"first column that overflows", K::kContribution, E::kShape, set(kFirstColAt, kHuge - 1)},
      {"more entries than possible", K::kContribution, E::kShape,
       [](WireFrames& f) {
         put(f.header, kRowsAt, kHuge), put(f.header, kTotalColsAt, kHuge), put(f.header, kColsAt, 1U);
       }},
      {"request with a shape", K::kRequest, E::kShape, set(kRowsAt, 1U)},
      {"hello with a shape", K::kHello, E::kShape, set(kTotalColsAt, 1U)},
      {"set beyond the peers", K::kContribution, E::kField, set(kSetAt, std::uint64_t{1} << 10)},
      {"set far beyond the peers", K::kHello, E::kField, set(kSetAt + 24, std::uint64_t{1} << 63)},
      {"request with a set", K::kRequest, E::kField, set(kSetAt, std::uint64_t{1})},
      {"goodbye with a set", K::kGoodbye, E::kField, set(kSetAt, std::uint64_t{1})},
      {"hello with a key", K::kHello, E::kField, set(kStepAt, std::uint64_t{1})},
      {"goodbye with a slot", K::kGoodbye, E::kField, set(kSlotAt, 1U)},
      {"contribution with a code", K::kContribution, E::kField, set(kCodeAt, 1U)},
      {"request with a code", K::kRequest, E::kField, set(kCodeAt, 1U)},
      {"no exit code", K::kGoodbye, E::kField, set(kCodeAt, kMaxExitCode + 1)},
      {"hello that is no text", K::kHello, E::kField, payload(zeros(3))},
      {"terminal escapes", K::kHello, E::kField, payload(Payload::of_text("seed = 1\x1b[2J"))},
      {"checksum", K::kHello, E::kChecksum, set(kChecksumAt, std::uint64_t{1}), false},
      {"another step", K::kContribution, E::kChecksum, set(kStepAt, std::uint64_t{8}), false},
      {"another payload", K::kContribution, E::kChecksum, payload(zeros(24)), false},
  };
}

Message plain_message(MessageKind kind) {
  if (kind == MessageKind::kContribution) return example_message();
  if (kind == MessageKind::kHello) return {.kind = kind, .payload = Payload::of_text("seed = 1\n")};
  return {.kind = kind, .key = {.step = 7}};
}

TEST(WireRefusal, NamesTheReasonOfEveryRefusal) {
  std::set<WireError> seen;
  std::vector<Forgery> forgeries = forged_preambles();
  for (const Forgery& forgery : forged_contents()) forgeries.push_back(forgery);
  for (const Forgery& forgery : forgeries) {
    WireFrames frames = encode(test_context(), plain_message(forgery.kind));
    ASSERT_TRUE(std::holds_alternative<Message>(decode(frames))) << forgery.name;
    forgery.forge(frames);
    if (forgery.sealed) seal(frames);
    const auto decoded = decode(frames);
    ASSERT_TRUE(std::holds_alternative<WireError>(decoded)) << forgery.name << " was accepted";
    EXPECT_STREQ(name_of(std::get<WireError>(decoded)), name_of(forgery.error)) << forgery.name;
    seen.insert(std::get<WireError>(decoded));
  }
  seen.insert(WireError::kLength);  // below
  EXPECT_EQ(seen.size(), static_cast<std::size_t>(kWireErrorCount));
}

TEST(WireRefusal, RefusesHeadersOfAnyOtherLength) {
  const WireFrames frames = encode(test_context(), example_message());
  std::vector<std::byte> longer(frames.header.begin(), frames.header.end());
  longer.resize(2 * kHeaderBytes);
  for (std::size_t size = 0; size <= longer.size(); ++size) {
    const auto header = std::span<const std::byte>(longer).first(size);
    const auto decoded = protocol::decode(test_context(), header, frames.payload);
    if (size == kHeaderBytes) continue;
    ASSERT_TRUE(std::holds_alternative<WireError>(decoded)) << size;
    EXPECT_EQ(std::get<WireError>(decoded), WireError::kLength) << size;
    EXPECT_EQ(claimed_version(header), size < 8 ? 0 : kWireVersion) << size;
  }
}

TEST(WireRefusal, NamesTheVersionOfAForeignHeader) {
  WireFrames frames = encode(test_context(), example_message());
  put(frames.header, kVersionAt, std::uint16_t{513});
  EXPECT_EQ(claimed_version(frames.header), 513);
  for (const std::size_t size : {std::size_t{8}, kHeaderBytes - 1, kHeaderBytes}) {
    const auto decoded =
        protocol::decode(test_context(), std::span<const std::byte>(frames.header).first(size), {});
    EXPECT_EQ(std::get<WireError>(decoded), WireError::kVersion) << size;
  }
  put(frames.header, kMagicAt, 'x');
  EXPECT_EQ(claimed_version(frames.header), 0);
}

}  // namespace
}  // namespace polydot::protocol
