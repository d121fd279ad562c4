// What polydot was started with, and what becomes of it meanwhile: streams that are closed, full or no longer
// read, limits, file systems that cannot do everything.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <nlohmann/json.hpp>

#include "node/text/json_text.h"
#include "tests/tools/process.h"
#include "tests/tools/tiny_digits.h"

namespace polydot::tools {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using testing::AllOf;
using testing::HasSubstr;

class Streams : public testing::Test {
 protected:
  // $POLYDOT is the program, $TRAIN the smallest run into $RUN.
  Ended shell(const std::string& script) const {
    std::string train = "\"$POLYDOT\" train --peers 6 --grid 1x2 --steps 30 --out \"$RUN\"";
    for (const std::string& word : tiny_network(data_)) train += " " + word;
    const std::string whole = std::string("POLYDOT='") + POLYDOT_BINARY + "'; RUN='" + run_ +
                              "'; train() { " + train + " \"$@\"; }; " + script;
    return Process(scratch_.path(), {"/bin/bash", "-c", whole}).wait();
  }
  void expect_finished(int peers = 6) const {
    const json whole = node::parse_json(read_file(run_ + "/summary.json"));
    ASSERT_FALSE(whole.is_discarded());
    EXPECT_EQ(whole.at("peers_finished"), peers);
    EXPECT_EQ(whole.at("steps"), 30);
  }

