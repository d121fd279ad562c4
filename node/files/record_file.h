// A file of lines that a peer adds to while it runs: begun anew, or after what an earlier life of it wrote.
// Each line is in it when `line` returns, whole or not at all; a disk that takes none is said once, and
// training goes on.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "codes/base/result.h"
#include "node/files/trouble.h"

namespace polydot::node {

enum class Records { kBeginAnew, kGoOn };

class RecordFile {
 public:
  RecordFile() = default;
  RecordFile(RecordFile&& other) noexcept
      : path_(std::move(other.path_)), fd_(std::exchange(other.fd_, -1)) {}
  RecordFile& operator=(RecordFile&&) = delete;
  ~RecordFile();

  // kGoOn cuts off a last line without its end: nobody finished it. heading: the first line of a file that is
  // empty, if any. Failure: kData. Until it is opened, lines go nowhere.
  Outcome open(const std::string& path, Records records, std::string_view heading = "");
  bool is_open() const { return fd_ >= 0; }
  // text: without its end.
  void line(std::string_view text);

 private:
  std::string path_;
  int fd_ = -1;
  Trouble trouble_;
};

}  // namespace polydot::node
