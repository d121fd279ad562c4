// Seeded fuzzing of the decoder: random frames and mutated valid ones. It must neither crash nor allocate,
// and accept nothing but what encode produces. POLYDOT_FUZZ_SEED and POLYDOT_FUZZ_FRAMES look further.

#include <gtest/gtest.h>

#include <array>
#include <cstdlib>
#include <iostream>
#include <new>

#include "protocol/wire/payload_checksum.h"
#include "tests/protocol/wire_frames.h"

namespace {
thread_local std::size_t allocations = 0;
}

// Replaced for the whole program, to count; everything else as usual.
void* operator new(std::size_t size) {
  ++allocations;
  if (void* memory = std::malloc(size == 0 ? 1 : size)) return memory;
  throw std::bad_alloc();
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

namespace polydot::protocol {
namespace {

using Bytes = std::vector<std::byte>;

std::uint64_t from_environment(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

struct Frame {
  Bytes header;
  Bytes payload;
  friend bool operator==(const Frame&, const Frame&) = default;
};

Frame frame_of(const WireFrames& frames) {
  const auto payload = frames.payload.bytes();
  return {{frames.header.begin(), frames.header.end()}, {payload.begin(), payload.end()}};
}

struct Fuzzer {
  std::mt19937_64 random;
  std::vector<Frame> corpus;  // of valid frames

  explicit Fuzzer(std::uint64_t seed) : random(seed) {
    for (int i = 0; i < 512; ++i)
      corpus.push_back(frame_of(encode(test_context(), random_message(random, test_context()))));
  }

  std::size_t below(std::size_t count) { return random() % count; }
  const Frame& pick() { return corpus[below(corpus.size())]; }
  std::byte any() { return static_cast<std::byte>(random()); }
  Bytes noise(std::size_t size) {
    Bytes bytes(size);
    for (std::byte& b : bytes) b = any();
    return bytes;
  }
  Bytes& part_of(Frame& frame) { return below(3) == 0 ? frame.payload : frame.header; }

  Frame pure_noise() { return {noise(below(4) == 0 ? below(400) : kHeaderBytes), noise(below(200))}; }
  void flip_bits(Frame& frame) {
    for (std::size_t flips = 1 + below(8); flips > 0; --flips) {
      Bytes& part = part_of(frame);
      if (!part.empty()) part[below(part.size())] ^= std::byte{1} << below(8);
    }
  }
  void truncate(Frame& frame) {
    Bytes& part = part_of(frame);
    part.resize(below(part.size() + 1));
  }
  void extend(Frame& frame) {
    Bytes& part = part_of(frame);
    const Bytes tail = noise(1 + below(200));
    part.insert(part.end(), tail.begin(), tail.end());
  }
  // A number that breaks arithmetic, in one of the fields.
  void overwrite(Frame& frame) {
    constexpr std::array<std::size_t, 23> kFields{
        kKindAt,     kVersionAt,  kClusterAt,      kGroupAt,         kFlagsAt,
        kEpochAt,    kSlotAt,     kStepAt,         kAttemptAt,       kCodeAt,
        kRowsAt,     kColsAt,     kFirstColAt,     kTotalColsAt,     kSetAt,
        kSetAt + 8,  kSetAt + 24, kPayloadBytesAt, kAuthenticatorAt, kPayloadChecksumAt,
        kChecksumAt, kMagicAt,    kIncarnationAt};
    constexpr std::array<std::uint64_t, 8> kValues{
        0, 1, 2, 0x7fffffff, 0x80000000, 0xffffffff, ~std::uint64_t{0}, 4};
    const std::uint64_t value = kValues[below(kValues.size())];
    std::memcpy(frame.header.data() + kFields[below(kFields.size())], &value, below(2) == 0 ? 4 : 8);
  }
  void splice(Frame& frame, const Frame& other) {
    const std::size_t first = below(kHeaderBytes);
    const std::size_t count = 1 + below(kHeaderBytes - first);
    std::memcpy(frame.header.data() + first, other.header.data() + first, count);
  }
};

constexpr int kMutations = 7;
Frame mutated(Fuzzer& fuzzer, const Frame& valid, const Frame& other) {
  Frame frame = valid;
  switch (fuzzer.below(kMutations)) {
    case 0:
      return fuzzer.pure_noise();
    case 1:
      fuzzer.flip_bits(frame);
      break;
    case 2:
      fuzzer.truncate(frame);
      break;
    case 3:
      fuzzer.extend(frame);
      break;
    case 4:
      fuzzer.overwrite(frame);
      break;
    case 5:
      fuzzer.splice(frame, other);
      break;
    default:
      frame.payload = other.payload;
      break;
  }
  return frame;
}

// Gives a forged frame the right checksum, so that the other checks are alone. Its announced size too, half
// the time.
void seal(Fuzzer& fuzzer, Frame& frame) {
  if (frame.header.size() != kHeaderBytes) return;
  WireFrames frames;
  std::copy(frame.header.begin(), frame.header.end(), frames.header.begin());
  if (fuzzer.below(2) == 0) put(frames.header, kPayloadBytesAt, std::uint64_t{frame.payload.size()});
  frames.payload = Payload(nullptr, frame.payload);
  seal(frames);
  std::copy(frames.header.begin(), frames.header.end(), frame.header.begin());
}

std::variant<Message, WireError> decode_without_allocating(const Frame& frame) {
  const WireContext context = test_context();
  Payload payload(nullptr, frame.payload);
  const std::size_t before = allocations;
  auto decoded = decode(context, frame.header, std::move(payload), frame.payload.size() % 8 == 0);
  EXPECT_EQ(allocations, before);
  return decoded;
}

TEST(WireFuzz, AcceptsOnlyWhatEncodeProduces) {
  const std::uint64_t seed = from_environment("POLYDOT_FUZZ_SEED", 7);
  const std::uint64_t frames = from_environment("POLYDOT_FUZZ_FRAMES", 150'000);
  std::cout << "seed " << seed << ", " << frames << " frames\n";
  Fuzzer fuzzer(seed);
  std::array<std::uint64_t, kWireErrorCount> refused{};
  std::uint64_t accepted = 0;

  for (std::uint64_t i = 0; i < frames && !HasFailure(); ++i) {
    SCOPED_TRACE("seed " + std::to_string(seed) + " frame " + std::to_string(i));
    const Frame& valid = fuzzer.pick();
    const Frame& other = fuzzer.pick();
    Frame frame = mutated(fuzzer, valid, other);
    const bool sealed = fuzzer.below(2) == 0;
    if (sealed) seal(fuzzer, frame);

    const auto decoded = decode_without_allocating(frame);
    if (const auto* error = std::get_if<WireError>(&decoded)) {
      ++refused.at(static_cast<std::size_t>(*error));
      continue;
    }
    const Message& message = std::get<Message>(decoded);
    if (message.unread && *message.unread != checksum_of(message.payload.bytes())) {
      ++refused.at(static_cast<std::size_t>(WireError::kChecksum));  // once somebody reads it
      continue;
    }
    ++accepted;
    EXPECT_EQ(frame_of(encode(test_context(), message)), frame);
    // Without a new checksum nothing gets through but a frame that somebody sent.
    EXPECT_TRUE(sealed || frame == valid || frame == other);
  }

  std::cout << "accepted " << accepted << '\n';
  for (int e = 0; e < kWireErrorCount; ++e) {
    std::cout << name_of(static_cast<WireError>(e)) << ' ' << refused.at(static_cast<std::size_t>(e)) << '\n';
    EXPECT_GT(refused.at(static_cast<std::size_t>(e)), 0U) << "no frame got as far as this check";
  }
  EXPECT_GT(accepted, 0U);
}

}  // namespace
}  // namespace polydot::protocol
