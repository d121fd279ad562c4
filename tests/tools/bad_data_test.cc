// Data files that are missing or damaged: one line that names the file and what is wrong with it; exit
// code 3.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/tools/process.h"
#include "tests/tools/tiny_digits.h"

namespace polydot::tools {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

class BadData : public testing::Test {
 protected:
  // By train, before it starts a peer, and by a peer of its own.
  void expect_refusal(const Words& parts) {
    ASSERT_EQ(run(scratch_, {"init", "--hosts", "127.0.0.1", "--dataset", "idx", "--out", scratch_ / "c.toml",
                             "--force"})
                  .exit_code,
              0);
    const Words where = {"--data", folder_};
    for (const Words& command : {Words{"train", "--dataset", "idx"},
                                 Words{"peer", "--config", scratch_ / "c.toml", "--index", "0"}}) {
      SCOPED_TRACE(command[0]);
      const Ended ended = run(scratch_, join({command, where}));
      EXPECT_EQ(ended.exit_code, 3) << ended.err;
      EXPECT_EQ(ended.out, "");
      ASSERT_EQ(lines_of(ended.err).size(), 1U) << ended.err;
      EXPECT_THAT(ended.err, StartsWith("polydot: "));
      for (const std::string& part : parts) EXPECT_THAT(ended.err, HasSubstr(part));
    }
  }
  std::string file(const std::string& name) const { return folder_ + "/" + name; }

  const Scratch scratch_;
  std::string folder_ = write_tiny_digits(scratch_);
};

constexpr const char* kImages = "train-images-idx3-ubyte";
constexpr const char* kLabels = "train-labels-idx1-ubyte";

TEST_F(BadData, AMissingFolder) {
  folder_ = scratch_ / "none";
  expect_refusal({folder_, "no such folder"});
}

TEST_F(BadData, AMissingFile) {
  std::filesystem::remove(file(kLabels));
  expect_refusal({folder_, "train-labels"});
}

TEST_F(BadData, ATruncatedFile) {
  const std::string whole = read_file(file(kImages));
  for (const std::size_t size : {whole.size() - 1, std::size_t{17}, std::size_t{9}, std::size_t{0}}) {
    SCOPED_TRACE(size);
    write_file(file(kImages), whole.substr(0, size));
    expect_refusal({kImages, "cut short"});
  }
}

TEST_F(BadData, AWrongMagicNumber) {
  write_file(file(kImages), "GIF89a, and certainly no digits");
  expect_refusal({kImages, "magic"});
  write_file(file(kImages), read_file(file(kLabels)));
  expect_refusal({kImages, "magic", "0x00000801", "0x00000803"});
}

TEST_F(BadData, PartsThatDoNotBelongTogether) {
  write_file(file(kLabels), tiny_labels(kTinyTrainCount - 1));
  expect_refusal({kLabels, "319", "320"});
}

}  // namespace
}  // namespace polydot::tools
