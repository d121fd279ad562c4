// Text of other encodings as UTF-8, by iconv; and which encoding a text has.
#pragma once

#include <iconv.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "codes/base/result.h"

namespace polydot::node {

// As far as the first bytes of a file tell: "utf-16le" or "utf-16be" by a byte order mark, or by every other
// byte being zero; else "utf-8", which plain ASCII is, too.
std::string encoding_of(std::string_view first_bytes);
bool is_utf8(std::string_view text);

// Piece by piece.
class TextDecoder {
 public:
  // Failure: kUsage, the system knows no encoding of that name.
  static Result<TextDecoder> make(const std::string& encoding);

  // Appends to `text`. A character that goes on in the next piece waits for it. Failure: kData, the bytes are
  // no text of this encoding.
  Outcome decode(std::span<const std::uint8_t> bytes, std::string& text);
  // Failure: kData, the text ends within a character.
  Outcome finish() const;

 private:
  struct Close {
    using pointer = iconv_t;
    void operator()(iconv_t handle) const { iconv_close(handle); }
  };
  TextDecoder(iconv_t handle, std::string encoding) : handle_(handle), encoding_(std::move(encoding)) {}

  std::unique_ptr<void, Close> handle_;
  std::string encoding_, waiting_;
};

// Of Windows-1252, as what calls itself Latin 1 mostly is. None: it has no such character.
std::optional<std::string> utf8_of_latin1(std::string_view text);

}  // namespace polydot::node
