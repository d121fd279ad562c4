#include "tools/run_marker.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <span>

#include "node/checkpoints/checkpoint_file.h"
#include "node/files/disk.h"
#include "node/files/folder_disk.h"
#include "node/files/run_layout.h"
#include "node/text/json_text.h"

namespace polydot::tools {

namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr const char* kFormat = "polydot run 1";
const char* const kMarkerName = node::kMarkerFile + 1;

bool is_peer_folder(const std::string& name) { return name.starts_with("peer-"); }

// A name in the folder itself, and one that polydot gives: a list that was tampered with removes nothing
// else.
bool is_made_by_polydot(const std::string& name) {
  const bool file = std::any_of(node::kRunFiles.begin(), node::kRunFiles.end(),
                                [&](const char* one) { return name == one + 1; });
  int index = -1;
  const char* const digits = name.data() + std::min<std::size_t>(5, name.size());
  const auto [end, error] = std::from_chars(digits, name.data() + name.size(), index);
  const bool whole = error == std::errc() && end == name.data() + name.size() && index >= 0;
  return file || (is_peer_folder(name) && whole && node::peer_folder("", index).substr(1) == name);
}

std::string without_ending(std::string name) {
  const std::string ending = node::kPartialEnding;
  if (name.ends_with(ending)) name.resize(name.size() - ending.size());
  return name;
}

bool is_peer_file(const std::string& name) {
  const std::string whole = without_ending(name);
  return std::any_of(node::kPeerFiles.begin(), node::kPeerFiles.end(),
                     [&](const char* one) { return whole == one + 1; });
}

bool is_checkpoint(const std::string& name) {
  return node::parse_checkpoint_name(without_ending(name)).has_value();
}

// The names in a folder; none if it is not there, or no folder.
std::vector<std::string> names_in(const fs::path& folder) {
  std::vector<std::string> names;
  std::error_code error;
  if (!fs::is_directory(fs::symlink_status(folder, error))) return names;
  for (const auto& entry : fs::directory_iterator(folder, error))
    names.push_back(entry.path().filename().string());
  return names;
}

Outcome remove_one(const fs::path& path) {
  std::error_code error;
  fs::remove(path, error);
  if (!error) return Unit{};
  return data_failure(path.string() + " cannot be removed: " + error.message());
}

// The folder too, if nothing is left in it.
Outcome remove_files(const fs::path& folder, bool (*is_ours)(const std::string&)) {
  std::error_code ignored;
  for (const std::string& name : names_in(folder))
    if (is_ours(name) && !fs::is_directory(fs::symlink_status(folder / name, ignored)))
      if (Outcome removed = remove_one(folder / name); !removed) return removed;
  std::error_code not_empty;
  if (fs::is_directory(fs::symlink_status(folder, not_empty))) fs::remove(folder, not_empty);
  return Unit{};
}

Outcome remove_peer_folder(const fs::path& folder) {
  const fs::path checkpoints = folder / (node::kCheckpointsFolder + 1);
  if (Outcome removed = remove_files(checkpoints, is_checkpoint); !removed) return removed;
  return remove_files(folder, is_peer_file);
}

}  // namespace

RunMarker::RunMarker(int peers, bool temporary) : temporary_(temporary) {
  for (const char* file : node::kRunFiles) made_.emplace_back(file + 1);
  for (int p = 0; p < peers; ++p) made_.push_back(node::peer_folder("", p).substr(1));
}

Result<std::optional<RunMarker>> RunMarker::read(const std::string& run) {
  const std::string path = run + node::kMarkerFile;
  std::error_code error;
  if (!fs::exists(fs::symlink_status(path, error))) return std::optional<RunMarker>();
  // Who made it is not known yet: it may be no file, or without end.
  constexpr std::uint64_t kMostBytes = std::uint64_t{1} << 20;
  const node::FolderDisk disk(run);
  const auto size = disk.size(kMarkerName);
  std::string text(size && *size <= kMostBytes ? *size : 0, '\0');
  if (!disk.read(kMarkerName, 0, std::as_writable_bytes(std::span(text)))) text.clear();
  const json list = node::parse_bounded_json(text).value_or(json());
  const auto damaged = [&] {
    return usage_failure(path +
                         " is damaged, so that nobody knows what is polydot's there: choose another --out");
  };
  if (!list.is_object() || list.value("format", json()) != kFormat || !list.contains("made") ||
      !list.at("made").is_array())
    return damaged();
  RunMarker marker;
  for (const json& name : list.at("made")) {
    if (!name.is_string() || !is_made_by_polydot(name.get<std::string>())) return damaged();
    marker.made_.push_back(name.get<std::string>());
  }
  marker.temporary_ = list.value("temporary", json()) == true;
  return std::optional<RunMarker>(std::move(marker));
}

Outcome RunMarker::write(const std::string& run) const {
  json list = {{"format", kFormat},
               {"about", "polydot made these here, and replaces nothing else (train --force)"},
               {"made", made_}};
  if (temporary_) list["temporary"] = true;
  const std::string text = node::to_text(list, 1) + "\n";
  node::FolderDisk disk(run);
  return node::write_whole(disk, node::kMarkerFile + 1, {std::as_bytes(std::span(text))});
}

Outcome RunMarker::remove_all(const std::string& run) const {
  const fs::path folder(run);
  for (const std::string& name : made_) {
    const Outcome removed =
        is_peer_folder(name) ? remove_peer_folder(folder / name) : remove_one(folder / name);
    if (!removed) return removed;
  }
  return remove_one(folder / (node::kMarkerFile + 1));
}

std::optional<std::string> RunMarker::find_taken(const std::string& run, const RunMarker* earlier) const {
  const fs::path folder(run);
  std::error_code error;
  for (const std::string& name : made_) {
    const fs::path path = folder / name;
    const fs::file_status status = fs::symlink_status(path, error);
    if (!fs::exists(status)) continue;
    const bool listed = earlier != nullptr &&
                        std::find(earlier->made_.begin(), earlier->made_.end(), name) != earlier->made_.end();
    if (!is_peer_folder(name)) {
      if (!listed || !fs::is_regular_file(status)) return path.string();
      continue;
    }
    const fs::path checkpoints = path / (node::kCheckpointsFolder + 1);
    const fs::file_status inner = fs::symlink_status(checkpoints, error);
    if (!fs::is_directory(status)) return path.string();
    if (fs::exists(inner) && !fs::is_directory(inner)) return checkpoints.string();
    if (listed) continue;
    for (const std::string& inside : names_in(path))
      if (is_peer_file(inside)) return (path / inside).string();
    for (const std::string& inside : names_in(checkpoints))
      if (is_checkpoint(inside)) return (checkpoints / inside).string();
  }
  return std::nullopt;
}

std::vector<std::string> RunMarker::peer_folders(const std::string& run) const {
  std::vector<std::string> folders;
  for (const std::string& name : made_)
    if (is_peer_folder(name)) folders.push_back(run + "/" + name);
  return folders;
}

bool RunMarker::has_begun(const std::string& run) const {
  const std::vector<std::string> folders = peer_folders(run);
  return std::any_of(folders.begin(), folders.end(), [](const std::string& folder) {
    const std::vector<std::string> names = names_in(folder),
                                   kept = names_in(folder + node::kCheckpointsFolder);
    return std::find(names.begin(), names.end(), node::kBallotFile) != names.end() ||
           std::any_of(kept.begin(), kept.end(), is_checkpoint);
  });
}

}  // namespace polydot::tools
