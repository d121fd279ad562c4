// Peers driven by hand: messages are values in a queue that a test can look into, hold back, repeat or throw
// away, and time moves when the test says so. The job is a sequence of plain matrix products: no training is
// needed.
#pragma once

#include <algorithm>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "codes/families/factories.h"
#include "codes/kernels/encode.h"
#include "dnn/operations/random.h"
#include "protocol/peer.h"

namespace polydot::protocol::testing {

using codes::Index;
using codes::Matrix;
using codes::PeerSet;

// Step s has two rounds: W X_s, then W^T D_s.
class ProductJob : public Job {
 public:
  static constexpr Index kRows = 12, kCols = 10, kBatch = 6;

  ProductJob(const codes::ProductCode& code, int self, std::uint64_t steps)
      : code_(code),
        steps_(steps),
        weights_(random(kRows, kCols, 0)),
        shard_(codes::encode_shard(code.shards[0], self, weights_)) {}

  const codes::ProductCode& code() const override { return code_; }
  std::optional<codes::RoundRequest> next_round() override {
    if (products.size() == 2 * steps_) return std::nullopt;
    codes::RoundRequest request;
    request.key.step = steps_done();
    request.key.slot = products.size() % 2;
    request.pass = products.size() % 2 == 0 ? codes::PassKind::kForward : codes::PassKind::kBackward;
    request.shard = &shard_;
    request.weights = {kRows, kCols};
    request.operand = std::make_shared<const Matrix>(operand(products.size()));
    return request;
  }
  void deliver(Matrix product) override { products.push_back(std::move(product)); }
  std::uint64_t steps_done() const override { return products.size() / 2; }
  std::size_t max_contribution_entries() const override { return 1000; }
  double initial_scale(Index, codes::PassKind) const override { return static_cast<double>(weights_.norm()); }

  // The right product of round `round`, counted over the whole job.
  Matrix truth(std::size_t round) const {
    return round % 2 == 0 ? Matrix(weights_ * operand(round)) : Matrix(weights_.transpose() * operand(round));
  }

  std::vector<Matrix> products;  // delivered so far

 private:
  static Matrix random(Index rows, Index cols, std::uint64_t index) {
    dnn::Random numbers(3, dnn::RandomStream::kWeights, index);
    Matrix x(rows, cols);
    for (Index i = 0; i < x.size(); ++i) x.data()[i] = static_cast<float>(numbers.gaussian());
    return x;
  }
  static Matrix operand(std::size_t round) {
    return random(round % 2 == 0 ? kCols : kRows, kBatch, 1 + round);
  }

  const codes::ProductCode& code_;
  std::uint64_t steps_;
  Matrix weights_, shard_;
};

struct Letter {
  int from = 0, to = 0;
  Message message;
};

class PeerLab {
 public:
  static constexpr int kPeers = 10;
  static constexpr std::int64_t kPatienceMs = 1000;
  using Filter = std::function<bool(const Letter&)>;  // false: the letter is lost

  explicit PeerLab(std::uint64_t steps, const std::function<void(PeerOptions&)>& adjust = {})
      : code_(codes::make_code("polydot", {2, 2, 1}, kPeers).value()) {
    for (int p = 0; p < kPeers; ++p) {
      PeerOptions options;
      options.self = p;
      options.peers = kPeers;
      options.patience_ms = kPatienceMs;
      options.shared = {{"name", "lab"}};
      if (adjust) adjust(options);
      jobs_.push_back(std::make_unique<ProductJob>(code_, p, steps));
      peers_.push_back(std::make_unique<Peer>(options, *jobs_.back(), nullptr, nullptr));
    }
  }

  Peer& peer(int p) { return *peers_[static_cast<std::size_t>(p)]; }
  ProductJob& job(int p) { return *jobs_[static_cast<std::size_t>(p)]; }
  std::int64_t now_ms() const { return now_ms_; }
  const std::vector<Letter>& sent() const { return sent_; }  // everything so far, lost or not

  void filter(Filter filter) { filter_ = std::move(filter); }
  // What becomes of letters on their way.
  void alter(std::function<void(Letter&)> alter) { alter_ = std::move(alter); }
  // A frozen peer does nothing; its letters wait for it.
  void freeze(const PeerSet& peers) { frozen_ = peers; }

  // Works until nobody has anything left to do at this moment.
  void settle() {
    bool busy = true;
    while (busy) {
      busy = false;
      for (int p = 0; p < kPeers; ++p) {
        if (frozen_.contains(p)) continue;
        for (; !boxes_[p].empty(); boxes_[p].pop_front())
          peer(p).on_message(now_ms_, boxes_[p].front().from, boxes_[p].front().message);
        busy |= peer(p).advance(now_ms_);
        busy |= post(p);
      }
    }
  }
  void pass_ms(std::int64_t ms) {
    now_ms_ += ms;
    settle();
  }
  // Small moves until `done` holds or virtual time has passed `limit_ms` more.
  bool until(const std::function<bool()>& done, std::int64_t limit_ms = 100 * kPatienceMs) {
    for (const std::int64_t end = now_ms_ + limit_ms; !done() && now_ms_ < end;) pass_ms(10);
    return done();
  }
  bool all_ended() const {
    return std::all_of(peers_.begin(), peers_.end(),
                       [](const auto& peer) { return peer->status().phase == PeerPhase::kEnded; });
  }
  // A letter from outside of the queue; what the receiver answers at once.
  std::vector<Outgoing> hand(int from, int to, Message message) {
    peer(to).on_message(now_ms_, from, std::move(message));
    return peer(to).take_outbox();
  }
  std::size_t sent_count(MessageKind kind, int from, int to) const {
    return static_cast<std::size_t>(std::count_if(sent_.begin(), sent_.end(), [&](const Letter& letter) {
      return letter.message.kind == kind && letter.from == from && letter.to == to;
    }));
  }

 private:
  bool post(int from) {
    const std::vector<Outgoing> outbox = peer(from).take_outbox();
    for (const Outgoing& outgoing : outbox)
      for (int to = 0; to < kPeers; ++to) {
        if (to == from || (outgoing.to != kEverybody && outgoing.to != to)) continue;
        sent_.push_back({from, to, outgoing.message});
        if (filter_ && !filter_(sent_.back())) continue;
        boxes_[to].push_back(sent_.back());
        if (alter_) alter_(boxes_[to].back());
      }
    return !outbox.empty();
  }

  codes::ProductCode code_;
  std::vector<std::unique_ptr<ProductJob>> jobs_;
  std::vector<std::unique_ptr<Peer>> peers_;
  std::deque<Letter> boxes_[kPeers];
  std::vector<Letter> sent_;
  Filter filter_;
  std::function<void(Letter&)> alter_;
  PeerSet frozen_;
  std::int64_t now_ms_ = 0;
};

inline bool is(const Letter& letter, MessageKind kind) { return letter.message.kind == kind; }
inline bool is_contribution_to(const Letter& letter, std::uint64_t step, std::uint32_t slot) {
  return is(letter, MessageKind::kContribution) && letter.message.key.step == step &&
         letter.message.key.slot == slot;
}

}  // namespace polydot::protocol::testing
