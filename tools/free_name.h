// Nothing of the user's is replaced unasked.
#pragma once

#include <filesystem>
#include <string>

#include "codes/result.h"

namespace polydot::tools {

// Failure: kUsage, something is there and `force` does not allow to replace it. Devices and pipes are written
// to, not replaced. flag: which names the path.
inline Outcome check_free(const std::string& path, bool force, const std::string& flag = "--out") {
  std::error_code error;
  const auto there = std::filesystem::symlink_status(path, error).type();
  using std::filesystem::file_type;
  const bool replaced =
      there == file_type::regular || there == file_type::symlink || there == file_type::directory;
  if (force || !replaced) return Unit{};
  return usage_failure(path + " exists: choose another " + flag + ", or --force to replace it");
}

}  // namespace polydot::tools
