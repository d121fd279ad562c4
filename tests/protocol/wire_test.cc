#include "protocol/wire/wire.h"

#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <iomanip>
#include <set>
#include <sstream>

#include "tests/protocol/wire_frames.h"

namespace polydot::protocol {
namespace {

constexpr std::uint64_t kSeed = 20240607;

// Lines of "offset  16 bytes", as the document has them.
std::string hex_dump(const std::vector<std::byte>& bytes) {
  std::ostringstream out;
  out << std::setfill('0');
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    if (i % 16 == 0) out << (i == 0 ? "" : "\n") << std::dec << std::setw(3) << i << ' ';
    out << ' ' << std::hex << std::setw(2) << std::to_integer<unsigned>(bytes[i]);
  }
  return out.str() + "\n";
}

std::variant<Message, WireError> decode(const WireFrames& frames) {
  return protocol::decode(test_context(), frames.header, frames.payload);
}

TEST(Wire, DecodesWhatItEncodes) {
  const WireContext context = test_context();
  std::mt19937_64 random(kSeed);
  std::set<MessageKind> kinds;
  for (int i = 0; i < 5000; ++i) {
    const Message message = random_message(random, context);
    kinds.insert(message.kind);
    const WireFrames frames = encode(context, message);
    const auto decoded = decode(frames);
    ASSERT_TRUE(std::holds_alternative<Message>(decoded))
        << name_of(std::get<WireError>(decoded)) << " seed " << kSeed;
    EXPECT_TRUE(same_content(std::get<Message>(decoded), message)) << "message " << i << " seed " << kSeed;
    EXPECT_EQ(claimed_version(frames.header), kWireVersion);
  }
  EXPECT_EQ(kinds.size(), 9U) << "a kind that is not tried";
}

TEST(Wire, DecodedMessageSharesTheReceivedPayload) {
  std::mt19937_64 random(kSeed);
  const WireFrames frames = encode(test_context(), random_contribution(random, test_context()));
  const auto decoded = decode(frames);
  EXPECT_EQ(std::get<Message>(decoded).payload.bytes().data(), frames.payload.bytes().data());
  EXPECT_EQ(std::get<Message>(decoded).payload.owner(), frames.payload.owner());
}

TEST(Wire, AContributionsPayloadMayBeReadLater) {
  std::mt19937_64 random(kSeed);
  WireFrames frames = encode(test_context(), random_contribution(random, test_context()));
  const std::uint64_t checksum = XXH3_64bits(frames.payload.bytes().data(), frames.payload.size_bytes());
  auto other = std::make_shared<std::vector<std::byte>>(frames.payload.size_bytes());
  frames.payload = Payload(other, *other);
  ASSERT_TRUE(std::holds_alternative<WireError>(decode(frames)));
  const auto decoded = protocol::decode(test_context(), frames.header, frames.payload, true);
  ASSERT_TRUE(std::holds_alternative<Message>(decoded));
  EXPECT_EQ(std::get<Message>(decoded).unread, checksum) << "what must come of it when it is read";
}

TEST(Wire, DecodesHeadersAndPayloadsAtAnyAddress) {
  std::mt19937_64 random(kSeed);
  const WireContext context = test_context();
  const Message message = random_contribution(random, context);
  const WireFrames frames = encode(context, message);
  const auto payload = frames.payload.bytes();
  for (std::size_t shift = 0; shift < 16; ++shift) {
    const auto owner = std::make_shared<std::vector<std::byte>>(kHeaderBytes + payload.size() + shift);
    std::memcpy(owner->data() + shift, frames.header.data(), kHeaderBytes);
    std::copy(payload.begin(), payload.end(),
              owner->begin() + static_cast<std::ptrdiff_t>(shift + kHeaderBytes));
    const auto all = std::span<const std::byte>(*owner).subspan(shift);
    const auto decoded =
        protocol::decode(context, all.first(kHeaderBytes), {owner, all.subspan(kHeaderBytes)});
    ASSERT_TRUE(std::holds_alternative<Message>(decoded)) << shift;
    EXPECT_TRUE(same_content(std::get<Message>(decoded), message)) << shift;
  }
}

TEST(Wire, FieldsLieWhereTheDocumentSays) {
  const WireFrames frames = encode(test_context(), example_message());
  const Header& h = frames.header;
  EXPECT_EQ(std::to_integer<int>(h[0]), 1);
  EXPECT_EQ(get<std::uint8_t>(h, kKindAt), 2);
  EXPECT_EQ(get<std::uint16_t>(h, kVersionAt), kWireVersion);
  EXPECT_EQ(std::memcmp(h.data() + kMagicAt, "PDOT", 4), 0);
  EXPECT_EQ(get<std::uint64_t>(h, kClusterAt), test_context().cluster[0]);
  EXPECT_EQ(get<std::uint64_t>(h, kClusterAt + 8), test_context().cluster[1]);
  EXPECT_EQ(get<std::uint32_t>(h, kGroupAt), 0U);
  EXPECT_EQ(get<std::uint32_t>(h, kEpochAt), 0U);
  EXPECT_EQ(get<std::uint32_t>(h, kSlotAt), 3U);
  EXPECT_EQ(get<std::uint64_t>(h, kStepAt), 7U);
  EXPECT_EQ(get<std::uint32_t>(h, kAttemptAt), 1U);
  EXPECT_EQ(get<std::uint32_t>(h, kCodeAt), 0U);
  EXPECT_EQ(get<std::uint32_t>(h, kRowsAt), 2U);
  EXPECT_EQ(get<std::uint32_t>(h, kColsAt), 3U);
  EXPECT_EQ(get<std::uint32_t>(h, kFirstColAt), 0U);
  EXPECT_EQ(get<std::uint32_t>(h, kTotalColsAt), 3U);
  EXPECT_EQ(get<std::uint64_t>(h, kSetAt), 0b11'1011'1111U);
  EXPECT_EQ(get<std::uint64_t>(h, kPayloadBytesAt), 24U);
  EXPECT_EQ(get<std::uint64_t>(h, kIncarnationAt), 0x1122334455667788U);
  WireFrames sealed = frames;
  put(sealed.header, kPayloadChecksumAt, std::uint64_t{0});
  seal(sealed);
  EXPECT_EQ(sealed.header, frames.header) << "the checksum is not the documented one";
}

TEST(Wire, ProducesTheExampleOfTheDocument) {
  const auto path = std::filesystem::path(POLYDOT_SOURCE_DIR) / "protocol/PROTOCOL.md";
  std::ifstream file(path);
  ASSERT_TRUE(file) << path;
  const std::string document(std::istreambuf_iterator<char>(file), {});
  const WireFrames frames = encode(test_context(), example_message());
  std::vector<std::byte> bytes(frames.header.begin(), frames.header.end());
  bytes.insert(bytes.end(), frames.payload.bytes().begin(), frames.payload.bytes().end());
  EXPECT_NE(document.find(hex_dump(bytes)), std::string::npos) << "PROTOCOL.md should show\n"
                                                               << hex_dump(bytes);
}

TEST(Wire, SlicesAreRunsOfWholeColumnsThatCoverAll) {
  for (codes::Index rows : {1, 2, 3, 127, 128, 1000, 4096, 131'072, 200'000})
    for (codes::Index cols : {1, 2, 5, 64, 129, 1024}) {
      const codes::Index run = columns_per_slice(rows, cols);
      EXPECT_GE(run, 1);
      EXPECT_LE(run, cols);
      const auto bytes = static_cast<std::size_t>(rows * run) * sizeof(float);
      EXPECT_TRUE(run == 1 || bytes <= kSliceBytes) << rows << " x " << cols;
      EXPECT_TRUE(run == cols || bytes + static_cast<std::size_t>(rows) * sizeof(float) > kSliceBytes);
    }
}

TEST(Wire, EveryErrorHasAName) {
  std::set<std::string> names;
  for (int e = 0; e < kWireErrorCount; ++e) names.insert(name_of(static_cast<WireError>(e)));
  EXPECT_EQ(names.size(), static_cast<std::size_t>(kWireErrorCount));
}

TEST(WireDeathTest, EncodingAnImpossibleMessageIsABug) {
  Message message = example_message();
  message.cols = 2;
  EXPECT_DEATH(encode(test_context(), message), "impossible shape");
  EXPECT_DEATH(encode(test_context(), {.kind = MessageKind::kHello, .payload = Payload::of_text({'\0'})}),
               "impossible field");
}

}  // namespace
}  // namespace polydot::protocol
