// What a user may get wrong: one line on stderr that names it and what is right, nothing on stdout, an exit
// code.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/tools/hand_started.h"
#include "tests/tools/process.h"
#include "tests/tools/tiny_digits.h"

namespace polydot::tools {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

void expect_refusal(const Ended& ended, int exit_code, const Words& parts) {
  EXPECT_EQ(ended.exit_code, exit_code) << ended.err;
  EXPECT_EQ(ended.out, "");
  ASSERT_EQ(lines_of(ended.err).size(), 1U) << ended.err;
  EXPECT_EQ(ended.err.back(), '\n');
  EXPECT_THAT(ended.err, StartsWith("polydot: "));
  for (const std::string& part : parts) EXPECT_THAT(ended.err, HasSubstr(part));
}

constexpr int kUsage = 2, kData = 3, kNetwork = 4;

TEST(BadInput, OnTheCommandLineIsNamedWithWhatIsRight) {
  struct Case {
    Words arguments, parts;
  };
  const Scratch scratch;
  const Case cases[] = {
      {{"trian"}, {"trian", "nearest: train"}},
      {{"train", "--hiden", "16"}, {"--hiden", "nearest: --hidden"}},
      {{"peer", "--indx", "1"}, {"--indx", "nearest: --index"}},
      {{"train", "16"}, {"'16'"}},
      {{"train", "--hidden"}, {"--hidden"}},
      {{"train", "--hidden", "16,x"}, {"--hidden", "16,x"}},
      {{"train", "--batch", "0"}, {"--batch", "from 1"}},
      {{"train", "--lr", "fast"}, {"--lr", "fast"}},
      {{"train", "--grid", "2by2"}, {"--grid", "2by2"}},
      {{"train", "--epochs", "2", "--steps", "3"}, {"--epochs", "--steps"}},
      {{"train", "--activation", "relu"}, {"relu", "use smelu"}},
      {{"train", "--activation", "smilu"}, {"smilu", "nearest: smelu"}},
      {{"train", "--code", "polydots"}, {"polydots", "nearest: polydot"}},
      {{"train", "--dataset", "stroke"}, {"stroke", "nearest: strokes"}},
      {{"train", "--dataset", "idx"}, {"--data"}},
      {{"train", "--dataset", "strokes", "--data", "."}, {"--data", "strokes"}},
      {{"train", "--inject", "product:bitflip"}, {"--inject product:bitflip", "rate=R"}},
      {{"train", "--inject", "product:bitflip:rate=2"}, {"rate=2", "0 to 1"}},
      {{"train", "--inject", "product:bitflip:rate"}, {"rate", "0 to 1"}},
      {{"train", "--inject", "prodct:bitflip:rate=0.1"}, {"prodct", "nearest: product"}},
      {{"train", "--inject", "product:bitflop:rate=0.1"}, {"bitflop", "bitflip"}},
      {{"train", "--inject", "product:bitflip:rate=0.1:steps=9-3"}, {"steps=9-3"}},
      {{"train", "--inject", "product:floor:rate=0.1"}, {"floor needs times=T"}},
      {{"sim", "--grid", "2x2"}, {"--grid is of a --code"}},
      {{"sim", "--code", "uncoded"}, {"--code uncoded", "polydot, mds or replication"}},
      {{"sim", "--code", "polydot", "--grid", "3x3"}, {"--grid 3x3x1: no runs with 6 to 24 peers"}},
      {{"train", "--campaign", "nothing.toml"}, {"nothing.toml", "cannot be read"}},
      {{"train", "--campaign", POLYDOT_SOURCE_DIR "/README.md"}, {"README.md:", "no valid TOML"}},
      {{"inject", "product:bitflip:rate=1"}, {"--cluster FILE"}},
      {{"inject", "--cluster", POLYDOT_SOURCE_DIR "/tools/campaigns/bad-core.toml", "x"}, {"bad-core.toml:"}},
      {{"inject", "--cluster", "nothing.toml", "product:bitflip:rate=1"}, {"nothing.toml", "cannot be read"}},
      {{"inject", "--cluster", "nothing.toml"}, {"needs a SPEC"}},
      {{"inject", "--clster", "nothing.toml"}, {"--clster", "nearest: --cluster"}},
      {{"train", "--inject", "product:bitflip:rate=0.1:peer=10"}, {"peer 10", "0 to 9"}},
      {{"train", "--config", scratch / "none.toml"}, {"none.toml"}},
      {{"peer", "--config", scratch / "none.toml", "--index", "0"}, {"none.toml"}},
      {{"peer", "--index", "0"}, {"--config"}},
      {{"data", "--dataset", "strokes"}, {"--out"}},
      {{"init", "--hosts", "a,b"}, {"--out"}},
      {{"plan", "--code", "mdx"}, {"mdx", "nearest: mds"}},
      {{"train", "--hidden", "600000,16"}, {"layer 0", "300000", "262144", "larger grid"}},
      {{"init", "--hosts", "a,b", "--out", scratch / "c", "--hidden", "600000"},
       {"layer 0", "300000", "262144"}},
      {{"plan", "--peers", "10", "--grid", "2x2", "--hidden", "600000"}, {"layer 0", "300000", "262144"}},
      {{"plan", "--peers", "10", "--grid", "2x2", "--inputs", "600000"}, {"layer 0", "300001", "262144"}},
      {{"train", "--hidden", "500000,500000"}, {"10 peers", "GB of memory", "this machine has"}},
  };
  for (const Case& wrong : cases) {
    std::string line;
    for (const std::string& word : wrong.arguments) line += " " + word;
    SCOPED_TRACE("polydot" + line);
    expect_refusal(run(scratch, wrong.arguments), kUsage, wrong.parts);
  }
}

// The number that is named works, and one less does not.
TEST(BadInput, AGridThatNeedsMorePeersNamesTheSmallestNumberThatWorks) {
  struct Case {
    Words flags;
    int smallest;
  };
  const Scratch scratch;
  const Words network = tiny_network(write_tiny_digits(scratch));
  for (const Case& grid : {Case{{"--grid", "2x2"}, 6}, Case{{"--grid", "1x2"}, 3},
                           Case{{"--grid", "2x2", "--code", "uncoded"}, 4}}) {
    const auto train = [&](int peers) {
      return run(scratch, join({{"train", "--quiet", "--steps", "2", "--peers", std::to_string(peers)},
                                grid.flags,
                                network}));
    };
    expect_refusal(train(grid.smallest - 1), kUsage, {"--peers", std::to_string(grid.smallest)});
    const Ended right = train(grid.smallest);
    EXPECT_EQ(right.exit_code, 0) << right.err;
  }
  expect_refusal(run(scratch, {"train", "--grid", "2x2x2", "--peers", "9"}), kUsage, {"10", "2x2x2"});
}

TEST(BadInput, InAFileIsNamedWithItsLine) {
  const Scratch scratch;
  const std::string file = scratch / "run.toml";
  write_file(file, "[shared.training]\nlr = 0.02\nmomentun = 0.8\n");
  expect_refusal(run(scratch, {"train", "--config", file}), kUsage,
                 {"run.toml:3", "momentun", "nearest: ", "momentum"});
  write_file(file, "[shared.trainning]\nlr = 0.02\n");
  expect_refusal(run(scratch, {"train", "--config", file}), kUsage, {"run.toml", "trainning", "training"});
  write_file(file, "[shared.training]\nlr = \"fast\"\n");
  expect_refusal(run(scratch, {"train", "--config", file}), kUsage, {"run.toml:2", "lr"});
  write_file(file, "[shared.training\nlr = 0.02\n");
  expect_refusal(run(scratch, {"train", "--config", file}), kUsage, {"run.toml:1"});
  write_file(file, std::string("\x7f"
                               "ELF\0\1\2",
                               7));
  expect_refusal(run(scratch, {"train", "--config", file}), kUsage, {"run.toml"});
  expect_refusal(run(scratch, {"train", "--config", scratch.path()}), kUsage, {scratch.path()});
}

TEST(BadInput, AnOutThatIsAFileIsKept) {
  const Scratch scratch;
  const std::string file = scratch / "mine";
  write_file(file, "mine");
  expect_refusal(run(scratch, {"train", "--steps", "2", "--out", file}), kData, {file});
  expect_refusal(run(scratch, {"train", "--steps", "2", "--out", file + "/below"}), kData, {file});
  EXPECT_EQ(read_file(file), "mine");
}

TEST(BadInput, AnIndexOutOfRangeIsNamedWithTheRange) {
  const Scratch scratch;
  const std::string file = scratch / "cluster.toml";
  ASSERT_EQ(run(scratch, {"init", "--hosts", "127.0.0.1", "--peers", "8", "--out", file}).exit_code, 0);
  for (const char* index : {"8", "-1", "one"})
    expect_refusal(run(scratch, {"peer", "--config", file, "--index", index}), kUsage,
                   {"--index", index, "0 to 7"});
}

TEST(BadInput, AHostWithoutAnAddressIsNamedWithItsPeer) {
  const Scratch scratch;
  const std::string file = scratch / "cluster.toml";
  const Words flags =
      join({{"--grid", "1x2", "--peers", "4", "--out", file}, tiny_network(write_tiny_digits(scratch))});
  ASSERT_EQ(run(scratch, join({{"init", "--hosts", "127.0.0.1,no-such-host.invalid"}, flags})).exit_code, 0);
  // It may be known later: the others are waited for.
  const Ended ended = run(scratch, {"peer", "--config", file, "--index", "0", "--patience-ms", "100"});
  EXPECT_EQ(ended.exit_code, kNetwork) << ended.err;
  EXPECT_THAT(ended.err, HasSubstr("peer 1: cannot resolve host 'no-such-host.invalid'"));
  EXPECT_THAT(ended.err, HasSubstr("gave up waiting for peers 1 (never heard)"));
}

TEST(BadInput, AnAddressInUseIsNamed) {
  const Scratch scratch;
  const Words flags = join({{"--grid", "1x2"}, tiny_network(write_tiny_digits(scratch))});
  const TakenPort taken;
  HandStarted cluster({taken.port(), 1, 2, 3}, flags, scratch);
  const std::string address = "127.0.0.1:" + std::to_string(taken.port());
  expect_refusal(run(scratch, {"peer", "--config", cluster.file(), "--index", "0"}), kNetwork,
                 {"in use", address});
}

}  // namespace
}  // namespace polydot::tools
