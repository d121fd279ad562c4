// The codec: a Message to and from a small fixed header and a raw payload frame. PROTOCOL.md has the grammar.
//
// Everything about a frame is checked against limits before anything is allocated or believed; no container
// is ever read off the wire. Decoding allocates and copies nothing: the message shares the received payload.
// What decodes is exactly what encode can produce: decode(encode(m)) is m, encode(decode(f)) is f.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <variant>

#include "protocol/wire/message.h"

namespace polydot::protocol {

inline constexpr std::uint16_t kWireVersion = 6;
inline constexpr std::size_t kHeaderBytes = 176;
inline constexpr std::size_t kMaxHelloBytes = std::size_t{64} << 10;  // of a hello's text
inline constexpr std::uint32_t kMaxExitCode = 255;                    // of a goodbye
inline constexpr std::uint32_t kBallotSteps = 7;
inline constexpr std::size_t kMaxBallotBytes = std::size_t{4} << 10;   // of a ballot's checkpoint names
inline constexpr std::size_t kMaxLinesBytes = std::size_t{256} << 10;  // of a repair request's list

using Header = std::array<std::byte, kHeaderBytes>;
using ClusterId = std::array<std::uint64_t, 2>;

// What both ends must share before a frame means anything.
struct WireContext {
  ClusterId cluster{};
  std::uint32_t group = 0;  // of peers, reserved: 0
  int peers = 0;
  std::size_t max_payload_bytes = std::size_t{1} << 20;  // of one frame
  std::size_t max_entries = std::size_t{1} << 28;        // of one whole contribution
};

// Why a frame was refused: the first of the checks, in this order, that fails. Counted per peer; a foreign
// version or cluster is worth a line to the user.
enum class WireError {
  kLength,       // the header is not kHeaderBytes long, nor that of another version
  kMagic,        // not ours at all
  kVersion,      // see claimed_version
  kCluster,      // another cluster id
  kGroup,        // another group
  kKind,         // no MessageKind
  kPayloadSize,  // not the announced number of bytes, or more than this kind may have
  kShape,        // no slice of a possible contribution
  kField,        // not zero where unused or reserved, not a peer, not text, no exit code
  kChecksum,
};
inline constexpr int kWireErrorCount = 10;
const char* name_of(WireError error);

struct WireFrames {
  Header header;
  Payload payload;
};

// A message that decode would refuse is a bug of the caller.
WireFrames encode(const WireContext& context, const Message& message);
// read_later: a contribution's payload is not looked at; Message::unread is what must come of it.
std::variant<Message, WireError> decode(const WireContext& context, std::span<const std::byte> header,
                                        Payload payload, bool read_later = false);
// The version that a header of any length claims, for the line that names both versions; 0 if not ours at
// all. The first eight bytes keep their meaning in every version.
std::uint16_t claimed_version(std::span<const std::byte> header);

// Slices: contributions travel in runs of whole columns, at most kSliceBytes each (one column if that is
// longer). Both ends derive the same runs; only the last may be shorter. rows, cols: of the whole
// contribution, >= 1.
inline constexpr std::size_t kSliceBytes = std::size_t{512} << 10;
codes::Index columns_per_slice(codes::Index rows, codes::Index cols);

}  // namespace polydot::protocol
