#include "node/idx_file.h"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <cstdint>
#include <span>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "node/data_files.h"

namespace polydot::node {
namespace {

namespace fs = std::filesystem;

constexpr std::uint32_t kImagesMagic = 0x803;
constexpr std::uint32_t kLabelsMagic = 0x801;

struct Images {
  std::uint32_t count = 0;
  std::uint32_t rows = 0;
  std::uint32_t columns = 0;
  std::vector<std::uint8_t> pixels;
};

struct Part {
  fs::path images_path;
  Images images;
  std::vector<std::uint8_t> labels;
};

// Reads the magic number and `numbers` more from the head of the file.
Outcome read_header(DataFile& file, std::uint32_t magic, const char* content,
                    std::span<std::uint32_t> numbers) {
  std::array<std::uint8_t, 16> bytes{};
  const std::size_t size = 4 * (1 + numbers.size());
  const Result<std::size_t> got = file.read(std::span(bytes).first(size));
  if (!got) return got.failure();
  const auto number_at = [&bytes](std::size_t at) {
    return std::uint32_t{bytes[at]} << 24 | std::uint32_t{bytes[at + 1]} << 16 |
           std::uint32_t{bytes[at + 2]} << 8 | std::uint32_t{bytes[at + 3]};
  };
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
  if (const Outcome read = read_header(*file, kImagesMagic, "images", header); !read) return read.failure();
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

Result<std::vector<std::uint8_t>> read_labels(const fs::path& path, dnn::Index classes) {
  Result<DataFile> file = DataFile::open(path);
  if (!file) return file.failure();
  std::array<std::uint32_t, 1> count{};
  if (const Outcome read = read_header(*file, kLabelsMagic, "labels", count); !read) return read.failure();
  Result<std::vector<std::uint8_t>> labels =
      read_body(*file, 8, count[0], fmt::format("{} labels", count[0]));
  if (!labels) return labels.failure();
  for (std::size_t i = 0; i < labels->size(); ++i) {
    if ((*labels)[i] >= classes)
      return file_failure(
          path, "label {} of sample {} (from 0) is out of range 0..{}: damaged, or not a set of {} classes",
          (*labels)[i], i, classes - 1, classes);
  }
  return labels;
}

// `name`: "train" or "t10k"; `content`: "images" or "labels".
Result<fs::path> find_idx(const fs::path& directory, const std::string& name, const std::string& content) {
  const char* const kind = content == "images" ? "idx3-ubyte" : "idx1-ubyte";
  std::vector<std::string> names;
  for (const char* const joint : {"-", "."}) {
    for (const char* const ending : {"", ".gz"})
      names.push_back(name + "-" + content + joint + kind + ending);
  }
  return find_file(directory, names);
}

Result<Part> read_part(const fs::path& directory, const std::string& name, dnn::Index classes) {
  const Result<fs::path> images_path = find_idx(directory, name, "images");
  if (!images_path) return images_path.failure();
  const Result<fs::path> labels_path = find_idx(directory, name, "labels");
  if (!labels_path) return labels_path.failure();
  Result<Images> images = read_images(*images_path);
  if (!images) return images.failure();
  Result<std::vector<std::uint8_t>> labels = read_labels(*labels_path, classes);
  if (!labels) return labels.failure();
  if (labels->size() != images->count)
    return file_failure(*labels_path, "{} labels for the {} images of {}: fetch both again", labels->size(),
                        images->count, images_path->filename().string());
  return Part{*images_path, std::move(*images), std::move(*labels)};
}

dnn::Dataset to_dataset(Part part, dnn::Index classes) {
  const dnn::Index features = dnn::Index{part.images.rows} * part.images.columns;
  return dnn::Dataset::from_bytes(std::move(part.images.pixels), features, std::move(part.labels), classes);
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
  for (const std::uint64_t number : {std::uint64_t{kLabelsMagic}, count}) append_big_endian(head, number);
  return write_file_atomically(directory / (name + "-labels-idx1-ubyte"), head, part.labels());
}

}  // namespace

Result<DataPair> read_idx(const fs::path& directory, dnn::Index classes) {
  Result<Part> train = read_part(directory, "train", classes);
  if (!train) return train.failure();
  Result<Part> test = read_part(directory, "t10k", classes);
  if (!test) return test.failure();
  const Images& a = train->images;
  const Images& b = test->images;
  if (a.rows != b.rows || a.columns != b.columns)
    return file_failure(
        test->images_path,
        "images of {}x{} pixels, but the training part has {}x{}: the parts of different sets?", b.rows,
        b.columns, a.rows, a.columns);
  return make_data_pair(to_dataset(std::move(*train), classes), to_dataset(std::move(*test), classes));
}

Outcome write_idx(const fs::path& directory, const dnn::Dataset& train, const dnn::Dataset& test) {
  if (!train.holds_bytes() || !test.holds_bytes())
    return file_failure(directory,
                        "IDX holds whole numbers 0..255 only, and this data set has others: nothing written");
  if (train.classes() > kIdxClasses)
    return file_failure(directory, "IDX sets are read with {} classes, and this one has {}: nothing written",
                        kIdxClasses, train.classes());
  std::error_code error;
  fs::create_directories(directory, error);
  if (error) return file_failure(directory, "cannot make this folder: {}", error.message());
  const Outcome written = write_part(directory, "train", train);
  return written ? write_part(directory, "t10k", test) : written;
}

}  // namespace polydot::node
