#include "node/tables/csv_rows.h"

#include <csv.h>

#include <algorithm>
#include <optional>
#include <span>

#include "node/tables/text_decoder.h"

namespace polydot::node {
namespace {

constexpr std::size_t kChunkBytes = std::size_t{1} << 20;
constexpr std::size_t kMostRecordBytes = std::size_t{1} << 28;
constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

// One record, as libcsv hands over its cells.
class Record {
 public:
  explicit Record(bool without_empty) : without_empty_(without_empty) {}

  static void on_cell(void* cell, std::size_t size, void* self) {
    auto& record = *static_cast<Record*>(self);
    if (cell == nullptr && record.without_empty_) return;
    if (cell != nullptr) record.text_.append(static_cast<const char*>(cell), size);
    record.ends_.push_back(record.text_.size());
  }
  static void on_end(int /*terminator*/, void* self) { static_cast<Record*>(self)->done_ = true; }

  bool is_done() const { return done_; }
  std::size_t size() const { return text_.size(); }
  bool is_empty() const { return ends_.size() <= 1 && text_.empty(); }
  void view(CsvRow& row) const {
    row.cells.clear();
    std::size_t begin = 0;
    for (const std::size_t end : ends_) {
      row.cells.push_back(std::string_view(text_).substr(begin, end - begin));
      begin = end;
    }
  }
  void clear() { text_.clear(), ends_.clear(), done_ = false; }

 private:
  std::string text_;
  std::vector<std::size_t> ends_;
  bool without_empty_;  // but for quotes with nothing between
  bool done_ = false;
};

class RowReader {
 public:
  RowReader(const std::filesystem::path& path, const CsvDelimiter& delimiter,
            const std::function<Outcome(const CsvRow&)>& take)
      : path_(path), take_(take), delimiter_(delimiter), record_(delimiter.repeats) {
    csv_init(&parser_, CSV_STRICT | CSV_STRICT_FINI | CSV_EMPTY_IS_NULL);
    csv_set_delim(&parser_, static_cast<unsigned char>(delimiter.mark));
  }
  RowReader(const RowReader&) = delete;
  RowReader& operator=(const RowReader&) = delete;
  ~RowReader() { csv_free(&parser_); }

  // Line by line, so that each record is taken when it ends, and its line is known. What is after the last
  // line end waits.
  Outcome read(std::string& text, bool at_end) {
    if (delimiter_.repeats) std::replace(text.begin(), text.end(), '\t', delimiter_.mark);
    std::size_t begin = 0;
    while (begin < text.size()) {
      std::size_t end = text.find_first_of("\r\n", std::max(begin, searched_));
      searched_ = std::min(end, text.size());
      // Of "\r\n" the second half may still be to come.
      if (!at_end && (end == std::string::npos || end + 1 == text.size())) break;
      if (end == std::string::npos) end = text.size() - 1;
      if (text[end] == '\r' && end + 1 < text.size() && text[end + 1] == '\n') ++end;
      ++row_.line;
      if (Outcome fed = feed(text.data() + begin, end + 1 - begin); !fed) return fed;
      begin = end + 1;
    }
    text.erase(0, begin);
    searched_ -= std::min(begin, searched_);
    if (text.size() > kMostRecordBytes) return too_long();
    return at_end ? finish() : Outcome(Unit{});
  }

 private:
  Outcome feed(const char* text, std::size_t size) {
    if (csv_parse(&parser_, text, size, Record::on_cell, Record::on_end, &record_) != size) return damaged();
    if (record_.size() > kMostRecordBytes) return too_long();
    return take_if_done();
  }
  Outcome finish() {
    if (csv_fini(&parser_, Record::on_cell, Record::on_end, &record_) != 0) return damaged();
    return take_if_done();
  }
  Outcome take_if_done() {
    if (!record_.is_done()) return Unit{};
    Outcome taken = Unit{};
    if (!record_.is_empty()) {
      record_.view(row_);
      taken = take_(row_);
    }
    record_.clear();
    return taken;
  }
  Failure damaged() const {
    return file_failure(path_, "line {}: a quote within a cell, or one that is never closed: correct it",
                        row_.line);
  }
  Failure too_long() const {
    return file_failure(path_, "line {}: a record of more than 256 MiB: not a text file?", row_.line);
  }

  const std::filesystem::path& path_;
  const std::function<Outcome(const CsvRow&)>& take_;
  CsvDelimiter delimiter_;
  csv_parser parser_{};
  std::size_t searched_ = 0;  // of the text that waits: no line ends before
  Record record_;
  CsvRow row_;
};

// The file as text, piece by piece: appended to `text`; false: nothing more.
class TextFile {
 public:
  static Result<TextFile> open(const std::filesystem::path& path, const CsvDialect& dialect) {
    auto file = DataFile::open(path);
    if (!file) return file.failure();
    TextFile text(*std::move(file));
    if (dialect.needs_decoder()) {
      auto decoder = TextDecoder::make(dialect.encoding);
      if (!decoder) return decoder.failure();
      text.decoder_ = *std::move(decoder);
    }
    return text;
  }

  Result<bool> read(std::string& text) {
    bytes_.resize(kChunkBytes);
    const auto got = file_.read(bytes_);
    if (!got) return got.failure();
    const std::span<const std::uint8_t> bytes(bytes_.data(), *got);
    const bool more = *got == bytes_.size();
    if (decoder_) {
      Outcome decoded = decoder_->decode(bytes, text);
      if (decoded && !more) decoded = decoder_->finish();
      if (!decoded) return file_failure(file_.path(), "{}", decoded.failure().message);
    } else {
      if (std::find(bytes.begin(), bytes.end(), 0) != bytes.end())
        return file_failure(file_.path(),
                            "holds zero bytes: no text, or in an encoding to be given (--csv "
                            "encoding=utf-16le)");
      text.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    }
    if (std::exchange(first_, false) && text.starts_with(kByteOrderMark))
      text.erase(0, kByteOrderMark.size());
    return more;
  }

 private:
  explicit TextFile(DataFile file) : file_(std::move(file)) {}
  DataFile file_;
  std::optional<TextDecoder> decoder_;
  std::vector<std::uint8_t> bytes_;
  bool first_ = true;
};

}  // namespace

Outcome read_csv_rows(const std::filesystem::path& path, const CsvDialect& dialect,
                      const std::function<Outcome(const CsvRow&)>& take) {
  auto file = TextFile::open(path, dialect);
  if (!file) return file.failure();
  RowReader rows(path, dialect.delimiter, take);
  std::string text;
  for (bool more = true; more;) {
    const auto got = file->read(text);
    if (!got) return got.failure();
    more = *got;
    if (Outcome taken = rows.read(text, !more); !taken) return taken;
  }
  return Unit{};
}

}  // namespace polydot::node
