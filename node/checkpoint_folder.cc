#include "node/checkpoint_folder.h"

#include <algorithm>
#include <charconv>
#include <string_view>
#include <system_error>
#include <tuple>

#include "node/data_files.h"

namespace polydot::node {
namespace {

namespace fs = std::filesystem;

template <typename Number>
bool take_number(std::string_view& text, Number& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return error == std::errc{};
}

std::optional<CheckpointFile> parse_name(const fs::path& path) {
  const std::string name = path.filename().string();
  std::string_view rest = name;
  if (!rest.starts_with("checkpoint-")) return std::nullopt;
  rest.remove_prefix(std::string_view("checkpoint-").size());
  CheckpointFile file{path};
  if (!take_number(rest, file.epoch) || !rest.starts_with('-')) return std::nullopt;
  rest.remove_prefix(1);
  if (!take_number(rest, file.boundary) || rest != ".pdck") return std::nullopt;
  return file;
}

void remove_torn(const fs::path& folder) {
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error))
    if (entry.path().filename().string().find(".pdck.partial-") != std::string::npos)
      fs::remove(entry.path(), error);
}

}  // namespace

std::vector<CheckpointFile> list(const fs::path& folder) {
  std::vector<CheckpointFile> files;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error))
    if (auto file = parse_name(entry.path())) files.push_back(std::move(*file));
  std::sort(files.begin(), files.end(), [](const CheckpointFile& a, const CheckpointFile& b) {
    return std::tie(a.epoch, a.boundary) > std::tie(b.epoch, b.boundary);
  });
  return files;
}

std::optional<CheckpointFile> newest(const fs::path& folder) {
  for (CheckpointFile& file : list(folder))
    if (read_checkpoint_header(file.path)) return std::move(file);
  return std::nullopt;
}

void prune(const fs::path& folder, std::size_t keep) {
  std::error_code error;
  std::size_t complete = 0;
  for (const CheckpointFile& file : list(folder)) {
    if (complete >= keep)
      fs::remove(file.path, error);
    else
      complete += read_checkpoint_header(file.path).ok();
  }
  remove_torn(folder);
}

Outcome start_over(const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (!fs::is_directory(folder))
    return file_failure(folder, "cannot be made: check that its parent is a folder and writable");
  for (const CheckpointFile& file : list(folder)) {
    fs::remove(file.path, error);
    if (error) return file_failure(file.path, "of an earlier run cannot be removed: {}", error.message());
  }
  remove_torn(folder);
  return Unit{};
}

}  // namespace polydot::node
