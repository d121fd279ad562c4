// A folder of its own for a test that needs files, removed when the test ends.
#pragma once

#include <gtest/gtest.h>
#include <zlib.h>

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <initializer_list>
#include <iterator>
#include <string>
#include <string_view>

#include "codes/base/result.h"
#include "tests/expect_failure.h"

namespace polydot::node {

class ScratchFolder {
 public:
  ScratchFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "polydot-test-XXXXXX").string();
    POLYDOT_CHECK(mkdtemp(name.data()) != nullptr);
    path_ = name;
  }
  ~ScratchFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path operator/(std::string_view name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

inline void write_text(const std::filesystem::path& path, std::string_view bytes) {
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  out.close();
  POLYDOT_CHECK(!out.fail());
}

inline std::string read_text(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  POLYDOT_CHECK(in.good());
  return {std::istreambuf_iterator<char>(in), {}};
}

inline void write_gzip(const std::filesystem::path& path, std::string_view bytes) {
  gzFile out = gzopen(path.c_str(), "wb1");
  POLYDOT_CHECK(out != nullptr);
  POLYDOT_CHECK_EQ(gzwrite(out, bytes.data(), static_cast<unsigned>(bytes.size())),
                   static_cast<int>(bytes.size()));
  POLYDOT_CHECK_EQ(gzclose(out), Z_OK);
}

template <typename T>
void expect_data_failure(const Result<T>& result, std::initializer_list<std::string_view> parts) {
  expect_failure(result, FailureKind::kData, parts);
}

}  // namespace polydot::node
