// What one name can take from the others: room in the store, answers, pieces. And that who asks honestly gets
// what it lost.
#include <gtest/gtest.h>

#include <memory>

#include "protocol/rounds/contribution_store.h"
#include "protocol/wire/wire.h"
#include "tests/protocol/peer_lab.h"

namespace polydot::protocol::testing {
namespace {

using codes::RoundKey;

// Of as many entries as the job allows, all of them the same memory.
Message posed_contribution(const RoundKey& key, std::uint32_t rows = 20, std::uint32_t cols = 50) {
  static const auto zeros = std::make_shared<const std::vector<std::byte>>(std::size_t{1} << 20);
  Message message;
  message.kind = MessageKind::kContribution;
  message.key = key;
  message.rows = rows;
  message.cols = message.total_cols = cols;
  message.set = PeerSet::all(PeerLab::kPeers);
  message.payload = Payload(zeros, std::span(*zeros).first(std::size_t{4} * rows * cols));
  return message;
}

std::size_t all_quotas(PeerLab& lab) {
  return store_quota_bytes(lab.job(0), PeerLab::kPeers) * static_cast<std::size_t>(PeerLab::kPeers);
}

TEST(Quota, OneNameThatFillsALaterEpochTakesNobodysPlace) {
  PeerLab lab(20);
  lab.filter([](const Letter& letter) { return letter.from != 9; });  // what it says itself is lost
  std::uint32_t slot = 0;
  const bool done = lab.until([&] {
    for (int p = 0; p < 9; ++p)
      for (int k = 0; k < 40; ++k)
        lab.peer(p).on_message(lab.now_ms(), 9, posed_contribution({1, 0, ++slot, 0}));
    bool all = true;
    for (int p = 0; p < 9; ++p) {
      const MemoryUse use = lab.peer(p).memory();
      EXPECT_LE(use.most_stored_of_one, store_quota_bytes(lab.job(p), PeerLab::kPeers));
      EXPECT_LE(use.stored_bytes, all_quotas(lab));
      all = all && lab.job(p).steps_done() == 20;
    }
    return all;
  });
  EXPECT_TRUE(done) << "the others stand at step " << lab.job(0).steps_done();
  EXPECT_GT(slot, 1000u);
  for (int p = 0; p < 9; ++p)
    for (std::size_t k = 0; k < lab.job(p).products.size(); ++k)
      EXPECT_LT((lab.job(p).products[k] - lab.job(p).truth(k)).norm(), 1e-4f * lab.job(p).truth(k).norm());
}

TEST(Quota, NothingIsKeptOfEpochsBeyondTheNext) {
  PeerLab lab(3);
  const std::size_t before = lab.peer(0).memory().stored_bytes;
  for (const std::uint32_t epoch : {2u, 3u, 0xffffffffu})
    lab.hand(9, 0, posed_contribution({epoch, 0, 0, 0}));
  EXPECT_EQ(lab.peer(0).memory().stored_bytes, before);
  lab.hand(9, 0, posed_contribution({1, 0, 0, 0}));
  EXPECT_GT(lab.peer(0).memory().stored_bytes, before);
}

// A job of two equal wide layers in a row: two rounds of contributions of everybody, under any attempt.
class WideJob : public ProductJob {
 public:
  WideJob(const codes::ProductCode& code, std::size_t entries) : ProductJob(code, 0, 1), entries_(entries) {}
  RoundSizes round_sizes() const override { return {entries_, 3 * entries_, 3}; }

