#include "node/text/printable.h"

#include <fmt/format.h>

#include <cstdint>
#include <cstdio>
#include <optional>

namespace polydot::node {

namespace {

struct Character {
  std::uint32_t code = 0;
  std::size_t bytes = 1;
};

// The first character of a text that is not empty; none: it begins with no UTF-8 (RFC 3629).
std::optional<Character> first_of(std::string_view text) {
  const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(text[at]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80) return Character{lead, 1};
  const std::size_t bytes = lead >= 0xc2 && lead < 0xe0 ? 2
                            : lead < 0xe0               ? 0
                            : lead < 0xf0               ? 3
                            : lead < 0xf5               ? 4
                                                        : 0;
  if (bytes == 0 || text.size() < bytes) return std::nullopt;
  std::uint32_t code = lead & (0x7fu >> bytes);
  for (std::size_t at = 1; at < bytes; ++at) {
    if ((byte(at) & 0xc0) != 0x80) return std::nullopt;
    code = code << 6 | (byte(at) & 0x3f);
  }
  const bool overlong = (bytes == 3 && code < 0x800) || (bytes == 4 && code < 0x10000);
  if (overlong || code > 0x10ffff || (code >= 0xd800 && code < 0xe000)) return std::nullopt;
  return Character{code, bytes};
}

// What a terminal acts upon, or what shows other text than there is.
bool is_harmless(std::uint32_t code) {
  if (code < 0x20 || (code >= 0x7f && code < 0xa0)) return false;     // C0, DEL, C1
  if (code == 0xad || code == 0x61c || code == 0xfeff) return false;  // invisible
  if ((code >= 0x200b && code <= 0x200f) || (code >= 0x2028 && code <= 0x202e)) return false;
  if (code >= 0x2060 && code <= 0x206f) return false;
  return !(code >= 0xe0000 && code <= 0xe0fff);  // tags
}

std::string escaped(std::uint32_t code) {
  if (code == '\n') return "\\n";
  if (code == '\t') return "\\t";
  return code < 0x80 ? fmt::format("\\x{:02x}", code) : fmt::format("\\u{:04x}", code);
}

}  // namespace

std::string printable(std::string_view text, std::size_t most) {
  std::string line;
  for (std::size_t at = 0; at < text.size();) {
    const auto character = first_of(text.substr(at));
    const std::size_t bytes = character ? character->bytes : 1;
    const std::string shown = !character ? fmt::format("\\x{:02x}", static_cast<unsigned char>(text[at]))
                              : is_harmless(character->code) ? std::string(text.substr(at, bytes))
                                                             : escaped(character->code);
    if (line.size() + shown.size() > most) return line + fmt::format("... ({} bytes more)", text.size() - at);
    line += shown;
    at += bytes;
  }
  return line;
}

void say(std::string_view text) { std::fprintf(stderr, "polydot: %s\n", printable(text).c_str()); }

}  // namespace polydot::node
