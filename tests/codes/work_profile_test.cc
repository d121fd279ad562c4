#include "codes/work_profile.h"

#include <gtest/gtest.h>

#include <chrono>
#include <ctime>
#include <numeric>
#include <set>
#include <string>
#include <thread>

namespace polydot::codes {
namespace {

double of(const WorkProfile::Seconds& seconds, Work work) { return seconds[static_cast<std::size_t>(work)]; }
// Processor time of this thread.
double spent() {
  timespec time{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}
void spend(int ms) {
  for (const double end = spent() + 1e-3 * ms; spent() < end;) {
  }
}

TEST(WorkProfile, EveryMomentBelongsToTheInnermostScope) {
  WorkProfile profile;
  const double start = spent();
  {
    const WorkListener listener(profile);
    const WorkScope outer(Work::kCheck);
    spend(4);
    {
      const WorkScope inner(Work::kDecode);
      spend(8);
    }
    spend(4);
  }
  const WorkProfile::Seconds seconds = profile.take();
  const double all = spent() - start;
  EXPECT_GE(of(seconds, Work::kCheck), 0.008);
  EXPECT_GE(of(seconds, Work::kDecode), 0.008);
  const double sum = std::accumulate(seconds.begin(), seconds.end(), 0.0);
  EXPECT_LE(sum, all + 1e-3);
  EXPECT_GE(sum, of(seconds, Work::kCheck) + of(seconds, Work::kDecode));
}

TEST(WorkProfile, IdlenessIsTimeOnTheWall) {
  WorkProfile profile;
  const WorkListener listener(profile);
  {
    const WorkScope scope(Work::kIdle);
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  spend(2);
  const WorkProfile::Seconds seconds = profile.take();
  EXPECT_GE(of(seconds, Work::kIdle), 0.005);
  EXPECT_GE(of(seconds, Work::kOther), 0.002);
}

TEST(WorkProfile, IsTakenOnce) {
  WorkProfile profile;
  const WorkListener listener(profile);
  {
    const WorkScope scope(Work::kUpdate);
    spend(2);
    EXPECT_GE(of(profile.take(), Work::kUpdate), 0.002);  // what is under way counts
  }
  EXPECT_LT(of(profile.take(), Work::kUpdate), 0.002);
}

TEST(WorkProfile, HearsOneThreadAndOnlyWhileItListens) {
  WorkProfile profile;
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
