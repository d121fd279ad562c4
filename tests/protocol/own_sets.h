// Training in which every peer misses one contribution, drawn anew each round, and so decodes and checks from
// a set of its own: the worst case of clean operation. Peers agree only up to rounding, and shards leave the
// code little by little. No network: a round's verdicts come straight from codes::check_round.
#pragma once

#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include "codes/decode/round_check.h"
#include "codes/kernels/encode.h"
#include "dnn/coded/training_program.h"
#include "dnn/operations/random.h"
#include "protocol/rounds/floors.h"

namespace polydot::simulator::testing {

// A peer that misses a contribution in every round never has a complete one to learn its floor from, and the
// analytic bound alone does not follow the drift. Here the missing row arrives after the decode and is used
// for the statistic alone: the round is checked once more with all rows (RoundQuestion::present), while it is
// decoded from the own set (RoundQuestion::decode_with). Both verdicts count: nobody may be blamed by either.
class OwnSets {
 public:
  // code, train and test must outlive this.
  OwnSets(const codes::ProductCode& code, const dnn::TrainingPlan& plan, const dnn::Dataset& train,
          const dnn::Dataset& test, std::uint64_t seed)
      : code_(code),
        random_(seed, dnn::RandomStream::kSampleOrder, 12345),
        everybody_(codes::PeerSet::all(count())) {
    for (const codes::Pass& pass : code.passes)
      caches_.push_back(std::make_unique<codes::DecoderCache>(pass.code, pass.sigma));
    for (int p = 0; p < count(); ++p) {
      peers_.emplace_back();
      peers_.back().program =
          std::make_unique<dnn::TrainingProgram>(code, p, plan, train, test, nullptr, nullptr);
      peers_.back().decoded_from = everybody_;
    }
  }

  void run() {
    while (run_round()) {
    }
  }

  std::uint64_t rounds() const { return rounds_; }  // judged, over all peers
  std::uint64_t noise_rounds() const { return noise_rounds_; }
  double loudest() const { return loudest_; }  // statistic over threshold, noise left out
  // One line each: who was blamed where, and what was not checked.
  const std::vector<std::string>& blames() const { return blames_; }
  const std::vector<std::string>& not_checked() const { return not_checked_; }
  const protocol::Floors& floors(int peer) const { return peers_[static_cast<std::size_t>(peer)].floors; }

 private:
  struct Member {
    std::unique_ptr<dnn::TrainingProgram> program;
    protocol::Floors floors;
    codes::PeerSet decoded_from;  // the operand at hand
  };

  int count() const { return static_cast<int>(code_.peers()); }
  codes::DecoderCache& cache(codes::PassKind pass) { return *caches_[static_cast<std::size_t>(pass)]; }

  bool run_round() {
    std::vector<codes::RoundRequest> requests;
    for (Member& member : peers_)
      if (std::optional<codes::RoundRequest> request = member.program->next_round())
        requests.push_back(std::move(*request));
    if (requests.empty()) return false;
    POLYDOT_CHECK_EQ(requests.size(), peers_.size());
    std::vector<codes::Matrix> products;
    for (int p = 0; p < count(); ++p)
      products.push_back(product_of(p, requests[static_cast<std::size_t>(p)]));
    std::vector<codes::RoundVerdict> verdicts;
    for (int p = 0; p < count(); ++p)
      verdicts.push_back(judge(p, requests[static_cast<std::size_t>(p)], products));
    for (int p = 0; p < count(); ++p) {
      Member& member = peers_[static_cast<std::size_t>(p)];
      codes::RoundVerdict& verdict = verdicts[static_cast<std::size_t>(p)];
      member.decoded_from = verdict.decoded_from;
      member.program->deliver(std::move(verdict.product));
    }
    decoded_pass_ = requests.front().pass;
    return true;
  }

  codes::Matrix product_of(int peer, const codes::RoundRequest& request) const {
    const codes::Pass& pass = code_.pass(request.pass);
    const codes::Matrix operand = codes::encode_operand(pass, peer, *request.operand);
    const codes::Shape shape = codes::contribution_shape(code_, pass, request.weights, request.batch());
    codes::Matrix product(shape.rows, shape.cols);
    codes::multiply(pass, *request.shard, operand, 0, product.rows(), product);
    return product;
  }

