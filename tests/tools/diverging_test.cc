// Runs whose numbers are extreme end as what they are: trained, or diverged with the step. By whole
// processes, with the network that users have by default.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/tools/process.h"

namespace polydot::tools {
namespace {

using testing::HasSubstr;

constexpr int kDone = 0, kNotReached = 1;

TEST(Diverging, ALearningRateThatIsFarTooLargeIsNamedWithTheStep) {
  const Scratch scratch;
  for (const Words& code : {Words{}, Words{"--code", "mds", "--grid", "2x2"},
                            Words{"--code", "replication", "--grid", "2x1"}, Words{"--loss", "mse"}}) {
    const Ended ended = run(scratch, join({{"train", "--lr", "10", "--steps", "40", "--quiet"}, code}));
    EXPECT_EQ(ended.exit_code, kNotReached) << ended.err;
    EXPECT_THAT(ended.err, HasSubstr("training has diverged at step")) << (code.empty() ? "" : code[1]);
  }
}

// 600 samples of two classes in turns, 6 features; the loud ones are as far above 0.5 as below: it is the
// mean.
std::string write_samples(const Scratch& scratch, const std::string& name, bool constant) {
  std::string csv;
  for (int i = 0; i < 600; ++i) {
    csv += std::to_string(i % 2);
    for (int k = 0; k < 6; ++k) {
      const double loud = constant || i % 15 != 0 ? 0.0 : 1.0 + (i / 30 + k) % 5;
      csv += "," + std::to_string(0.5 + (i % 2 == 0 ? -loud : loud));
    }
    csv += "\n";
  }
  write_file(scratch / name, csv);
  return scratch / name;
}

TEST(Diverging, FeaturesThatSayNothingAreTrainedAllTheSame) {
  const Scratch scratch;
  const std::string constant = write_samples(scratch, "constant.csv", true);
  const std::string mean = write_samples(scratch, "mean.csv", false);  // two samples of three are alike
  for (const std::string& data : {constant, mean})
    for (const char* batch : {"1", "64"}) {
      const Ended ended = run(scratch, {"train", "--steps", "60", "--batch", batch, "--dataset", "csv",
                                        "--data", data, "--quiet"});
      EXPECT_EQ(ended.exit_code, kDone) << data << ", batch " << batch << ": " << ended.err;
    }
}

}  // namespace
}  // namespace polydot::tools
