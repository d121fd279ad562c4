#include "node/csv_rows.h"

#include <csv.h>

#include <algorithm>
#include <array>
#include <optional>
#include <span>

#include "node/config_words.h"
#include "node/csv_cell.h"
#include "node/text_decoder.h"

namespace polydot::node {
namespace {

constexpr std::size_t kHeadBytes = std::size_t{1} << 18, kChunkBytes = std::size_t{1} << 20;
constexpr std::size_t kMostRecordBytes = std::size_t{1} << 28;
constexpr std::string_view kSeparatorLine = "sep=";
constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

bool needs_decoder(const CsvDialect& dialect) { return dialect.encoding != "utf-8"; }

// One record, as libcsv hands over its cells.
class Record {
 public:
  static void on_cell(void* cell, std::size_t size, void* self) {
    auto& record = *static_cast<Record*>(self);
    if (cell != nullptr) record.text_.append(static_cast<const char*>(cell), size);
    record.ends_.push_back(record.text_.size());
  }
  static void on_end(int /*terminator*/, void* self) { static_cast<Record*>(self)->done_ = true; }

  bool is_done() const { return done_; }
  std::size_t size() const { return text_.size(); }
  bool is_empty() const { return ends_.size() == 1 && text_.empty(); }
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
  bool done_ = false;
};

class RowReader {
 public:
  RowReader(const std::filesystem::path& path, char delimiter,
            const std::function<Outcome(const CsvRow&)>& take)
      : path_(path), take_(take) {
    csv_init(&parser_, CSV_STRICT | CSV_STRICT_FINI);
    csv_set_delim(&parser_, static_cast<unsigned char>(delimiter));
  }
  RowReader(const RowReader&) = delete;
  RowReader& operator=(const RowReader&) = delete;
  ~RowReader() { csv_free(&parser_); }

