// A configuration in the making: defaults, then a file, then flags, each on top of the one before.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "codes/base/result.h"
#include "node/config/config_schema.h"

namespace polydot::node {

enum class Origin { kDefault, kFile, kFlag };  // in the order of precedence

struct ConfigDraft {
  Config config;
  std::map<std::string, Origin> origins;  // by path; what is absent has its default

  Origin origin(const std::string& path) const {
    const auto found = origins.find(path);
    return found == origins.end() ? Origin::kDefault : found->second;
  }
};

// Failure: kUsage, as set_from_text.
Outcome set_flag(const Field& field, const std::vector<std::string>& texts, ConfigDraft& draft);

// The configuration with what follows from what was set:
//   peers   for the uncoded code: m n, when the code was chosen later than the number of peers (by a flag
//   over a
//           file, or by a file over the default); else the number of endpoints, when only these were given
//   margin  at most what the code leaves, when it was not set
//   steps   0 when a flag sets the epochs over a file's steps
// Not validated: see validate. Failure: kUsage when flags set both epochs and steps.
Result<Config> settle(const ConfigDraft& draft);

}  // namespace polydot::node
