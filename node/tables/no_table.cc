#include "node/tables/no_table.h"

#include <algorithm>
#include <array>
#include <sstream>
#include <string>

#include "node/files/data_files.h"
#include "node/text/config_words.h"

namespace polydot::node {
namespace {

// What is given for a table now and then, by the bytes at one place.
struct Magic {
  std::size_t at;
  std::string_view bytes;
  const char* what;
  bool is_printable = false;  // text may begin so, too, but holds no zeros
};
constexpr std::array<Magic, 8> kFiles{
    {{0, "PK\x03\x04", "is a zip archive or a spreadsheet: unpack it, or save it as CSV"},
     {0, "\xD0\xCF\x11\xE0", "is a spreadsheet (.xls): save it as CSV"},
     {0, "\x93NUMPY", "is a NumPy file: save it as text"},
     {0, "PAR1", "is a Parquet file: save it as CSV", true},
     {4, "1AY&SY", "is compressed by bzip2: unpack it, or compress it by gzip"},
     {0, "\x28\xB5\x2F\xFD", "is compressed by zstd: unpack it, or compress it by gzip"},
     {0,
      "\xFD"
      "7zXZ",
      "is compressed by xz: unpack it, or compress it by gzip"},
     {0, std::string_view("\0\0\x08", 3), "is an IDX file: give its folder, and --dataset idx"}}};

// Text: how it begins, in small letters. A cell of a table may begin with any of these marks alone.
struct Beginning {
  std::string_view text;
  const char* what;
};
constexpr std::array<Beginning, 8> kTexts{{{"{\"", "is JSON: save it as CSV"},
                                           {"[{", "is JSON: save it as CSV"},
                                           {"[[", "is JSON: save it as CSV"},
                                           {"<!", "is HTML or XML: save it as CSV"},
                                           {"<?xml", "is HTML or XML: save it as CSV"},
                                           {"<html", "is HTML or XML: save it as CSV"},
                                           {"<table", "is HTML or XML: save it as CSV"},
                                           {"@relation", "is ARFF: save it as CSV"}}};

std::string in_small_letters(std::string_view text) {
  std::string small(text);
  for (char& c : small)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return small;
}

// "4:0.29", an index and its value.
bool is_pair(std::string_view word) {
  const std::size_t colon = word.find(':');
  return colon != 0 && colon != std::string_view::npos && colon + 1 < word.size() &&
         word.find_first_not_of("0123456789") == colon &&
         word.find_first_not_of("0123456789+-.eE", colon + 1) == std::string_view::npos;
}

}  // namespace

Outcome check_bytes_of_table(const std::filesystem::path& path, std::string_view head) {
  const bool has_zeros = head.find('\0') != std::string_view::npos;
  for (const Magic& magic : kFiles)
    if ((has_zeros || !magic.is_printable) &&
        head.substr(std::min(magic.at, head.size())).starts_with(magic.bytes))
      return file_failure(path, "{}", std::string(magic.what));
  return Unit{};
}

Outcome check_text_of_table(const std::filesystem::path& path, std::string_view head) {
  constexpr std::size_t kLookedAt = 1024;
  const std::string text = in_small_letters(trimmed(head.substr(0, kLookedAt)));
  for (const Beginning& beginning : kTexts)
    if (text.starts_with(beginning.text)) return file_failure(path, "{}", std::string(beginning.what));
  if (text.starts_with('%') && text.find("\n@relation") != std::string::npos)
    return file_failure(path, "is ARFF: save it as CSV");
  std::istringstream words(text);
  std::string label, first, second;
  if (words >> label >> first >> second && is_pair(first) && is_pair(second))
    return file_failure(path, "is in the format of LIBSVM: save it as CSV");
  return Unit{};
}

}  // namespace polydot::node
