// Reads the JSON-lines files that peers write.
#pragma once

#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

namespace polydot::node {

// Calls visit for each line; a missing file has none, a torn last line is skipped.
template <typename Visit>
void for_each_line(const std::string& path, Visit visit) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);)
    if (const nlohmann::json value = nlohmann::json::parse(line, nullptr, false); !value.is_discarded())
      visit(value);
}

}  // namespace polydot::node
