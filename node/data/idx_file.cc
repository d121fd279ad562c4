#include "node/data/idx_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <set>
#include <span>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "node/data/idx_names.h"
#include "node/files/data_files.h"
#include "node/text/printable.h"

namespace polydot::node {
namespace {

namespace fs = std::filesystem;

constexpr std::uint32_t kImagesMagic = 0x803;
constexpr std::uint32_t kLabelsMagic = 0x801, kShortLabelsMagic = 0xB01, kWideLabelsMagic = 0xC01;

struct Images {
  std::uint32_t count = 0;
  std::uint32_t rows = 0;
  std::uint32_t columns = 0;
  std::vector<std::uint8_t> pixels;
};

struct Part {
  IdxFiles files;
  Images images;
  std::vector<std::int64_t> labels;
};

// Reads the magic number and `numbers` more from the head of the file. magic: as expected; of labels it may
// be that of wider ones.
Outcome read_header(DataFile& file, std::uint32_t& magic, const char* content,
                    std::span<std::uint32_t> numbers) {
  std::array<std::uint8_t, 16> bytes{};
  const std::size_t size = 4 * (1 + numbers.size());
  const Result<std::size_t> got = file.read(std::span(bytes).first(size));
  if (!got) return got.failure();
  const auto number_at = [&bytes](std::size_t at) {
    return std::uint32_t{bytes[at]} << 24 | std::uint32_t{bytes[at + 1]} << 16 |
           std::uint32_t{bytes[at + 2]} << 8 | std::uint32_t{bytes[at + 3]};
  };
  const bool wider =
      magic == kLabelsMagic && (number_at(0) == kShortLabelsMagic || number_at(0) == kWideLabelsMagic);
  if (*got >= 4 && wider) magic = number_at(0);
  if (*got >= 4 && number_at(0) != magic)
    return file_failure(file.path(),
                        "wrong magic number 0x{:08x}, expected 0x{:08x} (IDX {}): not the right file?",
                        number_at(0), magic, content);
  if (*got < size)
    return file_failure(file.path(), "cut short: {} of the {} bytes of an IDX header: fetch it again", *got,
                        size);
  for (std::size_t i = 0; i < numbers.size(); ++i) numbers[i] = number_at(4 * (i + 1));
  return Unit{};
}

// The `size` bytes that follow a header of `header_size` bytes and end the file. `claim`: the header in
// words.
Result<std::vector<std::uint8_t>> read_body(DataFile& file, std::uint64_t header_size, std::uint64_t size,
                                            const std::string& claim) {
  if (size > kMaxDataBytes)
    return file_failure(file.path(), "claims {}, more than the {} bytes that are accepted: damaged?", claim,
                        kMaxDataBytes);
  if (header_size + size > file.most_bytes())
    return file_failure(file.path(), "cut short: claims {}, which its length cannot hold: fetch it again",
                        claim);
  std::vector<std::uint8_t> body(size);
  const Result<std::size_t> got = file.read(body);
  if (!got) return got.failure();
  if (*got < size)
    return file_failure(file.path(), "cut short: claims {}, but holds {} of {} bytes: fetch it again", claim,
                        *got, size);
  std::array<std::uint8_t, 1> beyond{};
  const Result<std::size_t> extra = file.read(beyond);
  if (!extra) return extra.failure();
  if (*extra != 0)
    return file_failure(file.path(), "claims {}, but more bytes follow: damaged or not IDX; fetch it again",
                        claim);
  return body;
}

Result<Images> read_images(const fs::path& path) {
  Result<DataFile> file = DataFile::open(path);
  if (!file) return file.failure();
  std::array<std::uint32_t, 3> header{};
  std::uint32_t magic = kImagesMagic;
  if (const Outcome read = read_header(*file, magic, "images", header); !read) return read.failure();
  Images images{header[0], header[1], header[2], {}};
  if (images.count == 0) return file_failure(path, "holds no images: a part needs at least one");
  const std::uint64_t features = std::uint64_t{images.rows} * images.columns;
  if (images.count > kMaxSampleCount || features == 0 || features > kMaxFeatureCount)
    return file_failure(path, "claims {} images of {}x{} pixels, accepted are {} of 1 to {} pixels: damaged?",
                        images.count, images.rows, images.columns, kMaxSampleCount, kMaxFeatureCount);
  const std::string claim =
      fmt::format("{} images of {}x{} pixels", images.count, images.rows, images.columns);
  Result<std::vector<std::uint8_t>> pixels = read_body(*file, 16, images.count * features, claim);
  if (!pixels) return pixels.failure();
  images.pixels = std::move(*pixels);
  return images;
}

// Labels as they are in the file: bytes, or big-endian numbers of two or four.
Result<std::vector<std::int64_t>> read_labels(const fs::path& path) {
  Result<DataFile> file = DataFile::open(path);
  if (!file) return file.failure();
  std::array<std::uint32_t, 1> count{};
  std::uint32_t magic = kLabelsMagic;
  if (const Outcome read = read_header(*file, magic, "labels", count); !read) return read.failure();
  const std::uint64_t width = magic == kLabelsMagic ? 1 : magic == kShortLabelsMagic ? 2 : 4;
  const Result<std::vector<std::uint8_t>> body =
      read_body(*file, 8, width * count[0], fmt::format("{} labels", count[0]));
  if (!body) return body.failure();
  std::vector<std::int64_t> labels(count[0]);
  for (std::size_t i = 0; i < labels.size(); ++i) {
    for (std::uint64_t k = 0; k < width; ++k) labels[i] = labels[i] << 8 | (*body)[i * width + k];
    // The sign of what was put together of more bytes than one.
    if (width == 2) labels[i] = static_cast<std::int16_t>(labels[i]);
    if (width == 4) labels[i] = static_cast<std::int32_t>(labels[i]);
  }
  return labels;
}

Result<Part> read_part(const IdxFiles& files) {
  Result<Images> images = read_images(files.images);
  if (!images) return images.failure();
  Result<std::vector<std::int64_t>> labels = read_labels(files.labels);
  if (!labels) return labels.failure();
  if (labels->size() != images->count)
    return file_failure(files.labels, "{} labels for the {} images of {}: fetch both again", labels->size(),
                        images->count, files.images.filename().string());
  return Part{files, std::move(*images), std::move(*labels)};
}

// Each different label of either part, in their order.
Result<std::vector<std::int64_t>> classes_of(const Part& train, const Part& test) {
  std::set<std::int64_t> different(train.labels.begin(), train.labels.end());
  different.insert(test.labels.begin(), test.labels.end());
  if (static_cast<dnn::Index>(different.size()) > dnn::kMaxClasses)
    return file_failure(train.files.labels, "{} different labels, and at most {} classes are possible",
                        different.size(), dnn::kMaxClasses);
  if (different.size() < 2)
    return file_failure(train.files.labels, "all labels are {}: at least two classes are needed",
                        *different.begin());
  return std::vector<std::int64_t>(different.begin(), different.end());
}

bool count_from_zero(const std::vector<std::int64_t>& classes) {
  return classes.front() == 0 && classes.back() == static_cast<std::int64_t>(classes.size()) - 1;
}

dnn::Dataset to_dataset(Part part, const std::vector<std::int64_t>& classes) {
  const dnn::Index features = dnn::Index{part.images.rows} * part.images.columns;
  std::vector<dnn::Label> labels;
  labels.reserve(part.labels.size());
  for (const std::int64_t label : part.labels)
    labels.push_back(
        static_cast<dnn::Label>(std::lower_bound(classes.begin(), classes.end(), label) - classes.begin()));
  return dnn::Dataset::from_bytes(std::move(part.images.pixels), features, std::move(labels),
                                  static_cast<dnn::Index>(classes.size()));
}

void append_big_endian(std::vector<std::uint8_t>& bytes, std::uint64_t number) {
  for (const int shift : {24, 16, 8, 0}) bytes.push_back(static_cast<std::uint8_t>(number >> shift));
}

Outcome write_part(const fs::path& directory, const std::string& name, const dnn::Dataset& part) {
  const auto count = static_cast<std::uint64_t>(part.count());
  const auto features = static_cast<std::uint64_t>(part.features());
  const auto side = static_cast<std::uint64_t>(std::lround(std::sqrt(static_cast<double>(features))));
  const std::uint64_t rows = side * side == features ? side : 1;
  std::vector<std::uint8_t> head;
  for (const std::uint64_t number : {std::uint64_t{kImagesMagic}, count, rows, features / rows})
    append_big_endian(head, number);
  const Outcome images = write_file_atomically(directory / (name + "-images-idx3-ubyte"), head, part.bytes());
  if (!images) return images;
  head.clear();
  const bool wide = part.classes() > 256;
  const std::uint32_t magic = wide ? kWideLabelsMagic : kLabelsMagic;
  for (const std::uint64_t number : {std::uint64_t{magic}, count}) append_big_endian(head, number);
  std::vector<std::uint8_t> body;
  for (const dnn::Label label : part.labels())
    wide ? append_big_endian(body, label) : body.push_back(static_cast<std::uint8_t>(label));
  return write_file_atomically(directory / (name + "-labels-idx1-ubyte"), head, body);
}

}  // namespace

Result<DataPair> read_idx(const fs::path& path) {
  const auto files = find_idx_set(path);
  if (!files) return files.failure();
  Result<Part> train = read_part(files->train);
  if (!train) return train.failure();
  Result<Part> test = read_part(files->test);
  if (!test) return test.failure();
  const Images &a = train->images, &b = test->images;
  if (a.rows != b.rows || a.columns != b.columns)
    return file_failure(
        test->files.images,
        "images of {}x{} pixels, but the training part has {}x{}: the parts of different sets?", b.rows,
        b.columns, a.rows, a.columns);
  const auto classes = classes_of(*train, *test);
  if (!classes) return classes.failure();
  const std::string size = fmt::format("images of {}x{} pixels", a.rows, a.columns);
  std::vector<std::string> names;
  for (const std::int64_t label : *classes) names.push_back(std::to_string(label));
  DataPair data =
      make_data_pair(to_dataset(std::move(*train), *classes), to_dataset(std::move(*test), *classes), names);
  if (Outcome shared = check_classes(data, files->test.labels.string()); !shared) return shared.failure();
  data.understood = fmt::format(
      "{}: {}; {}{}; {} for training, {} for the test", printable(path.string()), size, text_of_classes(data),
      count_from_zero(*classes) ? ""
                                : fmt::format(", numbered from 0 to {} in this order", classes->size() - 1),
      data.train.count(), data.test.count());
  return data;
}

Outcome write_idx(const fs::path& directory, const dnn::Dataset& train, const dnn::Dataset& test) {
  if (!train.holds_bytes() || !test.holds_bytes())
    return file_failure(directory,
                        "IDX holds whole numbers 0..255 only, and this data set has others: nothing written");
  std::error_code error;
  fs::create_directories(directory, error);
  if (error) return file_failure(directory, "cannot make this folder: {}", error.message());
  const Outcome written = write_part(directory, "train", train);
  return written ? write_part(directory, "t10k", test) : written;
}

}  // namespace polydot::node
