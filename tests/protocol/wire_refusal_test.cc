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
      {"kind 10", K::kHello, E::kKind, set(kKindAt, std::uint8_t{10})},
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
      {"hello of a round", K::kHello, E::kField, set(kSlotAt, 1U)},
      {"another incarnation", K::kRequest, E::kChecksum, set(kIncarnationAt, std::uint64_t{1}), false},
      {"hello of no mode", K::kHello, E::kField, set(kCodeAt, 0U)},
      {"hello of an unknown mode", K::kHello, E::kField, set(kCodeAt, kPeerModes + 1)},
      {"goodbye with a slot", K::kGoodbye, E::kField, set(kSlotAt, 1U)},
      {"contribution with a code", K::kContribution, E::kField, set(kCodeAt, 1U)},
      {"request with a code", K::kRequest, E::kField, set(kCodeAt, 1U)},
      {"no exit code", K::kGoodbye, E::kField, set(kCodeAt, kMaxExitCode + 1)},
      {"hello that is no text", K::kHello, E::kField, payload(zeros(3))},
      {"terminal escapes", K::kHello, E::kField, payload(Payload::of_text("seed = 1\x1b[2J"))},
      {"checksum", K::kHello, E::kChecksum, set(kChecksumAt, std::uint64_t{1}), false},
      {"a damaged version", K::kHello, E::kChecksum, set(kVersionAt, std::uint16_t{kWireVersion ^ 4}), false},
      {"another step", K::kContribution, E::kChecksum, set(kStepAt, std::uint64_t{8}), false},
      {"another payload", K::kPiece, E::kChecksum, [](WireFrames& f) { f.payload = zeros(24); }, false},
      {"another payload's checksum", K::kHello, E::kChecksum,
       [](WireFrames& f) {
         put(f.header, kPayloadChecksumAt, std::uint64_t{1});
         seal_header(f.header);
       },
       false},
  };
}

// Of the kinds that repair and rollback need.
std::vector<Forgery> forged_repairs() {
  const auto lines = [](std::vector<std::uint32_t> values) { return payload(payload_of(std::move(values))); };
  return {
      {"abstention with payload", K::kAbstain, E::kPayloadSize, payload(zeros(4))},
      {"abstention with a code", K::kAbstain, E::kField, set(kCodeAt, 1U)},
      {"abstention with a set", K::kAbstain, E::kField, set(kSetAt, std::uint64_t{1})},
      {"abstention with a shape", K::kAbstain, E::kShape, set(kColsAt, 1U)},
      {"request of no state", K::kRepairRequest, E::kField, set(kCodeAt, 0U)},
      {"request of no known state", K::kRepairRequest, E::kField, set(kCodeAt, 4U)},
      {"request with a set", K::kRepairRequest, E::kField, set(kSetAt, std::uint64_t{1})},
      {"request with a shape", K::kRepairRequest, E::kShape, set(kRowsAt, 1U)},
      {"lines that descend", K::kRepairRequest, E::kField, lines({1, 5, 4})},
      {"a line twice", K::kRepairRequest, E::kField, lines({1, 5, 5})},
      {"the highest line first", K::kRepairRequest, E::kField, lines({0xffffffffU, 0})},
      {"half a line", K::kRepairRequest, E::kField, payload(zeros(2))},
      {"too many lines", K::kRepairRequest, E::kPayloadSize, payload(zeros(kMaxLinesBytes + 4))},
      {"piece of no state", K::kPiece, E::kField, set(kCodeAt, 0U)},
      {"piece of no known state", K::kPiece, E::kField, set(kCodeAt, 4U)},
      {"piece with a set", K::kPiece, E::kField, set(kSetAt, std::uint64_t{1})},
      {"piece that is no slice", K::kPiece, E::kShape, set(kFirstColAt, 1U)},
      {"piece without rows", K::kPiece, E::kShape, set(kRowsAt, 0U)},
      {"piece of another size", K::kPiece, E::kShape, payload(zeros(20))},
      {"piece too large", K::kPiece, E::kPayloadSize, payload(zeros((std::size_t{1} << 20) + 4))},
      {"no piece, of no state", K::kNoPiece, E::kField, set(kCodeAt, 0U)},
      {"no piece, with a set", K::kNoPiece, E::kField, set(kSetAt, std::uint64_t{1})},
      {"no piece, with a shape", K::kNoPiece, E::kShape, set(kRowsAt, 1U)},
      {"no piece, with payload", K::kNoPiece, E::kPayloadSize, payload(zeros(4))},
      {"no step of a ballot", K::kBallot, E::kField, set(kCodeAt, 0U)},
      {"no known step of a ballot", K::kBallot, E::kField, set(kCodeAt, kBallotSteps + 1)},
      {"ballot of a step", K::kBallot, E::kField, set(kStepAt, std::uint64_t{1})},
      {"ballot with a set", K::kBallot, E::kField, set(kSetAt, std::uint64_t{1})},
      {"ballot with a shape", K::kBallot, E::kShape, set(kTotalColsAt, 1U)},
      {"half a checkpoint", K::kBallot, E::kField, payload(zeros(12))},
      {"too many checkpoints", K::kBallot, E::kPayloadSize, payload(zeros(kMaxBallotBytes + 8))},
      {"another line", K::kRepairRequest, E::kChecksum, lines({1, 6}), false},
      {"another target", K::kBallot, E::kChecksum, payload(zeros(8)), false},
  };
}

