#include "node/tables/text_decoder.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>

namespace polydot::node {

std::string encoding_of(std::string_view first_bytes) {
  if (first_bytes.starts_with("\xFF\xFE")) return "utf-16le";
  if (first_bytes.starts_with("\xFE\xFF")) return "utf-16be";
  constexpr std::size_t kLooked = 256;
  std::size_t pairs = 0, zeros_first = 0, zeros_second = 0;
  for (; pairs < kLooked && 2 * pairs + 1 < first_bytes.size(); ++pairs) {
    zeros_first += first_bytes[2 * pairs] == '\0';
    zeros_second += first_bytes[2 * pairs + 1] == '\0';
  }
  if (pairs > 0 && 10 * zeros_second >= 9 * pairs && zeros_first == 0) return "utf-16le";
  if (pairs > 0 && 10 * zeros_first >= 9 * pairs && zeros_second == 0) return "utf-16be";
  return "utf-8";
}

// RFC 3629: no longer forms than needed, no halves of UTF-16 pairs, nothing above U+10FFFF.
bool is_utf8(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    const auto byte = [&](std::size_t k) { return static_cast<unsigned char>(text[at + k]); };
    const unsigned char lead = byte(0);
    const bool leads = lead < 0x80 || (lead >= 0xC2 && lead < 0xF5);
    const std::size_t more = lead < 0x80 ? 0 : lead < 0xE0 ? 1 : lead < 0xF0 ? 2 : 3;
    if (!leads || at + more >= text.size()) return false;
    for (std::size_t k = 1; k <= more; ++k)
      if ((byte(k) & 0xC0) != 0x80) return false;
    if ((lead == 0xE0 && byte(1) < 0xA0) || (lead == 0xED && byte(1) >= 0xA0) ||
        (lead == 0xF0 && byte(1) < 0x90) || (lead == 0xF4 && byte(1) >= 0x90))
      return false;
    at += more + 1;
  }
  return true;
}

Result<TextDecoder> TextDecoder::make(const std::string& encoding) {
  const std::string name = encoding == "latin1" ? "WINDOWS-1252" : encoding;
  const iconv_t handle = iconv_open("UTF-8", name.c_str());
  if (handle == reinterpret_cast<iconv_t>(-1))
    return usage_failure(
        fmt::format("--csv encoding={}: this system knows no such encoding (iconv -l)", encoding));
  return TextDecoder(handle, encoding);
}

Outcome TextDecoder::decode(std::span<const std::uint8_t> bytes, std::string& text) {
  waiting_.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  char* in = waiting_.data();
  std::size_t in_left = waiting_.size();
  std::array<char, 1 << 16> piece{};
  while (in_left > 0) {
    char* out = piece.data();
    std::size_t out_left = piece.size();
    const bool done = iconv(handle_.get(), &in, &in_left, &out, &out_left) != static_cast<std::size_t>(-1);
    const int error = done ? 0 : errno;
    text.append(piece.data(), piece.size() - out_left);
    if (error == EINVAL) break;  // the rest of a character is still to come
    if (error == EILSEQ) return data_failure(fmt::format("is no {} text: give --csv encoding=..", encoding_));
  }
  waiting_.erase(0, waiting_.size() - in_left);
  return Unit{};
}

Outcome TextDecoder::finish() const {
  if (waiting_.empty()) return Unit{};
  return data_failure(
      fmt::format("ends within a character of {}: cut short, or of another encoding", encoding_));
}

std::optional<std::string> utf8_of_latin1(std::string_view text) {
  auto decoder = TextDecoder::make("latin1");
  std::string whole;
  const std::span bytes(reinterpret_cast<const std::uint8_t*>(text.data()), text.size());
  if (!decoder || !decoder->decode(bytes, whole)) return std::nullopt;
  return whole;
}

}  // namespace polydot::node
