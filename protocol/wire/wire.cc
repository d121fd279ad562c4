#include "protocol/wire/wire.h"

#include <algorithm>
#include <bit>
#include <cereal/archives/portable_binary.hpp>
#include <cstring>
#include <istream>
#include <optional>
#include <ostream>
#include <streambuf>
#include <string_view>

#include "codes/base/check.h"
#include "protocol/wire/payload_checksum.h"

namespace polydot::protocol {
namespace {

// Payloads are float32 as they lie in memory; only the header is converted.
static_assert(std::endian::native == std::endian::little, "polydot runs on little-endian processors");

constexpr std::uint8_t kByteOrder = 1;  // Cereal's first byte: little-endian
constexpr std::array<char, 4> kMagic{'P', 'D', 'O', 'T'};
constexpr std::size_t kVersionAt = 2;
constexpr std::size_t kMagicAt = 4;
constexpr std::size_t kChecksumAt = kHeaderBytes - sizeof(std::uint64_t);

// The header between the byte order mark and the checksum, in the order of PROTOCOL.md.
struct Fields {
  std::uint8_t kind = 0;
  std::uint16_t version = kWireVersion;
  std::uint32_t magic = std::bit_cast<std::uint32_t>(kMagic);
  ClusterId cluster{};
  std::uint32_t group = 0;
  std::uint32_t flags = 0;  // reserved
  codes::RoundKey key;
  std::uint32_t code = 0;
  std::uint32_t rows = 0, cols = 0, first_col = 0, total_cols = 0;
  codes::PeerSet::Words set{};
  std::uint64_t payload_bytes = 0;
  std::uint64_t payload_checksum = 0;
  std::uint64_t incarnation = 0;
  std::array<std::uint64_t, 5> authenticator{};  // reserved

  template <typename Archive>
  constexpr void serialize(Archive& archive) {
    archive(kind, version, magic, cluster[0], cluster[1], group, flags);
    archive(key.epoch, key.slot, key.step, key.attempt, code, rows, cols, first_col, total_cols);
    for (std::uint64_t& word : set) archive(word);
    archive(payload_bytes, payload_checksum, incarnation);
    for (std::uint64_t& word : authenticator) archive(word);
  }
};

// An archive that only counts, so that the compiler checks the size of the header.
struct ByteCounter {
  std::size_t bytes = 0;
  template <typename... T>
  constexpr void operator()(const T&... fields) {
    bytes += (sizeof(fields) + ...);
  }
};
constexpr std::size_t bytes_of_fields() {
  Fields fields;
  ByteCounter counter;
  fields.serialize(counter);
  return counter.bytes;
}
static_assert(sizeof(kByteOrder) + bytes_of_fields() == kChecksumAt);

// Streams over bytes that somebody else owns, without a heap. Kept by each thread: making a stream, with its
// locale, takes longer than what is written to it.
class FixedBuffer : public std::streambuf {
 public:
  void write_to(std::span<std::byte> bytes) {
    char* first = reinterpret_cast<char*>(bytes.data());
    setp(first, first + bytes.size());
  }
  void read_from(std::span<const std::byte> bytes) {
    char* first = const_cast<char*>(reinterpret_cast<const char*>(bytes.data()));
    setg(first, first, first + bytes.size());
  }
};

template <typename Stream>
struct FixedStream {
  FixedBuffer buffer;
  Stream stream{&buffer};
};

std::ostream& stream_to(std::span<std::byte> bytes) {
  thread_local FixedStream<std::ostream> fixed;
  fixed.buffer.write_to(bytes);
  fixed.stream.clear();
  return fixed.stream;
}

std::istream& stream_from(std::span<const std::byte> bytes) {
  thread_local FixedStream<std::istream> fixed;
  fixed.buffer.read_from(bytes);
  fixed.stream.clear();
  return fixed.stream;
}

std::uint64_t checksum_of_fields(std::span<const std::byte> header) {
  return checksum_of(header.first(kChecksumAt));
}

// A frame of ours whose version was damaged on the way is no frame of another version.
std::uint64_t checksum_with_our_version(std::span<const std::byte> header) {
  Header mended{};
  std::copy(header.begin(), header.end(), mended.begin());
  std::memcpy(mended.data() + kVersionAt, &kWireVersion, sizeof(kWireVersion));
  return checksum_of_fields(mended);
}

Fields fields_of(const WireContext& context, const Message& message) {
  return {.kind = static_cast<std::uint8_t>(message.kind),
          .cluster = context.cluster,
          .group = context.group,
          .key = message.key,
          .code = message.code,
          .rows = message.rows,
          .cols = message.cols,
          .first_col = message.first_col,
          .total_cols = message.total_cols,
          .set = message.set.words(),
          .payload_bytes = message.payload.size_bytes(),
          .payload_checksum = checksum_of(message.payload.bytes()),
          .incarnation = message.incarnation};
}

Message message_of(const Fields& fields, Payload payload) {
  return {.kind = static_cast<MessageKind>(fields.kind),
          .key = fields.key,
          .rows = fields.rows,
          .cols = fields.cols,
          .first_col = fields.first_col,
          .total_cols = fields.total_cols,
          .set = codes::PeerSet(fields.set),
          .code = fields.code,
          .payload = std::move(payload),
          .incarnation = fields.incarnation};
}

std::size_t payload_limit(const WireContext& context, MessageKind kind) {
  switch (kind) {
    case MessageKind::kHello:
      return std::min(kMaxHelloBytes, context.max_payload_bytes);
    case MessageKind::kContribution:
      return context.max_payload_bytes;
    case MessageKind::kPiece:
      return context.max_payload_bytes;
    case MessageKind::kBallot:
      return std::min(kMaxBallotBytes, context.max_payload_bytes);
    case MessageKind::kRepairRequest:
      return std::min(kMaxLinesBytes, context.max_payload_bytes);
    case MessageKind::kRequest:
    case MessageKind::kGoodbye:
    case MessageKind::kAbstain:
    case MessageKind::kNoPiece:
      return 0;
  }
  return 0;
}

// The slice is one of the runs that both ends derive, and the payload is exactly its entries.
bool is_slice(const WireContext& context, const Fields& f) {
  if (f.rows < 1 || f.cols < 1 || f.first_col >= f.total_cols) return false;
  if (std::uint64_t{f.rows} * f.total_cols > context.max_entries) return false;
  const auto run = static_cast<std::uint64_t>(columns_per_slice(f.rows, f.total_cols));
  const std::uint64_t cols = std::min<std::uint64_t>(run, f.total_cols - f.first_col);
  // The product is at most max_entries, so four times that does not overflow.
  return f.first_col % run == 0 && f.cols == cols &&
         f.payload_bytes == std::uint64_t{f.rows} * cols * sizeof(float);
}

bool has_no_shape(const Fields& f) { return (f.rows | f.cols | f.first_col | f.total_cols) == 0; }

bool is_text(std::span<const std::byte> bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](std::byte b) {
    const auto c = std::to_integer<unsigned char>(b);
    return (c >= 0x20 && c != 0x7f) || c == '\n' || c == '\t';
  });
}

