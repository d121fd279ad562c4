#include "node/record_file.h"

#include <algorithm>
#include <filesystem>
#include <system_error>

namespace polydot::node {

namespace {

// Bytes up to the end of the last whole line.
std::uintmax_t whole_lines(const std::string& path) {
  std::error_code error;
  const std::uintmax_t size = std::filesystem::file_size(path, error);
  std::ifstream file(path, std::ios::binary);
  if (error || !file) return 0;
  constexpr std::uintmax_t kPart = 4096;
  for (std::uintmax_t end = size; end > 0;) {
    std::string part(std::min(end, kPart), '\0');
    file.seekg(static_cast<std::streamoff>(end - part.size()));
    if (!file.read(part.data(), static_cast<std::streamsize>(part.size()))) return 0;
    end -= part.size();
    if (const std::size_t at = part.rfind('\n'); at != std::string::npos) return end + at + 1;
  }
  return 0;
}

}  // namespace

Outcome open_record(std::ofstream& file, const std::string& path, Records records,
                    const std::string& heading) {
  std::error_code error;
  const bool is_there = std::filesystem::is_regular_file(path, error);
  error.clear();  // it may not be there yet
  if (is_there && records == Records::kGoOn) std::filesystem::resize_file(path, whole_lines(path), error);
  file.open(path, records == Records::kGoOn ? std::ios::app : std::ios::trunc);
  if (!file || error)
    return data_failure("cannot write " + path + "; check that the folder exists and is writable");
  if (!heading.empty() && std::filesystem::file_size(path, error) == 0) file << heading << '\n' << std::flush;
  return Unit{};
}

}  // namespace polydot::node
