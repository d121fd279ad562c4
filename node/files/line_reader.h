// A text file, plain or gzip, line by line: only one line and one chunk of it are in memory at a time.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "codes/base/result.h"
#include "node/files/data_files.h"

namespace polydot::node {

class LineReader {
 public:
  // `file` outlives the reader.
  explicit LineReader(DataFile& file) : file_(file) {}

  // The next line without its end ("\n" or "\r\n"), valid until the next call; nothing at the end of the
  // file. Errors: those of DataFile::read, and a line of more than 256 MiB.
  Result<std::optional<std::string_view>> next();

 private:
  std::string_view take(std::size_t end, std::size_t next_begin);

  DataFile& file_;
  std::string buffer_;
  std::size_t begin_ = 0;
  bool at_end_ = false;
};

}  // namespace polydot::node