  // Line by line, so that each record is taken when it ends, and its line is known. What is after the last
  // line end waits.
  Outcome read(std::string& text, bool at_end) {
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
    if (needs_decoder(dialect)) {
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

// Records of a text, split at `delimiter` outside quotes.
std::vector<std::vector<std::string_view>> split(std::string_view text, char delimiter, std::size_t most) {
  std::vector<std::vector<std::string_view>> records(1);
  std::size_t begin = 0;
  bool quoted = false;
  for (std::size_t at = 0; at < text.size() && records.size() <= most; ++at) {
    const char c = text[at];
    quoted = quoted != (c == '"');
    const bool ends_line = c == '\n' || c == '\r';
    if (quoted || (c != delimiter && !ends_line)) continue;
    records.back().push_back(trimmed(text.substr(begin, at - begin)));
    begin = at + 1;
    if (!ends_line) continue;
    if (records.back().size() > 1 || !records.back().front().empty())
      records.emplace_back();
    else
      records.back().clear();
  }
  records.pop_back();  // not known to be whole
  return records;
}

// Cells that all records have; 0: not as many in each.
std::size_t common_width(const std::vector<std::vector<std::string_view>>& records) {
  const bool same = std::all_of(records.begin(), records.end(),
                                [&](const auto& record) { return record.size() == records.front().size(); });
  return records.empty() || !same ? 0 : records.front().size();
}

constexpr std::size_t kLookedAt = 64;  // records
// Those that numbers do not contain come first: with decimal commas a comma splits evenly, too.
constexpr std::array kDelimiters{';', '\t', '|', ',', ' '};

// The share of cells that are numbers.
double numbers_in(const std::vector<std::vector<std::string_view>>& records, char delimiter) {
  std::size_t cells = 0, numbers = 0;
  for (const auto& record : records)
    for (const std::string_view cell : record) {
      ++cells;
      const bool bare = cell.size() < 2 || cell.front() != '"' || cell.back() != '"';
      const std::string_view inner = bare ? cell : cell.substr(1, cell.size() - 2);
      numbers += read_cell(inner, '.').is_number() || (delimiter != ',' && read_cell(inner, ',').is_number());
    }
  return static_cast<double>(numbers) / static_cast<double>(std::max<std::size_t>(cells, 1));
}

// Of those that split all records into as many cells, the one that leaves most numbers; else the most
// frequent.
char delimiter_of(const std::string& head) {
  char best = ',', most = ',';
  double best_share = -1.0;
  std::size_t most_cells = 0;
  for (const char delimiter : kDelimiters) {
    const auto records = split(head, delimiter, kLookedAt);
    if (const double share = numbers_in(records, delimiter); common_width(records) > 1 && share > best_share)
      best = delimiter, best_share = share;
    std::size_t cells = 0;
    for (const auto& record : records) cells += record.size() - 1;
    if (cells > most_cells && delimiter != ' ') most = delimiter, most_cells = cells;
  }
  return best_share >= 0.0 ? best : most;
}

// Failure: numbers with commas that may be thousands as well as decimals.
Result<char> decimal_of(const std::filesystem::path& path, const std::string& head, char delimiter) {
  if (delimiter == ',') return '.';
  std::string_view doubtful;
  bool sure = false;
  for (const auto& record : split(head, delimiter, kLookedAt))
    for (const std::string_view cell : record) {
      const bool with_comma = cell.find(',') != std::string_view::npos;
      if (!with_comma && cell.find('.') != std::string_view::npos && read_cell(cell, '.').is_number())
        return '.';
      if (may_be_thousands(cell, ','))
        doubtful = cell;
      else
        sure = sure || (with_comma && read_cell(cell, ',').is_number());
    }
  if (!sure && !doubtful.empty())
    return file_failure(path, "{}: thousands or decimals? say --csv decimal=comma, or take the commas out",
                        quoted_cell(doubtful));
  return sure ? ',' : '.';
}

// What is given for a table now and then, by its first bytes.
struct Magic {
  std::string_view bytes;
  const char* what;
};
constexpr std::array<Magic, 6> kNoTables{
    {{"PK\x03\x04", "is a zip archive or a spreadsheet: unpack it, or save it as CSV"},
     {"\x93NUMPY", "is a NumPy file: save it as text"},
     {"PAR1", "is a Parquet file: save it as CSV"},
     {"BZh", "is compressed by bzip2: unpack it, or compress it by gzip"},
     {"\xFD"
      "7zXZ",
      "is compressed by xz: unpack it, or compress it by gzip"},
     {std::string_view("\0\0\x08", 3), "is an IDX file: give its folder, and --dataset idx"}}};

Outcome check_magic(const std::filesystem::path& path, std::string_view head) {
  for (const Magic& magic : kNoTables)
    if (head.starts_with(magic.bytes)) return file_failure(path, "{}", std::string(magic.what));
  return Unit{};
}

}  // namespace

Result<CsvDialect> dialect_of(const std::filesystem::path& path, const CsvOptions& options) {
  auto file = DataFile::open(path);
  if (!file) return file.failure();
  std::vector<std::uint8_t> bytes(kHeadBytes);
  const auto got = file->read(bytes);
  if (!got) return got.failure();
  std::string head(reinterpret_cast<const char*>(bytes.data()), *got);
  if (Outcome text = check_magic(path, head); !text) return text.failure();
  CsvDialect dialect;
  dialect.encoding = options.encoding.empty() ? encoding_of(head) : options.encoding;
  if (needs_decoder(dialect)) {
    auto decoder = TextDecoder::make(dialect.encoding);
    if (!decoder) return decoder.failure();
    head.clear();
    if (Outcome decoded = decoder->decode(std::span(bytes).first(*got), head); !decoded)
      return file_failure(path, "{}", decoded.failure().message);
  }
  if (head.starts_with(kByteOrderMark)) head.erase(0, kByteOrderMark.size());
  if (*got < bytes.size()) head += '\n';  // all of it: the last record is whole
  // As some spreadsheets begin a file.
  const bool says = head.size() > kSeparatorLine.size() + 1 && head.starts_with(kSeparatorLine) &&
                    (head[kSeparatorLine.size() + 1] == '\n' || head[kSeparatorLine.size() + 1] == '\r');
  dialect.delimiter = options.delimiter ? *options.delimiter
                      : says            ? head[kSeparatorLine.size()]
                                        : delimiter_of(head);
  const auto decimal =
      options.decimal ? Result<char>(*options.decimal) : decimal_of(path, head, dialect.delimiter);
  if (!decimal) return decimal.failure();
  dialect.decimal = *decimal;
  return dialect;
}

std::string name_of_delimiter(char delimiter) {
  switch (delimiter) {
    case ',':
      return "comma";
    case ';':
      return "semicolon";
    case '\t':
      return "tab";
    case '|':
      return "pipe";
    case ' ':
      return "space";
    default:
      return std::string("'") + delimiter + "'";
  }
}

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
