// The configuration as a TOML file. Reading what was written gives an equal Config: a run's config.toml runs
// again as it was. A file may hold as few keys as it likes; the rest keeps its value.
//
// Failures are of kind kUsage and begin with FILE:LINE where there is one; an unknown key names the nearest
// right one.
#pragma once

#include <string>
#include <string_view>

#include "codes/base/result.h"
#include "node/config/config_draft.h"

namespace polydot::node {

// Sets what the file sets, and notes where it came from. On failure the draft is half set and of no use.
Outcome read_toml(std::string_view text, const std::string& file_name, ConfigDraft& draft);
Outcome read_config_file(const std::string& path, ConfigDraft& draft);
// Defaults under the file, settled and validated.
Result<Config> load_config(const std::string& path);

// Every value, each with its meaning as a comment.
std::string to_toml(const Config& config);

enum class Existing { kKeep, kReplace };
// Writes the whole file or nothing (a temporary file beside it, fsync, rename). Failure: kUsage if it cannot
// be written, or if it exists and is to be kept.
Outcome save_config(const Config& config, const std::string& path, Existing existing);

}  // namespace polydot::node
