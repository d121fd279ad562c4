// Nothing in the folder of a run, or of an export, is replaced that polydot did not make there, and nothing
// at all unasked.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/tools/process.h"
#include "tests/tools/tiny_digits.h"

namespace polydot::tools {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::HasSubstr;

class RunFolders : public testing::Test {
 protected:
  Ended train(const Words& flags) {
    return run(scratch_,
               join({{"train", "--peers", "6", "--grid", "1x2", "--steps", "12", "--quiet"}, tiny_, flags}));
  }
  static void expect_refused(const Ended& ended, const std::string& a, const std::string& b) {
    EXPECT_EQ(ended.exit_code, 2) << ended.err;
    EXPECT_EQ(lines_of(ended.err).size(), 1U) << ended.err;
    EXPECT_THAT(ended.err, AllOf(HasSubstr(a), HasSubstr(b)));
  }
  void put(const std::string& name, const std::string& text) const {
    fs::create_directories(fs::path(scratch_ / name).parent_path());
    write_file(scratch_ / name, text);
  }

  const Scratch scratch_;
  const std::string data_ = write_tiny_digits(scratch_);
  const Words tiny_ = tiny_network(data_);
  const std::string folder_ = scratch_ / "run";
};

TEST_F(RunFolders, ThatHoldARunAreRefusedAndStay) {
  ASSERT_EQ(train({"--out", folder_}).exit_code, 0);
  const std::string before = read_file(folder_ + "/metrics.csv");
  const Ended again = train({"--out", folder_});
  expect_refused(again, folder_ + " holds a run that has finished", "--resume");
  EXPECT_THAT(again.err, AllOf(HasSubstr("--force"), HasSubstr("--resume-if-possible")));
  EXPECT_EQ(read_file(folder_ + "/metrics.csv"), before);
}

TEST_F(RunFolders, ForceReplacesWhatPolydotMadeAndNothingElse) {
  ASSERT_EQ(train({"--out", folder_}).exit_code, 0);
  put("run/notes", "mine");
  put("run/peer-03/notes", "mine");
  put("run/peer-04/checkpoints/notes", "mine");
  put("run/peer-17/log", "mine");
  ASSERT_EQ(train({"--out", folder_, "--force", "--seed", "9"}).exit_code, 0);
  for (const char* name : {"/notes", "/peer-03/notes", "/peer-04/checkpoints/notes", "/peer-17/log"})
    EXPECT_EQ(read_file(folder_ + name), "mine") << name;
  EXPECT_THAT(read_file(folder_ + "/config.toml"), HasSubstr("seed = 9"));
}

// A batch system starts the same command once more.
TEST_F(RunFolders, TheSameCommandGoesOnIfPossible) {
  const Words command{"--out", folder_, "--resume-if-possible", "--checkpoint-every", "5"};
  const Ended first = train(command);
  ASSERT_EQ(first.exit_code, 0) << first.err;
  const std::string before = read_file(folder_ + "/peer-00/metrics.csv");
  const Ended again = train(command);
  EXPECT_EQ(again.exit_code, 0) << again.err;
  EXPECT_EQ(read_file(folder_ + "/peer-00/metrics.csv"), before) << "it had finished";
  expect_refused(train(join({command, {"--lr", "0.5"}})), "--lr 0.5", "goes on with");
  expect_refused(train({"--resume-if-possible"}), "--resume-if-possible", "--out");
  expect_refused(train(join({command, {"--force"}})), "--force", "leave out");
}

TEST_F(RunFolders, WhatTheUserPutThereIsNotOverwritten) {
  for (const char* name : {"config.toml", "cluster.toml", "metrics.csv", "summary.json", "peer-02/log",
                           "peer-02/checkpoints/checkpoint-00000-000000000010.pdck"}) {
    SCOPED_TRACE(name);
    put(std::string("theirs/") + name, "mine");
    for (const Words& flags : {Words{}, Words{"--force"}, Words{"--resume-if-possible"}}) {
      expect_refused(train(join({{"--out", scratch_ / "theirs"}, flags})), fs::path(name).filename(),
                     "polydot: ");
      EXPECT_EQ(read_file(scratch_ / ("theirs/" + std::string(name))), "mine");
    }
    fs::remove_all(scratch_ / "theirs");
  }
  put("theirs/data.csv", "mine");
  EXPECT_EQ(train({"--out", scratch_ / "theirs"}).exit_code, 0) << "nothing is in the way";
  EXPECT_EQ(read_file(scratch_ / "theirs/data.csv"), "mine");
}

// Not even for a moment: what would be locked is somebody else's.
TEST_F(RunFolders, ALinkIsNotFollowed) {
  put("thesis", "mine");
  fs::create_directories(scratch_ / "theirs/peer-03");
  fs::create_symlink(scratch_ / "thesis", scratch_ / "theirs/peer-03/lock");
  expect_refused(train({"--out", scratch_ / "theirs"}), "peer-03/lock is there", "another --out");
  EXPECT_EQ(read_file(scratch_ / "thesis"), "mine");
  ASSERT_EQ(train({"--out", folder_}).exit_code, 0);
  fs::rename(folder_ + "/peer-03", scratch_ / "elsewhere");
  fs::create_symlink(scratch_ / "elsewhere", folder_ + "/peer-03");
  expect_refused(train({"--out", folder_, "--force"}), "peer-03 is there", "another --out");
  EXPECT_TRUE(fs::exists(folder_ + "/summary.json")) << "nothing was removed";
  EXPECT_TRUE(fs::exists(scratch_ / "elsewhere/metrics.csv"));
}

TEST_F(RunFolders, ForceRemovesNothingIfItCannotBegin) {
  ASSERT_EQ(train({"--out", folder_}).exit_code, 0);
  put("run/peer-07/log", "mine");
  expect_refused(train({"--out", folder_, "--force", "--peers", "8"}), "peer-07/log is there",
                 "another --out");
  EXPECT_TRUE(fs::exists(folder_ + "/summary.json"));
  EXPECT_EQ(read_file(folder_ + "/peer-07/log"), "mine");
}

// Its settings were lost: nobody can go on with it, and nobody has asked to replace it.
TEST_F(RunFolders, ARunThatCannotBeGoneOnWithIsNotReplaced) {
  ASSERT_EQ(train({"--out", folder_}).exit_code, 0);
  fs::remove(folder_ + "/cluster.toml");
  expect_refused(train({"--out", folder_, "--resume-if-possible"}), "holds a run that has finished",
                 "--force");
  EXPECT_TRUE(fs::exists(folder_ + "/peer-00/checkpoints"));
  for (int p = 0; p < 6; ++p) fs::remove_all(folder_ + "/peer-0" + std::to_string(p));
  EXPECT_EQ(train({"--out", folder_, "--resume-if-possible"}).exit_code, 0) << "it had not begun";
}

TEST_F(RunFolders, TwoAtOnceAreOneRun) {
  const Words command = join({{"train", "--peers", "6", "--grid", "1x2", "--steps", "300", "--quiet", "--out",
                               folder_, "--resume-if-possible"},
                              tiny_});
  Process first = start(scratch_, command);
  Process second = start(scratch_, command);
  const Ended a = first.wait(), b = second.wait();
  EXPECT_EQ(std::min(a.exit_code, b.exit_code), 0) << a.err << b.err;
  const Ended& other = a.exit_code == 0 ? b : a;
  if (other.exit_code != 0) expect_refused(other, "is in use by", "another");
}

// The settings of a run, given as those of the next one in the same place.
TEST_F(RunFolders, TheConfigurationThatWasGivenStays) {
  put("settings/config.toml", "[shared.training]\nlr = 0.02\n");
  expect_refused(train({"--config", scratch_ / "settings/config.toml", "--out", scratch_ / "settings"}),
                 "config.toml is there", "another --out");
  EXPECT_EQ(read_file(scratch_ / "settings/config.toml"), "[shared.training]\nlr = 0.02\n");
  ASSERT_EQ(train({"--out", folder_}).exit_code, 0);
  EXPECT_EQ(train({"--config", folder_ + "/config.toml"}).exit_code, 0) << "it runs again, elsewhere";
}

TEST_F(RunFolders, AListThatIsDamagedRemovesNothing) {
  for (const char* list : {"{", "{\"format\":\"polydot run 1\",\"made\":[\"../config.toml\"]}",
                           "{\"format\":\"polydot run 1\",\"made\":[\"notes\"]}",
                           "{\"format\":\"polydot run 1\",\"made\":[\"peer-../x\"]}",
                           "{\"format\":\"polydot run 2\",\"made\":[]}"}) {
    put("run/polydot-run.json", list);
    put("run/notes", "mine");
    expect_refused(train({"--out", folder_, "--force"}), "polydot-run.json is damaged", "another --out");
    EXPECT_EQ(read_file(folder_ + "/notes"), "mine");
  }
}

// The data set is named by a path from where the run was started; it goes on from elsewhere.
TEST_F(RunFolders, APathInTheSettingsIsGoodFromEverywhere) {
  fs::create_directory(scratch_ / "here");
  fs::copy(data_, scratch_ / "here/digits", fs::copy_options::recursive);
  Words relative = tiny_;
  std::replace(relative.begin(), relative.end(), data_, std::string("digits"));
  const auto in = [&](const std::string& folder, const Words& words) {
    Words command{POLYDOT_BINARY};
    command.insert(command.end(), words.begin(), words.end());
    return Process(scratch_ / folder, command).wait();
  };
  const Ended trained = in(
      "here",
      join({{"train", "--peers", "6", "--grid", "1x2", "--steps", "12", "--quiet", "--out", "r"}, relative}));
  ASSERT_EQ(trained.exit_code, 0) << trained.err;
  fs::create_directory(scratch_ / "there");
  for (const Words& words : {Words{"export", "--run", "../here/r", "--out", "model"},
                             Words{"train", "--config", "../here/r/config.toml", "--quiet"},
                             Words{"train", "--resume", "../here/r"}}) {
    const Ended ended = in("there", words);
    EXPECT_EQ(ended.exit_code, 0) << words.front() << ": " << ended.err;
  }
}

TEST_F(RunFolders, ExportAndDataReplaceFilesOnlyIfAsked) {
  ASSERT_EQ(train({"--out", folder_}).exit_code, 0);
  const std::string model = scratch_ / "model";
  put("model", "mine");
  const Words command{"export", "--run", folder_, "--out", model};
  expect_refused(run(scratch_, command), model + " exists", "--force");
  EXPECT_EQ(read_file(model), "mine");
  EXPECT_EQ(run(scratch_, join({command, {"--force"}})).exit_code, 0);
  EXPECT_NE(read_file(model), "mine");

  put("set/t10k-labels-idx1-ubyte", "mine");
  expect_refused(run(scratch_, {"data", "--out", scratch_ / "set"}), "t10k-labels-idx1-ubyte exists",
                 "--force");
  EXPECT_EQ(read_file(scratch_ / "set/t10k-labels-idx1-ubyte"), "mine");
  EXPECT_FALSE(fs::exists(scratch_ / "set/train-images-idx3-ubyte"));
  EXPECT_EQ(run(scratch_, {"data", "--out", scratch_ / "set", "--force"}).exit_code, 0);
}

}  // namespace
}  // namespace polydot::tools
