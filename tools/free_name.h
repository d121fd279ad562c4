// Nothing of the user's is replaced unasked, and nothing that a run needs at all.
#pragma once

#include <string>
#include <vector>

#include "codes/base/result.h"

namespace polydot::tools {

// Where a command may write. flag: which names the path. read: files that the command reads. Failure: kUsage,
// something is there and `force` does not allow to replace it; or it is one of those read, or a file of a
// run: in its folder by name, in the folder of a peer any. Devices and pipes are written to, not replaced.
Outcome check_free(const std::string& path, bool force, const std::string& flag = "--out",
                   const std::vector<std::string>& read = {});

}  // namespace polydot::tools
