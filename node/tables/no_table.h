// What is given for a table now and then, and is another format: said by name, instead of as a damaged table.
#pragma once

#include <filesystem>
#include <string_view>

#include "codes/base/result.h"

namespace polydot::node {

// head: the first bytes of the file. Failure: kData, with what to do.
Outcome check_bytes_of_table(const std::filesystem::path& path, std::string_view head);
// The same of its first bytes as UTF-8.
Outcome check_text_of_table(const std::filesystem::path& path, std::string_view head);

}  // namespace polydot::node
