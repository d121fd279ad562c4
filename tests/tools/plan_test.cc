// polydot plan: its matrices against numbers that an independent program computed (tests/golden) and against
// the definition of the code, its report against the planner's own laws.
#include <gtest/gtest.h>

#include <Eigen/QR>
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <random>
#include <set>

#include "codes/decode/set_decoder.h"
#include "tools/command_plan.h"
#include "tools/commands.h"
#include "tools/exit_code.h"
#include "tools/plan_report.h"

namespace polydot::tools {
namespace {

namespace fs = std::filesystem;
using codes::Index;
using codes::MatrixD;
using codes::PeerSet;
using Json = nlohmann::json;

constexpr double kTolerance = 1e-9;
constexpr int kUsageExit = 2;

PlanRequest request_for(const std::string& code, codes::Grid grid, std::int64_t peers, Index hosts = 0) {
  PlanRequest request;
  request.shared.code = code;
  request.shared.grid = grid;
  request.shared.peers = peers;
  request.hosts = hosts;
  return request;
}

PlanReport report_for(const PlanRequest& request) {
  const auto report = make_plan_report(request);
  EXPECT_TRUE(report) << report.failure().message;
  return report ? *report : PlanReport{};
}

Json json_of(const std::string& code, codes::Grid grid, Index peers) {
  return Json::parse(matrices_json(codes::make_code(code, grid, peers).value()));
}

std::set<std::string> keys_of(const Json& json) {
  std::set<std::string> keys;
  for (const auto& [key, value] : json.items()) keys.insert(key);
  return keys;
}

MatrixD matrix_of(const Json& json) {
  MatrixD matrix(static_cast<Index>(json.size()), static_cast<Index>(json.at(0).size()));
  for (std::size_t r = 0; r < json.size(); ++r)
    for (std::size_t c = 0; c < json.at(r).size(); ++c)
      matrix(static_cast<Index>(r), static_cast<Index>(c)) = json.at(r).at(c).get<double>();
  return matrix;
}

// Both numbers, or lists of the same shape, equal to `kTolerance` of the largest number in `golden`.
void expect_near(const Json& ours, const Json& golden, const std::string& what) {
  if (golden.is_number()) {
    ASSERT_TRUE(ours.is_number()) << what;
    EXPECT_NEAR(ours.get<double>(), golden.get<double>(),
                kTolerance * std::max(1.0, std::abs(golden.get<double>())))
        << what;
    return;
  }
  ASSERT_EQ(ours.size(), golden.size()) << what;
  for (std::size_t k = 0; k < golden.size(); ++k)
    expect_near(ours.at(k), golden.at(k), what + "[" + std::to_string(k) + "]");
}

TEST(PlanMatrices, EqualEveryGoldenFile) {
  int files = 0;
  for (const auto& entry : fs::directory_iterator(fs::path(POLYDOT_SOURCE_DIR) / "tests" / "golden")) {
    if (entry.path().extension() != ".json") continue;
    ++files;
    Json golden = Json::parse(std::ifstream(entry.path()));
    golden.erase("example");
    const codes::Grid grid{golden.at("m"), golden.at("n"), golden.at("d")};
    const Json ours = json_of("polydot", grid, golden.at("P").get<Index>());
    EXPECT_EQ(keys_of(ours), keys_of(golden)) << entry.path();
    for (const auto& [key, value] : golden.items()) {
      if (!value.is_object()) {
        expect_near(ours.at(key), value, entry.path().filename().string() + " " + key);
        continue;
      }
      EXPECT_EQ(keys_of(ours.at(key)), keys_of(value)) << entry.path() << " " << key;
      for (const auto& [part, numbers] : value.items())
        expect_near(ours.at(key).at(part), numbers,
                    entry.path().filename().string() + " " + key + " " + part);
    }
  }
  EXPECT_GE(files, 7);
}

// From the definitions alone: y = V c at every peer, S = F c, for random blocks of one number each.
void expect_code_of_products(const Json& json, const std::string& pass, const char* operand,
                             bool transposed) {
  const Index m = json.at("m"), n = json.at("n"), d = json.at("d");
  std::mt19937_64 generator(1);
  std::normal_distribution<double> normal;
  const MatrixD w = MatrixD::NullaryExpr(m, n, [&] { return normal(generator); });
  const MatrixD x = MatrixD::NullaryExpr(transposed ? m : n, d, [&] { return normal(generator); });
  const MatrixD product = transposed ? MatrixD(w.transpose() * x) : MatrixD(w * x);
  const auto flat = [](const MatrixD& a) { return codes::VectorD(MatrixD(a.transpose()).reshaped()); };
  const codes::VectorD y =
      (matrix_of(json.at("weight_encoder")) * flat(w)).cwiseProduct(matrix_of(json.at(operand)) * flat(x));
  const MatrixD v = matrix_of(json.at(pass).at("generator"));
  const codes::VectorD c = v.completeOrthogonalDecomposition().solve(y);
  EXPECT_LE((v * c - y).norm(), 1e-9 * y.norm()) << pass;
  EXPECT_LE((matrix_of(json.at(pass).at("extractor")) * c - flat(product)).norm(), 1e-8 * product.norm())
      << pass;
}

TEST(PlanMatrices, DecodeProductsOfPlansWithoutAGoldenFile) {
  for (const auto& [grid, peers] : {std::pair{codes::Grid{1, 1, 1}, 3}, std::pair{codes::Grid{3, 2, 1}, 13},
                                    std::pair{codes::Grid{3, 3, 2}, 31}, std::pair{codes::Grid{4, 4, 1}, 36},
                                    std::pair{codes::Grid{1, 2, 3}, 9}}) {
    const Json json = json_of("polydot", grid, peers);
    EXPECT_EQ(json.at("forward").at("K"), grid.m * grid.n * grid.d + grid.n - 1);
    EXPECT_EQ(json.at("backward").at("K"), grid.m * grid.n * grid.d + grid.m * grid.n - grid.n);
    expect_code_of_products(json, "forward", "input_encoder", false);
    expect_code_of_products(json, "backward", "delta_encoder", true);
    // The update stays encoded: the weight encoder is the product of the update encoders.
    const MatrixD rows = matrix_of(json.at("update_delta_encoder"));
    const MatrixD cols = matrix_of(json.at("update_input_encoder"));
    const MatrixD weights = matrix_of(json.at("weight_encoder"));
    for (Index i = 0; i < grid.m; ++i)
      for (Index j = 0; j < grid.n; ++j)
        EXPECT_LE((weights.col(i * grid.n + j) - rows.col(i).cwiseProduct(cols.col(j))).norm(), 1e-12);
  }
}

TEST(PlanMatrices, NumbersSurviveTheTextUnchanged) {
  const auto code = codes::make_polydot({3, 3, 1}, 20).value();
  const Json json = Json::parse(matrices_json(code));
  EXPECT_EQ(matrix_of(json.at("weight_encoder")), code.shards.front().encoder);
  EXPECT_EQ(matrix_of(json.at("backward").at("extractor")), code.passes[1].code.extractor);
}

TEST(PlanMatrices, TwoSidedMdsAddsItsSecondShard) {
  const auto code = codes::make_two_sided_mds({3, 2, 1}, 7).value();
  const Json json = Json::parse(matrices_json(code));
  EXPECT_EQ(matrix_of(json.at("weight_encoder")), code.shards[0].encoder);
  EXPECT_EQ(matrix_of(json.at("backward_weight_encoder")), code.shards[1].encoder);
  EXPECT_EQ(matrix_of(json.at("backward_update_delta_encoder")), code.shards[1].update_rows);
  EXPECT_EQ(matrix_of(json.at("backward_update_input_encoder")), code.shards[1].update_columns);
  EXPECT_TRUE(json_of("replication", {2, 2, 1}, 8).at("points").empty());
}

TEST(PlanReportTest, ThresholdsAndBoundsAreThoseOfTheCode) {
  const PlanReport report = report_for(request_for("polydot", {2, 2, 1}, 10));
  EXPECT_EQ(report.passes[0].recovery_threshold, 5);
  EXPECT_EQ(report.passes[1].recovery_threshold, 6);
  EXPECT_EQ(report.passes[0].bounds.any, 2);
  EXPECT_EQ(report.passes[1].bounds.independent, 3);
  EXPECT_GT(report.passes[1].random_p99.gain, report.passes[1].complete.gain);
  EXPECT_LT(report.passes[1].kappa, 1e-3);
}

TEST(PlanReportTest, QuickGainIsTheGain) {
  std::mt19937_64 generator(1);
  for (const char* name : {"polydot", "monomial", "mds", "replication"}) {
    const auto code = codes::make_code(name, {2, 3, 1}, 13).value();
    for (int trial = 0; trial < 200; ++trial) {
      PeerSet set;
      for (int p = 0; p < 13; ++p)
        if (generator() % 4 != 0) set.insert(p);
      for (const codes::Pass& pass : code.passes) {
        const double exact = codes::gain_of(pass.code, pass.sigma, set);
        const double quick = quick_gain(pass.code, pass.sigma, set);
        if (!std::isfinite(exact) || !std::isfinite(quick))
          EXPECT_EQ(exact, quick) << name;
        else
          EXPECT_NEAR(quick, exact, 1e-6 * exact) << name;
      }
    }
  }
}

TEST(PlanReportTest, CostsAreThoseOfAHandCount) {
  PlanRequest request = request_for("polydot", {2, 2, 1}, 10);
  request.inputs = 7, request.classes = 4, request.shared.hidden = {6}, request.shared.batch = 3;
  const PlanReport report = report_for(request);
  // Matrices 6 x 8 and 4 x 7 (padded to 4 x 8), a quarter each: 3 x 4 and 2 x 4; weights and momentum.
  EXPECT_EQ(report.cost.memory_bytes, 4.0 * 2 * (12 + 8));
  // Forward 3 x 3 and 2 x 3, backward of the last layer 4 x 3; to nine others.
  EXPECT_EQ(report.cost.sent_bytes, 4.0 * 9 * (9 + 6 + 12));
  const double work = 12 * 2 + 8 * 3, plain = 48 * 2 + 28 * 3;
  EXPECT_DOUBLE_EQ(report.cost.arithmetic, work / plain);
}

TEST(PlanReportTest, HostsTakeEveryIndexOnceAndAreJudgedByPass) {
  const PlanReport report = report_for(request_for("polydot", {3, 3, 1}, 20, 4));
  std::set<Index> seen;
  for (const HostReport& host : report.hosts) seen.insert(host.indices.begin(), host.indices.end());
  EXPECT_EQ(report.hosts.size(), 4U);
  EXPECT_EQ(seen.size(), 20U);
  for (const HostReport& host : report.hosts) {
    EXPECT_TRUE(host.without[0].usable);   // 15 left, K = 11
    EXPECT_FALSE(host.without[1].usable);  // 15 left, K = 15: decodes, but nothing is left to check with
  }
  EXPECT_NE(text_of(report).find("training waits"), std::string::npos);
}

TEST(PlanReportTest, AdvisesWhatTheMeasurementsSay) {
  EXPECT_NE(text_of(report_for(request_for("polydot", {4, 4, 1}, 36))).find("40 peers on this grid"),
            std::string::npos);
  EXPECT_EQ(text_of(report_for(request_for("polydot", {4, 4, 1}, 40))).find("peers on this grid"),
            std::string::npos);
  EXPECT_NE(text_of(report_for(request_for("polydot", {2, 2, 1}, 10))).find("--code mds --grid 6x6"),
            std::string::npos);
  EXPECT_NE(text_of(report_for(request_for("monomial", {4, 4, 1}, 32))).find("cannot use this plan"),
            std::string::npos);
  EXPECT_NE(text_of(report_for(request_for("uncoded", {2, 2, 1}, 4))).find("nothing is checked"),
            std::string::npos);
}

class PlanCommand : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "polydot-plan-XXXXXX").string();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
  }
  void TearDown() override { fs::remove_all(folder_); }

  static int run(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "plan");
    const auto request = parse_arguments(arguments);
    return request ? run_plan(std::get<PlanRequest>(*request)) : report(request.failure());
  }

  fs::path folder_;
};