  const Scratch scratch_;
  const std::string data_ = write_tiny_digits(scratch_), run_ = scratch_ / "run";
};

// Cron and supervisors close them; sockets and files must not get their numbers.
TEST_F(Streams, ClosedOnesHarmNothing) {
  for (const std::string& closed : {"<&-", ">&-", "2>&-", "<&- >&- 2>&-"}) {
    SCOPED_TRACE(closed);
    const Ended ended = shell("train --force " + closed);
    EXPECT_EQ(ended.exit_code, 0) << ended.err;
    expect_finished();
    for (int p = 0; p < 6; ++p) {
      const std::string folder = run_ + "/peer-0" + std::to_string(p);
      EXPECT_LE(read_file(folder + "/lock").size(), 12U) << "a process's number and no more";
      EXPECT_TRUE(read_file(folder + "/metrics.csv").starts_with("step,epoch,"));
    }
  }
}

TEST_F(Streams, WhatCannotBeWrittenIsAFailure) {
  for (const std::string& command :
       {"train --quiet --json --force", "\"$POLYDOT\" version", "\"$POLYDOT\" --help",
        "\"$POLYDOT\" plan --peers 8 --grid 2x2", "\"$POLYDOT\" sim --seed 1 --steps 20 --faults none"}) {
    SCOPED_TRACE(command);
    const Ended ended = shell(command + " > /dev/full");
    EXPECT_NE(ended.exit_code, 0);
    EXPECT_THAT(ended.err, HasSubstr("No space left on device"));
  }
  const Ended log = shell("\"$POLYDOT\" sim --seed 1 --steps 20 --faults none --log /dev/full");
  EXPECT_EQ(log.exit_code, 3);
  EXPECT_THAT(log.err, HasSubstr("--log /dev/full: cannot be written"));
}

TEST_F(Streams, AReaderThatGoesAwayEndsNothing) {
  const Ended ended = shell("set -o pipefail; train 2>&1 | head -n 1");
  EXPECT_EQ(ended.exit_code, 0) << ended.err;
  EXPECT_EQ(lines_of(ended.out).size(), 1U);
  expect_finished();
}

TEST_F(Streams, FilesOfOthersAreReplacedOnlyIfAsked) {
  for (const std::string& command :
       {"sim --seed 1 --steps 20 --faults none --log mine", "plan --peers 8 --grid 2x2 --matrices mine"}) {
    SCOPED_TRACE(command);
    write_file(scratch_ / "mine", "mine");
    const Ended refused = shell("\"$POLYDOT\" " + command);
    EXPECT_EQ(refused.exit_code, 2);
    EXPECT_THAT(refused.err, AllOf(HasSubstr("mine exists"), HasSubstr("--force")));
    EXPECT_EQ(read_file(scratch_ / "mine"), "mine");
    EXPECT_EQ(shell("\"$POLYDOT\" " + command + " --force").exit_code, 0);
    EXPECT_NE(read_file(scratch_ / "mine"), "mine");
  }
}

TEST_F(Streams, LimitsAreRaisedOrNamed) {
  // What may be raised is raised.
  EXPECT_EQ(shell("ulimit -Sn 32; train --force").exit_code, 0);
  expect_finished();
  const Ended few = shell("ulimit -n 32; train --force");
  EXPECT_EQ(few.exit_code, 2);
  EXPECT_EQ(lines_of(few.err).size(), 1U) << few.err;
  EXPECT_THAT(few.err, AllOf(HasSubstr("open files"), HasSubstr("32 are allowed"), HasSubstr("ulimit -n")));
  // Files that may not grow: said, and training goes on.
  const Ended small = shell("ulimit -f 8; train --force");
  EXPECT_EQ(small.exit_code, 0) << small.err;
}

// As NFS, Lustre, CIFS and the shared folders of virtual machines are.
TEST_F(Streams, FileSystemsWithoutLocksOrSyncsPromiseLess) {
  const Ended ended =
      shell("export LD_PRELOAD='" POLYDOT_REFUSING_FILES "'; train --checkpoint-every 10 --force");
  EXPECT_EQ(ended.exit_code, 0) << ended.err;
  expect_finished();
  const std::string log = read_file(run_ + "/peer-02/log");
  EXPECT_THAT(log, AllOf(HasSubstr("knows no locks"), HasSubstr("does not sync")));
  EXPECT_EQ(log.find("does not sync"), log.rfind("does not sync")) << "said once";
  std::size_t checkpoints = 0;
  for (const auto& entry : fs::directory_iterator(run_ + "/peer-02/checkpoints"))
    checkpoints += entry.exists();
  EXPECT_EQ(checkpoints, 2U) << "they do not pile up";
  // And they are gone on with.
  const Ended more =
      shell("export LD_PRELOAD='" POLYDOT_REFUSING_FILES
            "'; rm \"$RUN\"/summary.json \"$RUN\"/peer-*/summary.json; \"$POLYDOT\" train --resume \"$RUN\"");
  EXPECT_EQ(more.exit_code, 0) << more.err;
}

TEST_F(Streams, PeersAreCalledPolydot) {
  Process launcher = Process(scratch_.path(), join({{POLYDOT_BINARY, "train", "--peers", "6", "--grid", "1x2",
                                                     "--quiet", "--steps", "1000000000", "--out", run_},
                                                    tiny_network(data_)}));
  ASSERT_TRUE(
      launcher.runs_until([&] { return lines_of(read_file(run_ + "/peer-05/metrics.csv")).size() > 1; }));
  for (const pid_t pid : launcher.children())
    EXPECT_EQ(read_file("/proc/" + std::to_string(pid) + "/comm"), "polydot\n");
  launcher.signal(SIGINT);
  EXPECT_EQ(launcher.wait().exit_code, 128 + SIGINT);
}

TEST_F(Streams, HelpOfACommand) {
  const Ended help = shell("\"$POLYDOT\" help train"), same = shell("\"$POLYDOT\" train --help");
  EXPECT_EQ(help.exit_code, 0);
  EXPECT_EQ(help.out, same.out);
  EXPECT_THAT(help.out, HasSubstr("Usage: polydot train"));
  EXPECT_EQ(shell("\"$POLYDOT\" help nothing").exit_code, 2);
}

// Where a terminal is narrow the line of progress must not go on in the next.
TEST_F(Streams, TheProgressLineFitsTheTerminal) {
  if (!fs::exists("/usr/bin/python3")) GTEST_SKIP() << "no python3 to be a terminal";
  const std::string terminal = R"(
import fcntl, os, pty, struct, sys, termios
pid, fd = pty.fork()
if pid == 0:
    fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack('HHHH', 24, 40, 0, 0))
    os.execv(sys.argv[1], sys.argv[1:])
seen = b''
try:
    while True:
        part = os.read(fd, 4096)
        if not part: break
        seen += part
except OSError:
    pass
_, status = os.waitpid(pid, 0)
lines = [line for line in seen.replace(b'\x1b[K', b'').replace(b'\n', b'\r').split(b'\r') if b'step ' in line and b'/' in line]
print(max(map(len, lines), default=0), os.waitstatus_to_exitcode(status))
)";
  Words command = {"/usr/bin/python3", "-c",  terminal,  POLYDOT_BINARY, "train", "--peers", "6",
                   "--grid",           "1x2", "--steps", "1500",         "--out", run_};
  const Ended ended = Process(scratch_.path(), join({command, tiny_network(data_)})).wait();
  int longest = 0, code = -1;
  ASSERT_EQ(std::sscanf(ended.out.c_str(), "%d %d", &longest, &code), 2) << ended.out << ended.err;
  EXPECT_EQ(code, 0);
  EXPECT_GT(longest, 10) << "no progress was seen";
  EXPECT_LE(longest, 40);
}

}  // namespace
}  // namespace polydot::tools
