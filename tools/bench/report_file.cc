#include "tools/bench/report_file.h"

#include <filesystem>
#include <fstream>

namespace polydot::bench {

Outcome write_report(const std::string& folder, const std::string& name, const std::string& text) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  const std::string path = (std::filesystem::path(folder) / name).string();
  std::ofstream file(path, std::ios::binary);
  file << text;
  file.close();
  if (!file) return data_failure(path + ": cannot be written");
  return Unit{};
}

}  // namespace polydot::bench
