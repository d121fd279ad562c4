#include "node/model/safetensors.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>

#include <fmt/format.h>

#include "node/files/data_files.h"
#include "node/text/json_text.h"

namespace polydot::node {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

static_assert(std::endian::native == std::endian::little);

constexpr std::uint64_t kMaxHeaderBytes = 100'000'000;
// What a model's header may have: names and places of its tensors, and two numbers for each input, which has
// a weight at least. More is not read: a small file can ask for much memory.
constexpr std::uint64_t kPlainHeaderBytes = std::uint64_t{1} << 20, kHeaderBytesOfDataByte = 16;
constexpr JsonBounds kBounds{3, 100'000};
constexpr std::size_t kLengthBytes = 8, kAlignment = 8;
constexpr std::size_t kMaxDimensions = 16;

// Where one tensor lies in the data.
struct Extent {
  std::string name;
  std::vector<std::uint64_t> shape;
  std::uint64_t begin = 0, end = 0;
};

// The number of elements, if it is at most `most`.
std::optional<std::uint64_t> element_count(const std::vector<std::uint64_t>& shape, std::uint64_t most) {
  std::uint64_t count = 1;
  if (std::find(shape.begin(), shape.end(), 0U) != shape.end()) return 0;
  for (const std::uint64_t side : shape) {
    if (side > most / count) return std::nullopt;
    count *= side;
  }
  return count;
}

bool is_list_of_counts(const json& value, std::size_t most) {
  return value.is_array() && value.size() <= most &&
         std::all_of(value.begin(), value.end(),
                     [](const json& entry) { return entry.is_number_unsigned(); });
}

// What the header says of one tensor, held against the size of the data; else what is wrong.
Result<Extent> extent_of(const std::string& name, const json& entry, std::uint64_t data_bytes) {
  const auto bad = [&](const char* what) { return data_failure("tensor " + name + ": " + what); };
  if (!entry.is_object() || !entry.contains("dtype") || !entry.contains("shape") ||
      !entry.contains("data_offsets"))
    return bad("needs dtype, shape and data_offsets");
  if (entry["dtype"] != "F32") return bad("must be of dtype F32");
  const json &shape = entry["shape"], &offsets = entry["data_offsets"];
  if (!is_list_of_counts(shape, kMaxDimensions) || !is_list_of_counts(offsets, 2) || offsets.size() != 2)
    return bad("shape and data_offsets must be lists of whole numbers");
  Extent extent{name, shape.get<std::vector<std::uint64_t>>(), offsets[0], offsets[1]};
  const auto count = element_count(extent.shape, data_bytes / sizeof(float));
  if (!count || extent.end > data_bytes || extent.begin > extent.end ||
      extent.end - extent.begin != *count * sizeof(float))
    return bad("its shape and its place in the file do not fit");
  return extent;
}

struct Header {
  std::map<std::string, std::string> metadata;
  std::vector<Extent> extents;  // by place
};

Result<Header> parse_header(const std::string& text, std::uint64_t data_bytes) {
  const json all = parse_bounded_json(text, kBounds).value_or(nullptr);
  if (!all.is_object())
    return data_failure(fmt::format(
        "the header is no JSON object, or has lists in lists or more than {} values", kBounds.values));
  Header header;
  for (const auto& [name, entry] : all.items()) {
    if (name == "__metadata__") {
      if (!entry.is_object()) return data_failure("__metadata__ must be an object of texts");
      for (const auto& [key, value] : entry.items()) {
        if (!value.is_string()) return data_failure("__metadata__ must be an object of texts");
        header.metadata[key] = value;
      }
      continue;
    }
    auto extent = extent_of(name, entry, data_bytes);
    if (!extent) return extent.failure();
    header.extents.push_back(*std::move(extent));
  }
  std::sort(header.extents.begin(), header.extents.end(), [](const Extent& a, const Extent& b) {
    return std::tie(a.begin, a.end) < std::tie(b.begin, b.end);
  });
  std::uint64_t at = 0;
  for (const Extent& extent : header.extents) {
    if (extent.begin != at) return data_failure("tensor " + extent.name + ": the data overlap or have gaps");
    at = extent.end;
  }
  if (at != data_bytes) return data_failure("there are more data than tensors");
  return header;
}

}  // namespace

Outcome write_safetensors(const fs::path& path, const SafeTensors& contents) {
  nlohmann::ordered_json header;
  if (!contents.metadata.empty()) header["__metadata__"] = contents.metadata;
  std::vector<std::uint8_t> body;
  for (const auto& [name, tensor] : contents.tensors) {
    const std::uint64_t begin = body.size(), bytes = tensor.values.size() * sizeof(float);
    const auto count = element_count(tensor.shape, tensor.values.size());
    POLYDOT_CHECK(count && *count == tensor.values.size());
    body.resize(begin + bytes);
    if (bytes > 0) std::memcpy(body.data() + begin, tensor.values.data(), bytes);
    header[name] = {{"dtype", "F32"}, {"shape", tensor.shape}, {"data_offsets", {begin, begin + bytes}}};
  }
  std::string text = header.is_null() ? "{}" : to_text(header);
  text.resize((text.size() + kAlignment - 1) / kAlignment * kAlignment, ' ');
  if (text.size() > kMaxHeaderBytes)
    return file_failure(path, "cannot be written: its header would have more than 100 MB");
  std::vector<std::uint8_t> head(kLengthBytes + text.size());
  const std::uint64_t length = text.size();
  std::memcpy(head.data(), &length, kLengthBytes);
  std::memcpy(head.data() + kLengthBytes, text.data(), text.size());
  return write_file_atomically(path, head, body);
}

Result<SafeTensors> read_safetensors(const fs::path& path) {
  std::error_code error;
  if (!fs::is_regular_file(path, error)) return file_failure(path, "no such file: check the path");
  const std::uint64_t size = fs::file_size(path, error);
  std::ifstream file(path, std::ios::binary);
  if (error || !file) return file_failure(path, "cannot be read: check the permissions");
  std::uint64_t length = 0;
  if (!file.read(reinterpret_cast<char*>(&length), kLengthBytes) || length > size - kLengthBytes ||
      length > kMaxHeaderBytes)
    return file_failure(path, "is no safetensors file, or cut short");
  if (const std::uint64_t data = size - kLengthBytes - length;
      length > kPlainHeaderBytes && length - kPlainHeaderBytes > kHeaderBytesOfDataByte * data)
    return file_failure(path, "is no model: a header of {} bytes for {} bytes of data", length, data);
  std::string text(length, '\0');
  if (!file.read(text.data(), static_cast<std::streamsize>(length)))
    return file_failure(path, "cannot be read: check the permissions");
  const auto header = parse_header(text, size - kLengthBytes - length);
  if (!header) return file_failure(path, "is no safetensors file: {}", header.failure().message);
  SafeTensors contents{header->metadata, {}};
  for (const Extent& extent : header->extents) {
    Tensor tensor{extent.shape, std::vector<float>((extent.end - extent.begin) / sizeof(float))};
    if (!file.read(reinterpret_cast<char*>(tensor.values.data()),
                   static_cast<std::streamsize>(extent.end - extent.begin)))
      return file_failure(path, "cannot be read to its end");
    contents.tensors[extent.name] = std::move(tensor);
  }
  return contents;
}

}  // namespace polydot::node
