// Nothing of the user's is replaced unasked.
#pragma once

#include <filesystem>
#include <string>

#include "codes/result.h"

namespace polydot::tools {

// Failure: kUsage, something is there and `force` does not allow to replace it.
inline Outcome check_free(const std::string& path, bool force) {
  std::error_code error;
  if (force || !std::filesystem::exists(std::filesystem::symlink_status(path, error))) return Unit{};
  return usage_failure(path + " exists: choose another --out, or --force to replace it");
}

}  // namespace polydot::tools
