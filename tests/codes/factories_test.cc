// Plans that are refused, by name and with the number that works; thresholds and bounds of those that are
// not.
#include "codes/families/factories.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "codes/families/chebyshev.h"
#include "tests/codes/test_plans.h"

namespace polydot::codes::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

std::string refusal(const std::string& name, Grid grid, Index peers) {
  const Result<ProductCode> code = make_code(name, grid, peers);
  if (code.ok()) return "not refused";
  EXPECT_EQ(code.failure().kind, FailureKind::kUsage);
  return code.failure().message;
}

TEST(Factories, RefuseTooFewPeersWithTheSmallestNumberThatWorks) {
  for (const char* name : {"polydot", "monomial", "mds", "replication", "uncoded"})
    for (Grid grid : {Grid{1, 1, 1}, {2, 2, 1}, {1, 3, 1}, {3, 1, 1}, {2, 3, 1}, {4, 4, 1}}) {
      const Index fewest = fewest_peers(name, grid);
      ASSERT_GE(fewest, 1);
      EXPECT_THAT(refusal(name, grid, fewest - 1), AllOf(HasSubstr(std::to_string(fewest)), HasSubstr(name),
                                                         HasSubstr("peers"), Not(HasSubstr("\n"))));
      EXPECT_TRUE(make_code(name, grid, fewest).ok()) << name;
    }
}

TEST(Factories, FewestPeersAreTheLargestThreshold) {
  for (const Plan& plan : kPlans) {
    const ProductCode code = make({plan.name, plan.grid, fewest_peers(plan.name, plan.grid)});
    EXPECT_EQ(code.recovery_threshold(), code.peers()) << text_of(plan);
  }
  EXPECT_EQ(fewest_peers("raptor", {2, 2, 1}), -1);
}

TEST(Factories, RefuseNonsense) {
  EXPECT_THAT(refusal("raptor", {2, 2, 1}, 10), AllOf(HasSubstr("raptor"), HasSubstr("polydot")));
  for (Grid grid : {Grid{0, 2, 1}, {2, 0, 1}, {2, 2, 0}, {-1, 2, 1}})
    for (const char* name : {"polydot", "monomial", "mds", "replication", "uncoded"})
      EXPECT_THAT(refusal(name, grid, 10), HasSubstr("at least 1")) << name;
  EXPECT_THAT(refusal("polydot", {100, 100, 100}, 10), HasSubstr("256"));
  EXPECT_THAT(refusal("polydot", {2, 2, 1}, 257), HasSubstr("at most 256 peers"));
  EXPECT_THAT(refusal("uncoded", {2, 2, 1}, 5), HasSubstr("exactly 4"));
  for (const char* name : {"mds", "replication", "uncoded"})
    EXPECT_THAT(refusal(name, {2, 2, 2}, 10), AllOf(HasSubstr("d = 1"), HasSubstr("2x2x2"))) << name;
}

TEST(Factories, ThresholdsOfTheDesign) {
  struct {
    Grid grid;
    Index forward, backward;
  } const rows[] = {
      {{2, 2, 1}, 5, 6}, {{3, 3, 1}, 11, 15}, {{4, 4, 1}, 19, 28}, {{6, 6, 1}, 41, 66}, {{3, 3, 3}, 29, 33}};
  for (const auto& row : rows)
    for (const char* name : {"polydot", "monomial"}) {
      const ProductCode code = make({name, row.grid, 80});
      EXPECT_EQ(code.pass(PassKind::kForward).code.recovery_threshold, row.forward);
      EXPECT_EQ(code.pass(PassKind::kBackward).code.recovery_threshold, row.backward);
    }
  const ProductCode mds = make({"mds", {6, 4, 1}, 10});
  EXPECT_EQ(mds.pass(PassKind::kForward).code.recovery_threshold, 6);
  EXPECT_EQ(mds.pass(PassKind::kBackward).code.recovery_threshold, 4);
}

TEST(Factories, ErrorBoundsAreThoseOfTheDesign) {
  const LinearCode forward = make({"polydot", {2, 2, 1}, 12}).pass(PassKind::kForward).code;
  EXPECT_EQ(error_bounds(forward, 12).any, 3);
  EXPECT_EQ(error_bounds(forward, 12).independent, 6);
  EXPECT_EQ(error_bounds(forward, 6).any, 0);
  EXPECT_EQ(error_bounds(forward, 6).independent, 0);
  EXPECT_EQ(error_bounds(forward, 5).independent, 0);
  EXPECT_EQ(error_bounds(forward, 3).any, 0);
  // Replication: the bounds of the block with the fewest copies.
  const LinearCode copies = make({"replication", {2, 2, 1}, 14}).pass(PassKind::kForward).code;
  EXPECT_EQ(copies.recovery_threshold, 12);
  EXPECT_EQ(error_bounds(copies, 14).any, 1);
}

TEST(Factories, PeersOwnChebyshevPoints) {
  for (const char* name : {"polydot", "monomial", "mds"})
    EXPECT_EQ(make({name, {2, 2, 1}, 10}).points, chebyshev_points(10)) << name;
}

TEST(Factories, LargePlansComeOutExactly) {
  for (const Plan& plan : {Plan{"polydot", {6, 6, 1}, 80},
                           {"polydot", {6, 3, 2}, 80},
                           {"polydot", {1, 13, 3}, 80},
                           {"polydot", {13, 1, 3}, 80},
                           {"polydot", {5, 4, 2}, 80}})
    EXPECT_TRUE(make_code(plan.name, plan.grid, plan.peers).ok()) << text_of(plan);
}

}  // namespace
}  // namespace polydot::codes::testing
