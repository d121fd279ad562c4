// Peers that do not belong together: each says which peer and which key, and ends with exit code 5.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/tools/hand_started.h"
#include "tests/tools/process.h"
#include "tests/tools/tiny_digits.h"

namespace polydot::tools {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

// What a peer says beside whom it waits for.
Words complaints(const Ended& ended) {
  Words lines = lines_of(ended.err);
  std::erase_if(lines, [](const std::string& line) { return line.starts_with("polydot: waiting for "); });
  return lines;
}

void expect_disagreement(const Ended& ended, int other, const std::string& key) {
  EXPECT_EQ(ended.exit_code, 5) << ended.err;
  EXPECT_EQ(ended.out, "");
  const Words lines = complaints(ended);
  ASSERT_EQ(lines.size(), 1U) << ended.err;
  EXPECT_THAT(lines[0], StartsWith("polydot: peer " + std::to_string(other) + " "));
  EXPECT_THAT(lines[0], HasSubstr(key));
}

class Disagreement : public testing::Test {
 protected:
  Words flags() {
    return join({{"--grid", "1x2", "--steps", "5", "--patience-ms", "2000"},
                 tiny_network(write_tiny_digits(scratch_))});
  }
  Scratch scratch_;
};

// Whoever comes later is told, too: by then the first one has long tried to reach it.
TEST_F(Disagreement, OfConfigurationsIsNamedAtBothSides) {
  for (const bool early : {true, false}) {
    SCOPED_TRACE(early ? "both at once" : "one after the other");
    with_free_ports(4, [&](const std::vector<int>& ports) {
      HandStarted cluster(ports, flags(), scratch_);
      cluster.start_peer(0);
      if (!early && !cluster.peer(0).runs_until([&] { return !lines_of(cluster.peer(0).err()).empty(); }))
        return false;
      cluster.start_peer(3, cluster.other_file("lr = 0.01", "lr = 0.02"), {});
      const std::vector<Ended> all = cluster.wait();
      if (any_found_its_port_taken(all)) return false;
      expect_disagreement(all[0], 3, "shared.training.lr = 0.02, here it is 0.01");
      expect_disagreement(all[1], 0, "shared.training.lr = 0.01, here it is 0.02");
      return true;
    });
  }
}

TEST_F(Disagreement, OfDataIsNamedAtBothSides) {
  with_free_ports(4, [&](const std::vector<int>& ports) {
    HandStarted cluster(ports, flags(), scratch_);
    cluster.start_peer(1);
    cluster.start_peer(2, {"--data", write_tiny_digits(scratch_, 77)});
    const std::vector<Ended> all = cluster.wait();
    if (any_found_its_port_taken(all)) return false;
    expect_disagreement(all[0], 2, "data digest");
    expect_disagreement(all[1], 1, "data digest");
    return true;
  });
}

TEST_F(Disagreement, OfOneEndsAllInsteadOfLettingThemWait) {
  with_free_ports(4, [&](const std::vector<int>& ports) {
    HandStarted cluster(ports, flags(), scratch_);
    for (const int index : {0, 1, 2}) cluster.start_peer(index);
    cluster.start_peer(3, {"--seed", "8"});
    const std::vector<Ended> all = cluster.wait();
    if (any_found_its_port_taken(all)) return false;
    for (const Ended& ended : all) {
      EXPECT_EQ(ended.exit_code, 5) << ended.err;
      EXPECT_EQ(complaints(ended).size(), 1U) << ended.err;
    }
    EXPECT_THAT(all[3].err, HasSubstr("shared.training.seed"));
    return true;
  });
}

}  // namespace
}  // namespace polydot::tools