bool is_some_state(std::uint32_t code) { return code >= 1 && code <= (kWeightsState | kMomentumState); }

// Whole u32, each larger than the one before.
bool is_ascending(std::span<const std::byte> bytes) {
  if (bytes.size() % sizeof(std::uint32_t) != 0) return false;
  std::int64_t last = -1;
  for (std::size_t at = 0; at < bytes.size(); at += sizeof(std::uint32_t)) {
    std::uint32_t line = 0;
    std::memcpy(&line, bytes.data() + at, sizeof line);
    if (std::int64_t{line} <= last) return false;
    last = line;
  }
  return true;
}

bool uses_its_fields_only(const Fields& f, MessageKind kind, std::span<const std::byte> payload) {
  const codes::RoundKey step_only{.step = f.key.step};
  const codes::RoundKey place{.epoch = f.key.epoch, .step = f.key.step};
  const bool no_set = codes::PeerSet(f.set).empty();
  switch (kind) {
    case MessageKind::kHello:
      return f.key == place && f.code >= 1 && f.code <= kPeerModes && is_text(payload);
    case MessageKind::kContribution:
      return f.code == 0;
    case MessageKind::kRequest:
    case MessageKind::kAbstain:
      return f.code == 0 && no_set;
    case MessageKind::kRepairRequest:
      return is_some_state(f.code) && no_set && is_ascending(payload);
    case MessageKind::kPiece:
    case MessageKind::kNoPiece:
      return is_some_state(f.code) && no_set;
    case MessageKind::kBallot:
      return f.code >= 1 && f.code <= kBallotSteps && f.key.step == 0 && no_set &&
             payload.size() % sizeof(std::uint64_t) == 0;
    case MessageKind::kGoodbye:
      return f.key == step_only && no_set && f.code <= kMaxExitCode;
  }
  return false;
}

