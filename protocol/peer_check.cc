// The question that a round is judged by, and its verdict: which contributions, by which threshold.
// PROTOCOL.md, "Rounds, attempts, lateness".
#include <algorithm>
#include <limits>
#include <vector>

#include "protocol/peer.h"
#include "protocol/peer_state.h"
#include "protocol/rounds/first_reading.h"

namespace polydot::protocol {

// An operand decoded from a worse set carries more rounding into its contribution: by this factor at most.
double Peer::loudness_of_operand(int peer) const {
  codes::DecoderCache& before = cache(decoded_pass_);
  const codes::PeerSet set = store_.operand_set(round_->key(), peer);
  if (set == everybody_) return 1.0;
  const double gain = before.get(set)->gain;
  return gain <= codes::kUsableGain ? std::max(1.0, gain / before.get(everybody_)->gain) : 1.0;
}

double Peer::loudness_of_operands(const codes::PeerSet& present) const {
  double factor = 1.0;
  for (int p : present.members()) factor = std::max(factor, loudness_of_operand(p));
  return factor;
}

// What most ask for.
double Peer::usual_loudness(const codes::PeerSet& present) const {
  std::vector<double> factors;
  for (int p : present.members()) factors.push_back(loudness_of_operand(p));
  if (factors.empty()) return 1.0;
  const auto middle = factors.begin() + static_cast<std::ptrdiff_t>(factors.size() / 2);
  std::nth_element(factors.begin(), middle, factors.end());
  return *middle;
}

// Those that ask for no more than so many times what most do.
codes::PeerSet Peer::with_usual_operands(const codes::PeerSet& present) const {
  const double limit = kPoorOperand * usual_loudness(present);
  codes::PeerSet usual;
  for (int p : present.members())
    if (loudness_of_operand(p) <= limit) usual.insert(p);
  return usual;
}

// By the threshold that one contribution asks for all are judged, and a false word about its set would let
// much pass. Those that ask for much more than most do are left out, if enough are there without all of them,
// and if less can hide then.
codes::PeerSet Peer::without_poor_operands(const codes::PeerSet& present) const {
  const codes::PeerSet usual = with_usual_operands(present);
  const codes::PassKind pass = round_->request.pass;
  const auto enough = job_.code().pass(pass).code.recovery_threshold + 2;
  if (usual == present || usual.size() < std::max(static_cast<codes::Index>(needed()), enough))
    return present;
  const auto hidden = [&](const codes::PeerSet& set) {
    const auto decoder = cache(pass).get(set);
    return decoder->usable()
               ? codes::hidden_error(*decoder, {.threshold = loudness_of_operands(set), .signal = 1.0})
               : std::numeric_limits<double>::infinity();
  };
  return hidden(usual) < hidden(present) ? usual : present;
}

codes::RoundQuestion Peer::question_of(const codes::PeerSet& present, double loudness) {
  const FloorKind kind = round_->kind();
  codes::RoundQuestion question;
  question.pass = &job_.code().pass(kind.pass);
  question.payload = round_->payload;
  question.result_rows = round_->request.result_rows();
  question.batch = round_->request.batch();
  question.nu = round_->nu;
  question.operand_is_zero = round_->operand_is_zero;
  question.threshold = round_->floor.threshold * loudness;
  question.gate = floors_.of(kind, 1.0).gate();
  // Of the start, not of what scrubs show: weights that a few have wild must not make everything else
  // harmless.
  question.least_signal =
      codes::least_signal(job_.initial_scale(kind.layer, kind.pass), round_->request.operand->rows());
  question.present = present;
  question.unchecked_if_without_spare = options_.margin == 0;
  for (int p : present.members()) question.contributions.push_back(store_.view(round_->key(), p));
  // What most have used, so that operands are alike; unless that is much worse than what is here.
  if (const auto named = store_.most_named_after(round_->key());
      named && named->subset_of(present) &&
      cache(kind.pass).get(*named)->gain <= kPoorOperand * cache(kind.pass).get(present)->gain)
    question.decode_with = *named;
  return question;
}

codes::RoundVerdict Peer::check(const codes::PeerSet& present, FirstReading& reading) {
  const FloorKind kind = round_->kind();
  follow_weights(present, true);
  round_->floor.threshold = floors_.of(kind, 1.0).threshold();
  const codes::PeerSet used = without_poor_operands(present);
  const double loudness = loudness_of_operands(used);
  round_->question = question_of(used, loudness);
  codes::RoundVerdict verdict =
      codes::check_round(round_->question, cache(kind.pass), [&](codes::Index end) { reading.read_to(end); });
  // If the round does not come out by the threshold that one peer asks for, then by the usual one.
  const double usual = loudness_of_operands(with_usual_operands(present));
  if (verdict.state == codes::RoundState::kChecked || (used == present && usual >= loudness)) return verdict;
  round_->question = question_of(present, usual);
  return codes::check_round(round_->question, cache(kind.pass));
}

}  // namespace polydot::protocol
