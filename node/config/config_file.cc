// Writing a configuration: the text, and the file that is there whole or not at all.
#include <unistd.h>
#include <cerrno>
#include <cstring>

#include <fmt/format.h>

#include "node/config/config_toml.h"
#include "node/config/config_values.h"
#include "node/files/folder_disk.h"

namespace polydot::node {
namespace {

// One entry a line, each with its index, so that a peer's endpoint can be found by eye.
std::string listed(const std::vector<std::string>& words, const std::string& inline_list) {
  if (words.size() < 2) return inline_list;
  Config one;
  std::string text = "[\n";
  for (std::size_t i = 0; i < words.size(); ++i) {
    one.local.out = words[i];
    text += fmt::format("  {},  # {}\n", toml_value(field_at("local.out"), one), i);
  }
  return text + "]";
}

}  // namespace

std::string to_toml(const Config& config) {
  std::string text = "# polydot. [shared] must be equal at all peers; [local] is each process's own.\n";
  std::string_view table;
  for (const Field& field : fields()) {
    if (field.table != table) text += fmt::format("\n[{}]\n", table = field.table);
    std::string value = toml_value(field, config);
    Config copy = config;
    const Slot slot = field.slot(copy);
    if (const auto* words = std::get_if<std::vector<std::string>*>(&slot)) value = listed(**words, value);
    text += fmt::format("{} = {}  # {}\n", field.key, value, field.help);
  }
  return text;
}

Outcome save_config(const Config& config, const std::string& path, Existing existing) {
  const std::filesystem::path file(path);
  const std::string temporary = fmt::format("{}.{}.tmp", file.filename().string(), ::getpid());
  FolderDisk disk(file.parent_path());
  const std::string text = to_toml(config);
  Outcome done = disk.write(temporary, {std::as_bytes(std::span(text))});
  if (done) done = disk.sync(temporary);
  if (done && existing == Existing::kReplace) done = disk.rename(temporary, file.filename().string());
  if (!done) {
    disk.remove(temporary);
    return usage_failure(done.failure().message);
  }
  if (existing == Existing::kReplace) return Unit{};
  // link, unlike rename, refuses an existing name, without a moment in between.
  const int error = ::link(disk.describe(temporary).c_str(), path.c_str()) == 0 ? 0 : errno;
  disk.remove(temporary);
  if (error == EEXIST)
    return usage_failure(fmt::format("{} exists: choose another name, or --force to replace it", path));
  if (error != 0) return usage_failure(fmt::format("{} cannot be written: {}", path, std::strerror(error)));
  return Unit{};
}

}  // namespace polydot::node