// All checks but length, byte order and checksum. Also run on what we send, so both ends mean the same.
std::optional<WireError> first_error(const WireContext& context, const Fields& f,
                                     std::span<const std::byte> payload) {
  if (f.magic != Fields().magic) return WireError::kMagic;
  if (f.version != kWireVersion) return WireError::kVersion;
  if (f.cluster != context.cluster) return WireError::kCluster;
  if (f.group != context.group) return WireError::kGroup;
  const auto kind = static_cast<MessageKind>(f.kind);
  if (kind < MessageKind::kHello || kind > MessageKind::kNoPiece) return WireError::kKind;
  if (f.flags != 0) return WireError::kField;
  for (std::uint64_t word : f.authenticator)
    if (word != 0) return WireError::kField;
  if (f.payload_bytes != payload.size() || payload.size() > payload_limit(context, kind))
    return WireError::kPayloadSize;
  const bool sliced = kind == MessageKind::kContribution || kind == MessageKind::kPiece;
  if (sliced ? !is_slice(context, f) : !has_no_shape(f)) return WireError::kShape;
  if (!codes::PeerSet(f.set).subset_of(codes::PeerSet::all(context.peers))) return WireError::kField;
  if (!uses_its_fields_only(f, kind, payload)) return WireError::kField;
  return std::nullopt;
}

}  // namespace

const char* name_of(WireError error) {
  static constexpr std::array<const char*, kWireErrorCount> kNames{
      "wrong header length", "not a polydot frame", "another wire version", "another cluster",
      "another group",       "unknown kind",        "wrong payload size",   "impossible shape",
      "impossible field",    "wrong checksum"};
  return kNames.at(static_cast<std::size_t>(error));
}

WireFrames encode(const WireContext& context, const Message& message) {
  Fields fields = fields_of(context, message);
  const std::optional<WireError> bug = first_error(context, fields, message.payload.bytes());
  POLYDOT_CHECK_EQ(std::string_view(bug ? name_of(*bug) : "valid"), std::string_view("valid"));

  WireFrames frames{.header = {}, .payload = message.payload};
  cereal::PortableBinaryOutputArchive archive(stream_to(frames.header),
                                              cereal::PortableBinaryOutputArchive::Options::LittleEndian());
  fields.serialize(archive);
  archive(checksum_of_fields(frames.header));
  return frames;
}

std::variant<Message, WireError> decode(const WireContext& context, std::span<const std::byte> header,
                                        Payload payload, bool read_later) {
  if (header.size() != kHeaderBytes) {  // that of another version may be
    const std::uint16_t version = claimed_version(header);
    return version == 0 || version == kWireVersion ? WireError::kLength : WireError::kVersion;
  }
  if (std::to_integer<std::uint8_t>(header[0]) != kByteOrder) return WireError::kMagic;
  Fields fields;
  std::uint64_t checksum = 0;
  cereal::PortableBinaryInputArchive archive(stream_from(header));
  fields.serialize(archive);  // cannot run out of bytes: see the static_assert
  archive(checksum);
  if (const auto error = first_error(context, fields, payload.bytes())) {
    const bool ours = error == WireError::kVersion && checksum == checksum_with_our_version(header);
    return ours ? WireError::kChecksum : *error;
  }
  if (checksum != checksum_of_fields(header)) return WireError::kChecksum;
  read_later = read_later && fields.kind == static_cast<std::uint8_t>(MessageKind::kContribution);
  if (!read_later && fields.payload_checksum != checksum_of(payload.bytes())) return WireError::kChecksum;
  Message message = message_of(fields, std::move(payload));
  if (read_later) message.unread = fields.payload_checksum;
  return message;
}

std::uint16_t claimed_version(std::span<const std::byte> header) {
  if (header.size() < kMagicAt + kMagic.size()) return 0;
  if (std::to_integer<std::uint8_t>(header[0]) != kByteOrder) return 0;
  if (std::memcmp(header.data() + kMagicAt, kMagic.data(), kMagic.size()) != 0) return 0;
  std::uint16_t version = 0;
  std::memcpy(&version, header.data() + kVersionAt, sizeof(version));
  return version;
}

codes::Index columns_per_slice(codes::Index rows, codes::Index cols) {
  POLYDOT_CHECK_LE(codes::Index{1}, rows);
  POLYDOT_CHECK_LE(codes::Index{1}, cols);
  const auto column_bytes = rows * static_cast<codes::Index>(sizeof(float));
  return std::clamp<codes::Index>(static_cast<codes::Index>(kSliceBytes) / column_bytes, 1, cols);
}

}  // namespace polydot::protocol
