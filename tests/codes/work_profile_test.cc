#include "codes/base/work_profile.h"

#include <gtest/gtest.h>

#include <numeric>
#include <set>
#include <string>
#include <thread>

namespace polydot::codes {
namespace {

double of(const WorkProfile::Seconds& seconds, Work work) { return seconds[static_cast<std::size_t>(work)]; }
// A processor and a wall that move when they are told to.
thread_local double t_processor = 100.0, t_wall = 900.0;
double clock(Work work) { return work == Work::kIdle ? t_wall : t_processor; }
void spend(int ms) { t_processor += 1e-3 * ms, t_wall += 2e-3 * ms; }

TEST(WorkProfile, EveryMomentBelongsToTheInnermostScope) {
  WorkProfile profile(clock);
  {
    const WorkListener listener(profile);
    spend(1);
    const WorkScope outer(Work::kCheck);
    spend(4);
    {
      const WorkScope inner(Work::kDecode);
      spend(8);
    }
    spend(16);
  }
  const WorkProfile::Seconds seconds = profile.take();
  EXPECT_NEAR(of(seconds, Work::kOther), 0.001, 1e-9);
  EXPECT_NEAR(of(seconds, Work::kCheck), 0.020, 1e-9);
  EXPECT_NEAR(of(seconds, Work::kDecode), 0.008, 1e-9);
  EXPECT_NEAR(std::accumulate(seconds.begin(), seconds.end(), 0.0), 0.029, 1e-9);
}

TEST(WorkProfile, IdlenessIsTimeOnTheWall) {
  WorkProfile profile(clock);
  const WorkListener listener(profile);
  {
    const WorkScope scope(Work::kIdle);
    spend(5);
    const WorkScope message(Work::kReceive);
    spend(1);
  }
  spend(2);
  const WorkProfile::Seconds seconds = profile.take();
  EXPECT_NEAR(of(seconds, Work::kIdle), 0.010, 1e-9);
  EXPECT_NEAR(of(seconds, Work::kReceive), 0.001, 1e-9);
  EXPECT_NEAR(of(seconds, Work::kOther), 0.002, 1e-9);
}

TEST(WorkProfile, IsTakenOnce) {
  WorkProfile profile(clock);
  const WorkListener listener(profile);
  {
    const WorkScope scope(Work::kUpdate);
    spend(2);
    EXPECT_NEAR(of(profile.take(), Work::kUpdate), 0.002, 1e-9);  // what is under way counts
    spend(1);
  }
  EXPECT_NEAR(of(profile.take(), Work::kUpdate), 0.001, 1e-9);
}

TEST(WorkProfile, HearsOneThreadAndOnlyWhileItListens) {
  WorkProfile profile(clock);
  {
    const WorkScope nobody_listens(Work::kEncode);
    spend(2);
  }
  const WorkListener listener(profile);
  std::thread other([] {
    const WorkScope elsewhere(Work::kProduct);
    spend(2);
  });
  other.join();
  const WorkProfile::Seconds seconds = profile.take();
  EXPECT_EQ(of(seconds, Work::kEncode), 0.0);
  EXPECT_EQ(of(seconds, Work::kProduct), 0.0);
}

TEST(WorkProfile, EveryKindHasAName) {
  std::set<std::string> names;
  for (std::size_t k = 0; k < kWorkKinds; ++k) names.insert(name_of(static_cast<Work>(k)));
  EXPECT_EQ(names.size(), kWorkKinds);
}

}  // namespace
}  // namespace polydot::codes
