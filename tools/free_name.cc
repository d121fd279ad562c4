#include "tools/free_name.h"

#include <algorithm>
#include <filesystem>

#include "node/files/run_layout.h"

namespace polydot::tools {
namespace {

namespace fs = std::filesystem;

bool is_file(const fs::path& folder, const char* name) {
  std::error_code error;
  return fs::exists(folder.string() + name, error);
}

// Of the folder of a run the files that polydot makes; of a peer's, where its vote and its lock are, all.
bool belongs_to_a_run(const fs::path& file) {
  const fs::path folder = file.parent_path();
  const std::string name = "/" + file.filename().string();
  const bool of_run = name == node::kMarkerFile || std::any_of(node::kRunFiles.begin(), node::kRunFiles.end(),
                                                               [&](const char* one) { return name == one; });
  if (of_run && (is_file(folder, node::kMarkerFile) || is_file(folder, "/peer-00"))) return true;
  for (fs::path above = folder; above.has_relative_path(); above = above.parent_path())
    if (is_file(above, node::kLockFile) && is_file(above, "/ballot.json")) return true;
  return false;
}

}  // namespace

Outcome check_free(const std::string& path, bool force, const std::string& flag,
                   const std::vector<std::string>& read) {
  std::error_code error;
  const auto there = fs::symlink_status(path, error).type();
  const bool replaced =
      there == fs::file_type::regular || there == fs::file_type::symlink || there == fs::file_type::directory;
  if (!replaced) return Unit{};
  const fs::path real = fs::weakly_canonical(path, error);
  if (belongs_to_a_run(real) || belongs_to_a_run(fs::absolute(path, error)))
    return usage_failure(path + " is a file of a run: choose another " + flag);
  for (const std::string& one : read)
    if (!one.empty() && fs::equivalent(path, one, error))
      return usage_failure(path + " is read by this command: choose another " + flag);
  if (force) return Unit{};
  return usage_failure(path + " exists: choose another " + flag + ", or --force to replace it");
}

}  // namespace polydot::tools
