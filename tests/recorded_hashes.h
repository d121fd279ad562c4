// Hashes of runs, kept in the tree: a reproducible build (POLYDOT_REPRODUCIBLE) computes the same bits on
// every x86-64 with AVX2, and this is how it shows. Any other build rounds in its own way, and skips such
// tests.
//
// A file has a line "name hash" for each run. POLYDOT_RECORD=1 in the environment rewrites the lines of the
// tests that run; the change is reviewed as text.
#pragma once

#include <gtest/gtest.h>

#include <cinttypes>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <map>
#include <string>

namespace polydot::testing {

#ifdef POLYDOT_REPRODUCIBLE
inline constexpr bool kReproducible = true;
#else
inline constexpr bool kReproducible = false;
#endif

#define POLYDOT_SKIP_UNLESS_REPRODUCIBLE() \
  if (!::polydot::testing::kReproducible)  \
  GTEST_SKIP() << "rounding follows the processor in this build; see POLYDOT_REPRODUCIBLE in CMakeLists.txt"

class RecordedHashes {
 public:
  // file: relative to the root of the sources.
  explicit RecordedHashes(const std::string& file) : path_(std::string(POLYDOT_SOURCE_DIR) + "/" + file) {
    std::ifstream in(path_);
    for (std::string name, hash; in >> name >> hash;) hashes_[name] = hash;
  }
  ~RecordedHashes() {
    if (!changed_) return;
    std::ofstream out(path_);
    for (const auto& [name, hash] : hashes_) out << name << " " << hash << "\n";
  }

  void expect(const std::string& name, std::uint64_t hash) {
    char text[17];
    std::snprintf(text, sizeof text, "%016" PRIx64, hash);
    if (std::getenv("POLYDOT_RECORD") != nullptr) {
      hashes_[name] = text;
      changed_ = true;
      return;
    }
    EXPECT_EQ(hashes_[name], text)
        << name << " in " << path_
        << ": not the bits that were recorded. If numbers, messages or scenarios were "
           "changed on purpose, record anew with POLYDOT_RECORD=1";
  }

 private:
  std::string path_;
  std::map<std::string, std::string> hashes_;
  bool changed_ = false;
};

}  // namespace polydot::testing