TEST_F(PlanCommand, WritesTheMatricesWholeOrNotAtAll) {
  const fs::path file = folder_ / "code.json";
  ASSERT_EQ(run({"--peers", "20", "--grid", "3x3", "--matrices", file.string()}), kExitDone);
  EXPECT_EQ(Json::parse(std::ifstream(file)), json_of("polydot", {3, 3, 1}, 20));
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_), fs::directory_iterator()), 1);
  EXPECT_EQ(run({"--matrices", (folder_ / "no" / "such.json").string()}), kUsageExit);
}

TEST_F(PlanCommand, ADashIsStdoutAndNothingElseIsWritten) {
  testing::internal::CaptureStdout();
  const int code = run({"--peers", "8", "--grid", "2x2", "--matrices", "-"});
  const std::string text = testing::internal::GetCapturedStdout();
  EXPECT_EQ(code, kExitDone);
  EXPECT_EQ(Json::parse(text), json_of("polydot", {2, 2, 1}, 8));
}

TEST_F(PlanCommand, TooFewPeersAreRefusedWithTheNumberThatWorks) {
  testing::internal::CaptureStderr();
  const int code = run({"--peers", "10", "--grid", "3x3"});
  const std::string text = testing::internal::GetCapturedStderr();
  EXPECT_EQ(code, kUsageExit);
  EXPECT_NE(text.find("15"), std::string::npos) << text;
  // What reaches the command itself is refused the same way.
  testing::internal::CaptureStderr();
  EXPECT_EQ(run_plan(request_for("polydot", {3, 3, 1}, 10)), kUsageExit);
  EXPECT_NE(testing::internal::GetCapturedStderr().find("at least 15"), std::string::npos);
}

}  // namespace
}  // namespace polydot::tools
