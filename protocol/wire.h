// The codec: a Message to and from a small fixed header and a raw payload frame. PROTOCOL.md has the grammar.
//
// Everything about a frame is checked against limits before anything is allocated or believed; no container is
// ever read off the wire. Decoding copies nothing: the message shares the received payload.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <variant>

#include "protocol/message.h"

namespace polydot::protocol {

inline constexpr std::uint16_t kWireVersion = 1;
inline constexpr std::size_t kHeaderBytes = 160;

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

// Why a frame was refused. Counted per peer; a foreign version or cluster is worth a line to the user.
enum class WireError {
  kLength, kMagic, kVersion, kCluster, kGroup, kKind, kShape, kPayloadSize, kChecksum, kField,
};
const char* name_of(WireError error);

struct WireFrames {
  Header header;
  Payload payload;
};

WireFrames encode(const WireContext& context, const Message& message);
std::variant<Message, WireError> decode(const WireContext& context, std::span<const std::byte> header, Payload payload);
// The version that a frame of the right magic claims, for the line that names both versions; 0 if not ours at all.
std::uint16_t claimed_version(std::span<const std::byte> header);

// Slices: contributions travel in runs of whole columns, about kSliceBytes each. Both ends derive the same runs.
inline constexpr std::size_t kSliceBytes = std::size_t{512} << 10;
codes::Index columns_per_slice(codes::Index rows, codes::Index cols);

}  // namespace polydot::protocol