Message plain_message(MessageKind kind) {
  if (kind == MessageKind::kContribution) return example_message();
  if (kind == MessageKind::kHello)
    return {.kind = kind, .code = 1, .payload = Payload::of_text("seed = 1\n")};
  if (kind == MessageKind::kPiece) {
    Message piece = example_message();
    piece.kind = kind;
    piece.set = {};
    piece.code = kWeightsState;
    return piece;
  }
  if (kind == MessageKind::kRepairRequest)
    return {.kind = kind,
            .key = {.step = 7},
            .code = kMomentumState,
            .payload = payload_of(std::vector<std::uint32_t>{1, 5})};
  if (kind == MessageKind::kBallot)
    return {
        .kind = kind, .key = {.epoch = 3}, .code = 3, .payload = payload_of(std::vector<std::uint64_t>{9})};
  if (kind == MessageKind::kNoPiece) return {.kind = kind, .key = {.step = 7}, .code = kWeightsState};
  return {.kind = kind, .key = {.step = 7}};
}

// What is just possible is not refused.
TEST(WireRefusal, TheLargestOfEachKindIsAccepted) {
  Message request = plain_message(MessageKind::kRepairRequest);
  std::vector<std::uint32_t> lines(kMaxLinesBytes / sizeof(std::uint32_t));
  for (std::size_t k = 0; k < lines.size(); ++k) lines[k] = static_cast<std::uint32_t>(3 * k);
  lines.back() = 0xffffffff;
  request.payload = payload_of(lines);
  request.code = kWeightsState | kMomentumState;
  Message ballot = plain_message(MessageKind::kBallot);
  ballot.payload = payload_of(std::vector<std::uint64_t>(kMaxBallotBytes / sizeof(std::uint64_t), 5));
  for (const Message& message : {request, ballot}) {
    const auto decoded = decode(encode(test_context(), message));
    ASSERT_TRUE(std::holds_alternative<Message>(decoded)) << name_of(std::get<WireError>(decoded));
    EXPECT_TRUE(same_content(std::get<Message>(decoded), message));
  }
}

TEST(WireRefusal, NamesTheReasonOfEveryRefusal) {
  std::set<WireError> seen;
  std::vector<Forgery> forgeries = forged_preambles();
  for (const auto& more : {forged_contents(), forged_repairs()})
    forgeries.insert(forgeries.end(), more.begin(), more.end());
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
  seal_header(frames.header);
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