 private:
  std::size_t entries_;
};

TEST(Quota, TwoWideRoundsOfEverybodyAreStoredWhateverTheyTake) {
  const auto code = codes::make_code("polydot", {2, 2, 1}, PeerLab::kPeers).value();
  for (const std::uint32_t cols : {1u, 64u, 4096u, 65536u}) {
    constexpr std::uint32_t kRows = 512;  // the last: 128 MiB a contribution, 2.5 GiB in two rounds
    const WideJob job(code, std::size_t{kRows} * cols);
    ContributionStore store(PeerLab::kPeers, store_quota_bytes(job, PeerLab::kPeers));
    const auto run = static_cast<std::uint32_t>(columns_per_slice(kRows, cols));
    const auto add = [&](int peer, const RoundKey& key) {
      bool stored = true;
      for (std::uint32_t first = 0; first < cols; first += run) {
        Message slice = posed_contribution(key, kRows, std::min(run, cols - first));
        slice.first_col = first;
        slice.total_cols = cols;
        stored = store.add(peer, slice) && stored;
      }
      return stored;
    };
    for (int peer = 0; peer < PeerLab::kPeers; ++peer) {
      add(peer, {0, 9, 0, 0});  // somebody ahead of all
      for (const std::uint32_t slot : {0u, 1u})
        for (std::uint32_t attempt = 0; attempt < PeerOptions::kMaxAttempts; ++attempt)
          ASSERT_TRUE(add(peer, {0, 1, slot, attempt})) << cols << " columns";
    }
    for (const std::uint32_t slot : {0u, 1u})
      EXPECT_EQ(store.complete({0, 1, slot, 2}, {kRows, cols}), PeerSet::all(PeerLab::kPeers));
  }
}

Message request_for(const RoundKey& key) {
  Message request;
  request.kind = MessageKind::kRequest;
  request.key = key;
  return request;
}

// Everybody waits in the first round for peer 9, which says nothing.
class Asked : public ::testing::Test {
 protected:
  Asked() : lab_(5) {
    lab_.filter([](const Letter& letter) {
      return letter.message.kind == MessageKind::kHello || letter.from < 4;  // too few for a round
    });
    lab_.until([&] { return lab_.peer(0).memory().sent_rounds == 1; });
  }
  std::size_t ask(const RoundKey& key = {0, 0, 0, 0}) {
    std::size_t answers = 0;
    for (const Outgoing& out : lab_.hand(9, 0, request_for(key)))
      answers += out.to == 9 && out.message.kind == MessageKind::kContribution;
    return answers;
  }

  static constexpr std::int64_t kInterval = PeerLab::kPatienceMs / 10;  // of requests
  PeerLab lab_;
};

TEST_F(Asked, AFloodOfRequestsIsAnsweredAtARate) {
  std::size_t answers = 0;
  for (int k = 0; k < 1000; ++k) answers += ask();
  EXPECT_EQ(answers, 1u) << "at one moment";
  constexpr std::int64_t kSpan = 500;  // less than a patience: nothing else happens
  for (std::int64_t ms = 0; ms < kSpan; ++ms) {
    lab_.pass_ms(1);
    for (int k = 0; k < 20; ++k) answers += ask();
  }
  EXPECT_LE(answers, 5u + static_cast<std::size_t>(2 * kSpan / kInterval));
  EXPECT_GE(answers, static_cast<std::size_t>(kSpan / kInterval));
}

TEST_F(Asked, WhoAsksAtTheIntervalOfRequestsIsAnsweredEachTime) {
  for (int k = 0; k < 8; ++k) {
    EXPECT_EQ(ask(), 1u) << "request " << k;
    lab_.pass_ms(kInterval);
  }
}

TEST_F(Asked, WhoIsInAHurryIsAnsweredTwiceAtOnceAndThenEverMoreRarely) {
  std::vector<int> answered;
  for (int k = 0; k < 20; ++k) {
    if (ask() > 0) answered.push_back(k);
    lab_.pass_ms(20);
  }
  ASSERT_GE(answered.size(), 5u);
  EXPECT_EQ(answered[0], 0);
  EXPECT_EQ(answered[1], 1);
  for (std::size_t k = 1; k < answered.size(); ++k)
    EXPECT_LE(20 * (answered[k] - answered[k - 1]), kInterval / 2 + 20);
}

TEST_F(Asked, AnotherPeerIsAnsweredAllTheSame) {
  for (int k = 0; k < 100; ++k) ask();
  std::size_t answers = 0;
  for (const Outgoing& out : lab_.hand(8, 0, request_for({0, 0, 0, 0}))) answers += out.to == 8;
  EXPECT_EQ(answers, 1u);
}

TEST_F(Asked, AttemptsThatDoNotExistAreNotAnswered) {
  for (const std::uint32_t attempt : {3u, 4u, 1000u, 0xffffffffu}) EXPECT_EQ(ask({0, 0, 0, attempt}), 0u);
  EXPECT_EQ(ask({0, 0, 0, 2}), 1u);
}

}  // namespace
}  // namespace polydot::protocol::testing