  codes::RoundVerdict judge(int peer, const codes::RoundRequest& request,
                            const std::vector<codes::Matrix>& products) {
    Member& member = peers_[static_cast<std::size_t>(peer)];
    const protocol::FloorKind kind{request.training, request.layer, request.pass};
    codes::NoiseFloor& floor =
        member.floors.of(kind, member.program->initial_scale(request.layer, request.pass));
    codes::PeerSet own = everybody_;
    own.erase(static_cast<int>(
        (static_cast<std::uint64_t>(peer) + 1 + random_.below(static_cast<std::uint64_t>(count() - 1))) %
        static_cast<std::uint64_t>(count())));  // anybody but itself
    codes::RoundVerdict verdict =
        codes::check_round(question(request, products, own, floor), cache(request.pass));
    note(peer, request, floor.threshold(), verdict);
    codes::RoundQuestion whole = question(request, products, everybody_, floor);
    whole.decode_with = own;
    const codes::RoundVerdict seen = codes::check_round(whole, cache(request.pass));
    note(peer, request, floor.threshold(), seen);
    if (seen.state == codes::RoundState::kChecked && seen.findings.empty())
      floor.learn(seen.typical, seen.largest);
    ++rounds_;
    return verdict;
  }

  codes::RoundQuestion question(const codes::RoundRequest& request,
                                const std::vector<codes::Matrix>& products, const codes::PeerSet& present,
                                const codes::NoiseFloor& floor) {
    codes::RoundQuestion question;
    question.pass = &code_.pass(request.pass);
    question.payload = {products.front().rows(), products.front().cols()};
    question.result_rows = request.result_rows();
    question.batch = request.batch();
    question.nu = codes::column_scales(*question.pass, *request.operand);
    question.operand_is_zero = request.operand->isZero(0.0f);
    question.threshold = floor.threshold() * operand_factor(present);
    question.gate = floor.gate();
    question.present = present;
    for (int p : present.members()) {
      const codes::Matrix& product = products[static_cast<std::size_t>(p)];
      question.contributions.push_back({{product.data()}, product.cols()});
    }
    return question;
  }

  // As Peer::loudness_of_operands: an operand decoded from a worse set carries more rounding into its
  // contribution.
  double operand_factor(const codes::PeerSet& present) {
    codes::DecoderCache& before = cache(decoded_pass_);
    double factor = 1.0;
    for (int p : present.members())
      factor = std::max(factor, before.get(peers_[static_cast<std::size_t>(p)].decoded_from)->gain /
                                    before.get(everybody_)->gain);
    return factor;
  }

  void note(int peer, const codes::RoundRequest& request, double threshold,
            const codes::RoundVerdict& verdict) {
    noise_rounds_ += verdict.active_entries > 0 && verdict.findings.empty();
    loudest_ = std::max(loudest_, verdict.statistic / threshold);
    std::ostringstream where;
    where << "peer " << peer << ", step " << request.key.step << ", layer " << request.layer
          << (request.pass == codes::PassKind::kForward ? " forward" : " backward") << ", threshold "
          << threshold << ", " << verdict.active_entries << " active entries: ";
    if (verdict.state != codes::RoundState::kChecked)
      not_checked_.push_back(where.str() + codes::name_of(verdict.state) + " (" + verdict.reason + ")");
    for (const codes::Finding& finding : verdict.findings)
      blames_.push_back(where.str() + "blames " + std::to_string(finding.peer) + " in " +
                        std::to_string(finding.entries) + " entries, " +
                        std::to_string(finding.size_over_floor) + " thresholds");
  }

  const codes::ProductCode& code_;
  dnn::Random random_;
  codes::PeerSet everybody_;
  std::vector<std::unique_ptr<codes::DecoderCache>> caches_;  // by PassKind
  std::vector<Member> peers_;
  codes::PassKind decoded_pass_ = codes::PassKind::kForward;
  std::uint64_t rounds_ = 0, noise_rounds_ = 0;
  double loudest_ = 0.0;
  std::vector<std::string> blames_, not_checked_;
};

}  // namespace polydot::simulator::testing
