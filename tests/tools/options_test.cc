#include "tools/options.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "node/config/config_schema.h"
#include "node/config/config_values.h"
#include "tools/command_version.h"
#include "tools/exit_code.h"
#include "tools/processor_check.h"

namespace polydot::tools {
namespace {

std::string failure_of(const std::vector<std::string>& arguments) {
  const auto request = parse_arguments(arguments);
  if (request) return "";
  EXPECT_EQ(request.failure().kind, FailureKind::kUsage);
  EXPECT_EQ(request.failure().message.find('\n'), std::string::npos);
  return request.failure().message;
}

std::string help_of(const std::vector<std::string>& arguments) {
  const auto request = parse_arguments(arguments);
  if (!request) return request.failure().message;
  const auto* help = std::get_if<HelpRequest>(&*request);
  return help ? help->text : "no help";
}

bool contains(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

// A configuration file that exists as long as the test does.
class TemporaryFile {
 public:
  explicit TemporaryFile(const std::string& text) {
    std::string pattern = (std::filesystem::temp_directory_path() / "polydot-options-XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
    std::ofstream(path()) << text;
  }
  ~TemporaryFile() { std::filesystem::remove_all(folder_); }
  std::string path() const { return (folder_ / "config.toml").string(); }

 private:
  std::filesystem::path folder_;
};

TEST(Options, TrainNeedsNothing) {
  const auto request = parse_arguments({"train"});
  ASSERT_TRUE(request) << request.failure().message;
  EXPECT_TRUE(std::get<TrainRequest>(*request).config == node::Config{});
}

TEST(Options, TrainTakesEveryFlag) {
  const auto request = parse_arguments({"train",
                                        "--peers",
                                        "12",
                                        "--grid",
                                        "2x3",
                                        "--code",
                                        "polydot",
                                        "--hidden",
                                        "64,32",
                                        "--batch",
                                        "32",
                                        "--steps",
                                        "7",
                                        "--lr",
                                        "0.5",
                                        "--momentum",
                                        "0",
                                        "--seed",
                                        "9",
                                        "--schedule",
                                        "cosine",
                                        "--weight-decay",
                                        "1e-4",
                                        "--json",
                                        "--quiet",
                                        "--respawn",
                                        "--out",
                                        "runs",
                                        "--reference",
                                        "--patience-ms",
                                        "100",
                                        "--inject",
                                        "product:bitflip:rate=0.1",
                                        "--inject",
                                        "weights:bitflip:rate=0.2"});
  ASSERT_TRUE(request) << request.failure().message;
  const auto& train = std::get<TrainRequest>(*request);
  EXPECT_TRUE(train.respawn);
  EXPECT_TRUE(train.reference);
  const auto& [shared, local] = train.config;
  EXPECT_EQ(shared.peers, 12);
  EXPECT_EQ(shared.grid, (codes::Grid{2, 3, 1}));
  EXPECT_EQ(shared.hidden, (std::vector<std::int64_t>{64, 32}));
  EXPECT_EQ(shared.steps, 7);
  EXPECT_EQ(shared.momentum, 0);
  EXPECT_EQ(shared.weight_decay, 1e-4);
  EXPECT_TRUE(local.json && local.quiet);
  EXPECT_EQ(local.inject.size(), 2U);
}

// A variable of a script that is not set.
TEST(Options, EmptyValuesAreNone) {
  EXPECT_TRUE(contains(failure_of({"train", "--out", ""}), "--out needs a value"));
  EXPECT_TRUE(contains(failure_of({"train", "--resume", ""}), "--resume needs a value"));
  EXPECT_TRUE(parse_arguments({"train", "--hidden", ""}));
}

TEST(Options, WhoLeavesBeforeTheEndReportsNothingOfIt) {
  EXPECT_TRUE(contains(failure_of({"train", "--detach", "--certify"}), "--certify: --detach leaves"));
}

TEST(Options, FlagsGoOverTheFile) {
  const TemporaryFile file(
      "[shared.training]\nlr = 0.5\nbatch = 8\n[local]\ninject = [\"product:bitflip:rate=1\"]\n");
  const auto request = parse_arguments({"train", "--config", file.path(), "--lr", "0.25"});
  ASSERT_TRUE(request) << request.failure().message;
  const auto& config = std::get<TrainRequest>(*request).config;
  EXPECT_EQ(config.shared.lr, 0.25);
  EXPECT_EQ(config.shared.batch, 8);
  EXPECT_EQ(config.local.inject.size(), 1U);
}

TEST(Options, UnknownNamesGetTheNearestRightOne) {
  EXPECT_EQ(failure_of({"train", "--epoch", "3"}), "no flag --epoch; nearest: --epochs");
  EXPECT_EQ(failure_of({"train", "--learning-rate=3"}), "no flag --learning-rate; nearest: --lr");
  EXPECT_EQ(failure_of({"peer", "--confg", "x"}), "no flag --confg; nearest: --config");
  EXPECT_TRUE(contains(failure_of({"trian"}), "nearest: train"));
  EXPECT_TRUE(contains(failure_of({}),
                       "train, peer, init, plan, inject, status, data, export, eval, sim or version"));
  EXPECT_TRUE(contains(failure_of({"train", "stray"}), "'stray'"));
  EXPECT_TRUE(contains(failure_of({"peer", "--peers", "3"}), "no flag --peers"));
}

TEST(Options, WrongValuesNameTheFlag) {
  EXPECT_TRUE(contains(failure_of({"train", "--lr", "fast"}), "(--lr) = fast: must be a number above 0"));
  EXPECT_EQ(failure_of({"train", "--lr"}), "--lr needs a value");
  EXPECT_EQ(failure_of({"train", "--lr", "--momentum", "0.9"}), "--lr needs a value");
  EXPECT_TRUE(contains(failure_of({"train", "--peers", "5"}), "at least 6"));
  EXPECT_TRUE(contains(failure_of({"train", "--epochs", "2", "--steps", "2"}), "exclude each other"));
  EXPECT_TRUE(contains(failure_of({"train", "--config", "/no/such/file"}), "/no/such/file: cannot be read"));
  EXPECT_TRUE(contains(failure_of({"plan", "--inputs", "0"}), "--inputs = 0"));
  EXPECT_TRUE(contains(failure_of({"plan", "--peers", "10", "--hosts", "11"}), "from 1 to 10"));
}

TEST(Options, UncodedCountsItsOwnPeers) {
  const auto request = parse_arguments({"train", "--code", "uncoded", "--grid", "2x3"});
  ASSERT_TRUE(request) << request.failure().message;
  EXPECT_EQ(std::get<TrainRequest>(*request).config.shared.peers, 6);
}

TEST(Options, PeerNeedsFileIndexAndEndpoints) {
  EXPECT_TRUE(contains(failure_of({"peer", "--index", "0"}), "--config"));
  const TemporaryFile file("[shared.code]\npeers = 10\n");
  EXPECT_TRUE(contains(failure_of({"peer", "--config", file.path()}), "--index"));
  EXPECT_TRUE(contains(failure_of({"peer", "--config", file.path(), "--index", "0"}), "no endpoints"));
  const TemporaryFile cluster(
      "shared.cluster.endpoints = [\"a:1\", \"a:2\", \"a:3\", \"a:4\", \"a:5\", \"a:6\", \"a:7\"]\n");
  const auto request = parse_arguments(
      {"peer", "--config", cluster.path(), "--index", "6", "--listen-fd", "5", "--threads", "2"});
  ASSERT_TRUE(request) << request.failure().message;
  const auto& peer = std::get<PeerRequest>(*request);
  EXPECT_EQ(peer.index, 6);
  EXPECT_EQ(peer.listen_fd, 5);
  EXPECT_EQ(peer.config.local.threads, 2);
  EXPECT_TRUE(contains(failure_of({"peer", "--config", cluster.path(), "--index", "7"}), "from 0 to 6"));
}

TEST(Options, PlanHasItsOwnNumbers) {
  const auto request = parse_arguments(
      {"plan", "--peers", "44", "--grid", "3x3x3", "--hosts", "4", "--classes", "5", "--matrices", "-"});
  ASSERT_TRUE(request) << request.failure().message;
  const auto& plan = std::get<PlanRequest>(*request);
  EXPECT_EQ(plan.shared.peers, 44);
  EXPECT_EQ(plan.shared.grid, (codes::Grid{3, 3, 3}));
  EXPECT_EQ(plan.inputs, 784);
  EXPECT_EQ(plan.classes, 5);
  EXPECT_EQ(plan.hosts, 4);
  EXPECT_EQ(plan.matrices, "-");
}

TEST(Options, DataNeedsAFolderAndFilesToConvert) {
  EXPECT_TRUE(contains(failure_of({"data"}), "--out"));
  EXPECT_TRUE(contains(failure_of({"data", "--dataset", "csv", "--out", "d"}), "--data"));
  const auto request = parse_arguments({"data", "--out", "d"});
  ASSERT_TRUE(request);
  EXPECT_EQ(std::get<DataRequest>(*request).source.dataset, "strokes");
  const auto described = parse_arguments({"data", "--dataset", "csv", "--describe", "a.csv"});
  ASSERT_TRUE(described) << described.failure().message;
  EXPECT_EQ(std::get<DataRequest>(*described).source.path, "a.csv");
  EXPECT_TRUE(contains(failure_of({"data", "--out", "d", "--describe", "a"}), "one of the two"));
}

TEST(Options, EveryFieldIsInTheHelp) {
  const std::string train = help_of({"train", "--help"}), peer = help_of({"peer", "--help"});
  for (const node::Field& field : node::fields()) {
    if (field.flag.empty()) continue;  // the cluster's identity is set in its file only
    const std::string flag = "  " + std::string(field.flag) + " ";
    EXPECT_EQ(contains(train, flag), field.flag != "--bind") << field.flag;
    EXPECT_EQ(contains(peer, flag), field.flag != "--peers") << field.flag;
    EXPECT_TRUE(contains(train + peer, field.help)) << field.flag;
  }
  EXPECT_TRUE(contains(train, "learning rate [0.01]"));
  EXPECT_FALSE(contains(peer, "--listen-fd"));
}

TEST(Options, EveryHelpSaysHowTheProgramEndsAndFitsAScreen) {
  for (const char* command :
       {"train", "peer", "init", "plan", "data", "export", "eval", "status", "version"}) {
    const std::string help = help_of({command, "--help"});
    EXPECT_TRUE(contains(help, "Usage: polydot " + std::string(command))) << help;
    EXPECT_TRUE(contains(help, kExitCodesHelp)) << help;
    EXPECT_LE(std::count(help.begin(), help.end(), '\n'), 60) << help;
    EXPECT_TRUE(contains(help_of({"--help"}), "  " + std::string(command) + " "));
  }
}

TEST(ExitCode, EachKindOfFailureHasItsOwn) {
  EXPECT_EQ(exit_code(FailureKind::kNotReached), 1);
  EXPECT_EQ(exit_code(FailureKind::kUsage), 2);
  EXPECT_EQ(exit_code(FailureKind::kData), 3);
  EXPECT_EQ(exit_code(FailureKind::kNetwork), 4);
  EXPECT_EQ(exit_code(FailureKind::kDisagreement), 5);
  EXPECT_EQ(exit_code(FailureKind::kRefused), 6);
  EXPECT_EQ(exit_code_of_signal(15), 143);
}

TEST(ExitCode, TheLineStaysOneLine) { EXPECT_EQ(error_line("a\nb\x1b[31m"), "polydot: a\\nb\\x1b[31m"); }

TEST(Version, NamesWhatItWasBuiltFor) {
  EXPECT_TRUE(contains(version_text(), "wire version "));
  EXPECT_TRUE(contains(version_json(), "\"wire_version\":"));
}

TEST(ProcessorCheck, MissingIsWhatIsRequiredAndNotSupported) {
  static_assert(missing_instructions(0b1100, 0b0110) == 0b1000);
  EXPECT_EQ(missing_instructions(kRequiredInstructions, supported_instructions()),
            0U);  // or this would not run
}

TEST(ProcessorCheck, TheLineNamesWhatIsMissing) {
  char line[160];
  const unsigned length =
      describe_missing(InstructionSet{1} << kAvx2 | InstructionSet{1} << kFma, line, sizeof(line));
  EXPECT_EQ(std::string(line, length),
            "polydot: this processor lacks instructions that the program was built with: fma avx2; build it "
            "on this "
            "machine, or for an older POLYDOT_ARCH\n");
}

TEST(ProcessorCheck, TheLineFitsHoweverManyAreMissing) {
  char line[640];
  const unsigned all = describe_missing((InstructionSet{1} << kInstructionCount) - 1, line, sizeof(line));
  EXPECT_LT(all, sizeof(line) - 1) << "room for every name";
  EXPECT_TRUE(contains(line, kInstructionNames[kInstructionCount - 1]));
  for (unsigned size_bytes = 1; size_bytes < sizeof(line); ++size_bytes) {
    const unsigned length = describe_missing(~InstructionSet{0} >> 28, line, size_bytes);
    ASSERT_LT(length, size_bytes);
    ASSERT_EQ(line[length], '\0');
  }
}

}  // namespace
}  // namespace polydot::tools
