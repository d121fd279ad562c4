// What README.md tells the reader to type works. In its ```sh blocks a line that starts with "$ " is a
// command; what cannot run in a test ends with "# not run: REASON". All commands of the program run in one
// folder, one after the other as a reader would, with fewer steps; and all of them once more.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <regex>

#include "tests/tools/process.h"

namespace polydot::tools {
namespace {

using testing::HasSubstr;

struct Command {
  std::string text;
  std::string not_run;  // why; empty: it runs
};

Command command_of(std::string text) {
  Command command;
  const std::string mark = "# not run: ";
  if (const auto at = text.find(mark); at != std::string::npos)
    command.not_run = text.substr(at + mark.size());
  text = text.substr(0, text.find(" #"));
  text.erase(text.find_last_not_of(' ') + 1);
  command.text = text;
  return command;
}

std::vector<Command> commands_of(const std::string& readme) {
  std::vector<Command> commands;
  bool inside = false;
  for (const std::string& line : lines_of(readme)) {
    if (line.starts_with("```"))
      inside = !inside && line == "```sh";
    else if (inside && line.starts_with("$ "))
      commands.push_back(command_of(line.substr(2)));
  }
  return commands;
}

bool is_of_the_program(const Command& command) {
  return std::regex_search(command.text, std::regex("^(build/)?polydot "));
}

// Twenty steps of whatever is trained; what a campaign says of later ones would be refused.
std::string shortened(const std::string& text) {
  if (!std::regex_search(text, std::regex("polydot train\\b"))) return text;
  const std::string endless = std::regex_replace(text, std::regex(" --(epochs|steps)[ =]\\S+"), "");
  const char* const steps = text.find("--campaign") == std::string::npos ? "20" : "70";
  return std::regex_replace(endless, std::regex("polydot train\\b"),
                            std::string("polydot train --steps ") + steps);
}

class Readme : public testing::Test {
 protected:
  const std::string text_ = read_file(POLYDOT_SOURCE_DIR "/README.md");
  const std::vector<Command> commands_ = commands_of(text_);
};

TEST_F(Readme, EveryCommandOfTheProgramWorksInItsOrder) {
  const Scratch scratch;
  std::filesystem::create_directory(scratch / "build");
  std::filesystem::create_symlink(POLYDOT_BINARY, scratch / "build/polydot");
  std::filesystem::create_directory_symlink(POLYDOT_SOURCE_DIR "/tools", scratch / "tools");
  int count = 0;
  // A reader may begin again.
  for (const char* time : {"the first time", "the second time"})
    for (const Command& command : commands_) {
      if (!is_of_the_program(command) || !command.not_run.empty()) continue;
      ++count;
      const std::string text = shortened(command.text);
      SCOPED_TRACE(text + ", " + time);
      const Ended ended = Process(scratch.path(), {"/bin/sh", "-c", "PATH=build:$PATH; " + text}).wait();
      EXPECT_EQ(ended.exit_code, 0) << ended.err;
    }
  EXPECT_GT(count, 0) << "README.md is missing or shows no command";
}

TEST_F(Readme, OnlyWhatNeedsHostsRootOrDataIsNotRun) {
  for (const Command& command : commands_)
    if (is_of_the_program(command) && !command.not_run.empty()) {
      EXPECT_THAT(command.not_run, testing::ContainsRegex("hosts|root|table")) << command.text;
    }
}

TEST_F(Readme, NamesTheTwoCommandsThatExist) {
  for (const std::string script : {"tools/quickstart", "tools/check"}) {
    EXPECT_THAT(text_, HasSubstr(script));
    const auto permissions = std::filesystem::status(POLYDOT_SOURCE_DIR "/" + script).permissions();
    EXPECT_NE(permissions & std::filesystem::perms::owner_exec, std::filesystem::perms::none) << script;
  }
}

TEST_F(Readme, SaysInBoldThatTrafficIsNotEncrypted) {
  EXPECT_TRUE(std::regex_search(
      text_, std::regex("\\*\\*[^*]*not yet encrypted[^*]*trusted networks only[^*]*\\*\\*")));
}

}  // namespace
}  // namespace polydot::tools
