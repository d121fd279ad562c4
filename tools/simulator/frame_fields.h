// A frame's header as PROTOCOL.md lays it out, read without the codec: for those who check the codec's users.
#pragma once

#include <cstdint>
#include <cstring>
#include <span>

#include "protocol/wire/message.h"

namespace polydot::simulator {

struct FrameFields {
  protocol::MessageKind kind{};
  codes::RoundKey key;
  std::uint32_t code = 0, rows = 0, cols = 0, first_col = 0, total_cols = 0;
};

// Precondition: a header of this version, 176 bytes.
inline FrameFields fields_of(std::span<const std::byte> header) {
  const auto read = [&](std::size_t at, auto& value) {
    std::memcpy(&value, header.data() + at, sizeof value);
  };
  FrameFields fields;
  fields.kind = static_cast<protocol::MessageKind>(header[1]);
  read(32, fields.key.epoch);
  read(36, fields.key.slot);
  read(40, fields.key.step);
  read(48, fields.key.attempt);
  read(52, fields.code);
  read(56, fields.rows);
  read(60, fields.cols);
  read(64, fields.first_col);
  read(68, fields.total_cols);
  return fields;
}

}  // namespace polydot::simulator
