// Whose a fault is, and what a peer does about its own. DESIGN: PROTOCOL.md, "Self-diagnosis" and "Repair".
//
// A product that is wrong accuses an operand, an encoding or a multiplication; only a scrub accuses a shard:
// a wrong operand makes a right shard look wrong.
#include <algorithm>
#include <bit>
#include <cstring>

#include "codes/kernels/encode.h"
#include "protocol/peer.h"
#include "protocol/peer_state.h"

namespace polydot::protocol {

namespace {

constexpr std::array<RoundPart, 3> kParts{RoundPart::kProduct, RoundPart::kWeights, RoundPart::kMomentum};
constexpr std::array<RoundPart, 2> kScrubbed{RoundPart::kWeights, RoundPart::kMomentum};

bool same_bits(const codes::Matrix& a, const codes::Matrix& b) {
  return a.rows() == b.rows() && a.cols() == b.cols() &&
         std::memcmp(a.data(), b.data(), static_cast<std::size_t>(a.size()) * sizeof(float)) == 0;
}

// The norm of a shard from some of its columns if it is large: a size is wanted, not a sum.
double sampled_norm(const codes::Matrix& state) {
  constexpr codes::Index kEnough = codes::Index{1} << 14;  // entries
  const codes::Index stride = std::max<codes::Index>(1, state.size() / kEnough);
  double squares = 0.0;
  codes::Index columns = 0;
  for (codes::Index c = 0; c < state.cols(); c += stride, ++columns)
    squares += static_cast<double>(state.col(c).squaredNorm());
  return columns == 0 ? 0.0
                      : std::sqrt(squares * static_cast<double>(state.cols()) / static_cast<double>(columns));
}

// From one step to the next the state of a shard grows by less.
constexpr double kMostGrowth = 8.0;
constexpr double kNothing = 1e-25;     // as a scale
constexpr double kScaleShare = 0.125;  // of a new scrub in the running mean
// A scrub whose terms cancel is smaller than this share of the usual one.
constexpr double kLeastShare = 0.25;
// A shard is cleaned when what learning allows of its noise is half used up.
constexpr double kCleanBelowCap = 0.5;
// Steps between two cleanings of one shard for its floors or its noise.
constexpr std::uint64_t kCleanPause = 100;
// Or when half of so many products of it, or scrubs, were noise: an error in some shard, too small to be
// located, that stays. Everybody's projection takes it off the code.
constexpr int kNoisyRounds = 32;
// Or when the own products of it were wrong so often, and were the same when computed again: in sparse
// operands a line may be loud that no scrub sees.
constexpr int kMostSuspected = 8;

}  // namespace

// Scales and floors of the scrubs that ride on the round at hand, for whoever wants to know what shows.
void Peer::prepare_scrub() {
  Round& round = *round_;
  round.scrub_columns = round.request.scrub_columns();
  if (round.scrub_columns == 0) return;
  const auto shard = static_cast<std::size_t>(job_.code().pass(round.request.pass).shard);
  round.scrub.vector = &round.request.scrub->vector;
  for (std::size_t k = 0; k < static_cast<std::size_t>(round.scrub_columns); ++k) {
    const FloorKind kind = round.kind(kScrubbed[k]);
    codes::PublishedFloor& floor = k == 0 ? round.scrub.weights : round.scrub.momentum;
    floor.locatable = shard_locatable_[shard](options_.self);
    floor.sigma = shard_passes_[shard].sigma(options_.self);
    // The scale of the last scrub; before the first, what this peer's own shard promises.
    const auto usual = scrub_scales_.find(kind);
    const double scale = usual != scrub_scales_.end() ? usual->second : least_scrub_scale(k);
    round.scrub_nu[k] = codes::VectorD::Constant(1, std::max(scale, 1e-30));
    floor.threshold = scrub_threshold(k, round.scrub_nu[k](0));
    floor.analytic = analytic_scrub_threshold(k, round.scrub_nu[k](0));
    floor.nu = &round.scrub_nu[k];
  }
}

// Rounding grows with the weights: the floors of a layer follow the size that its scrubs show, a running
// mean, for a scrub of few lines is a poor estimate. After the round, so that the published floor is the one
// that is judged by; only weights that jump are followed at once.
void Peer::follow_weights(const codes::PeerSet& present, bool before_check) {
  constexpr double kJump = 2.0, kShare = 1.0 / 64;
  Round& round = *round_;
  if (round.scrub_columns == 0) return;
  const codes::Index shard = job_.code().pass(round.request.pass).shard;
  const double start = job_.state()->initial_line_norm(round.request.layer, shard);
  if (!(start > 0.0)) return;
  WeightSize& size =
      weight_sizes_.try_emplace({round.request.layer, shard}, start * start, start).first->second;
  // Of most of the peers: a wild state of its own is not what the weights are like.
  if (before_check) {
    const codes::ShardQuestion question = scrub_question(0, present);
    const std::vector<double> sizes = codes::piece_sizes(question, 0, 1);
    size.latest = codes::typical_scale(question, 0, 1);
    size.grown = static_cast<int>(std::count_if(sizes.begin(), sizes.end(),
                                                [&](double own) { return own > kMostWeightGrowth * start; }));
  }
  const double mean = size.mean_square + kShare * (size.latest * size.latest - size.mean_square);
  if (!before_check) size.mean_square = mean;
  for (const codes::PassKind pass : {codes::PassKind::kForward, codes::PassKind::kBackward}) {
    if (job_.code().pass(pass).shard != shard) continue;
    const double initial = job_.initial_scale(round.request.layer, pass);
    for (const bool training : {true, false}) {
      codes::NoiseFloor& floor = floors_.of({training, round.request.layer, pass}, initial);
      const double now = initial * std::sqrt(mean) / start;
      if (!before_check || now > kJump * floor.scale()) floor.rescale(now);
    }
  }
}

// What this peer's own state promises for the scrub of it, as a scale. Nothing if it is lost: until its
// repair begins anything may be there.
double Peer::own_scrub_scale(std::size_t column) const {
  const Round& round = *round_;
  if (must_abstain()) return 0.0;
  const codes::Matrix& state = column == 0 ? *round.request.shard : *round.request.scrub->momentum;
  const codes::Index shard = job_.code().pass(round.request.pass).shard;
  const double sigma = shard_passes_[static_cast<std::size_t>(shard)].sigma(options_.self);
  const double norm = sampled_norm(state);
  return std::isfinite(norm) ? norm / std::sqrt(static_cast<double>(round.payload.rows)) / sigma : 0.0;
}

// Of the layer and shard of the round at hand, as scrubs showed it so far, or as it was in the beginning.
double Peer::weight_scale() const {
  const codes::Index layer = round_->request.layer, shard = job_.code().pass(round_->request.pass).shard;
  const auto seen = weight_sizes_.find({layer, shard});
  return seen != weight_sizes_.end() ? std::sqrt(seen->second.mean_square)
                                     : job_.state()->initial_line_norm(layer, shard);
}

// What own_scrub_scale says, in reason: a wrong state of its own must not hide itself. At the time of
// judging, for a shard may have been rebuilt since the round began.
double Peer::least_scrub_scale(std::size_t column) const {
  const double own = own_scrub_scale(column);
  const auto usual = scrub_scales_.find(round_->kind(kScrubbed[column]));
  if (usual == scrub_scales_.end() || usual->second <= kNothing)  // momentum begins with zero
    return std::min(own, kMostGrowth * weight_scale());
  return std::clamp(own, kLeastShare * usual->second, kMostGrowth * usual->second);
}

// Relative to `scale`, that of the scrub at hand.
double Peer::scrub_threshold(std::size_t column, double scale) {
  const double floor = floors_.of(round_->kind(kScrubbed[column]), 1.0).threshold();
  if (kScrubbed[column] == RoundPart::kWeights) return floor;
  const double of_weights = floors_.of(round_->kind(RoundPart::kWeights), 1.0).threshold();
  return std::max(floor * kept_loudness_, of_weights * moving_momentum() / scale);
}

// The same where no floor has learned anything. No threshold gets above NoiseFloor::kCapFactor of these.
double Peer::analytic_scrub_threshold(std::size_t column, double scale) const {
  const double floor = codes::NoiseFloor::analytic_threshold(1.0);  // scrubs are relative already
  if (kScrubbed[column] == RoundPart::kWeights) return floor;
  return floor * std::max(kept_loudness_, moving_momentum() / scale);
}

// Momentum may all but vanish, as gradients do, while its rounding is that of what they were made of: of
// weights and activations of the usual size. What moves the weights by less than their own scrub sees is
// nobody's fault. result: the momentum that moves the weights by as much as they are; a scrub's scale.
double Peer::moving_momentum() const {
  const double reach = round_->request.scrub->momentum_reach;
  if (!(reach > 0.0)) return 0.0;
  const auto usual = scrub_scales_.find(round_->kind(RoundPart::kWeights));
  const double weights =
      usual != scrub_scales_.end() && usual->second > kNothing ? usual->second : weight_scale();
  return weights / reach;
}

codes::ShardQuestion Peer::scrub_question(std::size_t column, const codes::PeerSet& present) {
  const Round& round = *round_;
  codes::ShardQuestion question;
  question.pass = &shard_passes_[static_cast<std::size_t>(job_.code().pass(round.request.pass).shard)];
  question.payload = {round.payload.rows, 1};
  question.present = present;
  for (int p : present.members())
    question.pieces.push_back(codes::column_of(store_.view(round.key(), p),
                                               round.payload.cols + static_cast<codes::Index>(column),
                                               round.payload.rows));
  return question;
}

std::vector<ScrubReport> Peer::check_scrubs(const codes::PeerSet& present, bool complete) {
  Round& round = *round_;
  std::vector<ScrubReport> reports;
  if (round.scrub_columns == 0) return reports;
  const auto shard = static_cast<std::size_t>(job_.code().pass(round.request.pass).shard);
  for (std::size_t k = 0; k < static_cast<std::size_t>(round.scrub_columns); ++k) {
    const FloorKind kind = round.kind(kScrubbed[k]);
    ScrubReport& report = reports.emplace_back();
    report.part = kScrubbed[k];
    // Without a state of its own it cannot tell what cancelled from what is small.
    if (scrub_scales_[kind] <= kNothing &&
        repairs_.is_lost(round.request.layer, static_cast<codes::Index>(shard)))
      continue;
    codes::ShardQuestion question = scrub_question(k, present);
    question.least_scales = codes::VectorD::Constant(1, least_scrub_scale(k));
    question.threshold = scrub_threshold(k, codes::piece_scale(question, 0));
    report.threshold = question.threshold;
    report.verdict = codes::check_shards(question, *shard_caches_[shard]);
    double& usual = scrub_scales_[kind];
    const double seen = codes::typical_scale(question, 0, 1);
    // Where the others have nothing yet, the own state is no measure: what is in it is an error.
    if (usual > kNothing)
      usual += kScaleShare * (std::min(seen, kMostGrowth * usual) - usual);
    else if (seen > kNothing)
      usual = seen;
    if (report.verdict.state == codes::RoundState::kChecked && complete)
      learn(kind, report.verdict, question.payload.rows);
    status_.unexplained_scrubs += report.verdict.state == codes::RoundState::kUnexplained;
  }
  return reports;
}

// A scrub that names this peer accuses its shard, unless the scrub itself was computed wrong.
void Peer::look_at_own_shard(const std::vector<ScrubReport>& scrubs) {
  const bool was_whole = !repairs_.anything_lost();
  for (std::size_t k = 0; k < scrubs.size(); ++k)
    for (const codes::Finding& finding : scrubs[k].verdict.findings) {
      if (finding.peer != options_.self) continue;
      accuse_own_shard(k, scrubs[k].verdict, finding);
    }
  if (was_whole && repairs_.anything_lost()) {
    job_.state()->set_whole(false);
    send_hello(kEverybody);  // nobody need ask it for that shard
  }
}

void Peer::accuse_own_shard(std::size_t column, const codes::RoundVerdict& verdict,
                            const codes::Finding& finding) {
  const Round& round = *round_;
  const codes::Pass& pass = job_.code().pass(round.request.pass);
  const codes::ScrubRequest& scrub = *round.request.scrub;
  const codes::Matrix again =
      codes::multiply_vector(pass, column == 0 ? *round.request.shard : *scrub.momentum, scrub.vector);
  const codes::Matrix sent = round.own->values().col(round.payload.cols + static_cast<codes::Index>(column));
  const std::vector<codes::Index> lines = codes::rows_still_wrong(
      shard_passes_[static_cast<std::size_t>(pass.shard)], options_.self, verdict, finding.rows, sent, again);
  if (lines.empty()) {
    tell({.name = "scrub_recomputed", .layer = round.request.layer});
    return;
  }
  codes::ShardPart part;
  part.layer = round.request.layer;
  part.shard = pass.shard;
  // Wrong momentum has been in an update of the weights before it is put right.
  part.weights = true;
  part.momentum = column == 1;
  // No louder than what is rebuilt from few.
  const bool faintly = finding.size_over_floor <= codes::kRebuildGain;
  if (2 * static_cast<codes::Index>(lines.size()) <= round.payload.rows)
    part.lines.assign(lines.begin(), lines.end());
  if (faintly && part.lines.empty()) {
    part.momentum = scrub.momentum != nullptr;
    repairs_.clean(part);
  } else {
    repairs_.damaged(part, faintly);
  }
}

std::shared_ptr<const codes::Matrix> Peer::remake_operand() {
  codes::Matrix product;
  if (before_) product = codes::check_round(*before_, cache(before_pass_)).product;
  return job_.recompute_operand(product);
}

// The operand of the round at hand, from the contributions of the round before, and its scales. True: one of
// them was wrong. Making it can be hit like anything else: two that are equal are believed, else the
// third.
bool Peer::recompute_operand() {
  Round& round = *round_;
  std::shared_ptr<const codes::Matrix> operand = remake_operand();
  if (operand == nullptr) return false;
  if (!same_bits(*operand, *round.request.operand)) {
    const auto first = std::exchange(operand, remake_operand());
    if (!same_bits(*operand, *first) && !same_bits(*operand, *round.request.operand))
      operand = remake_operand();
  }
  const bool was_wrong = !same_bits(*operand, *round.request.operand);
  round.request.operand = std::move(operand);
  const codes::VectorD scales = std::exchange(round.nu, {});
  round.look_at_operand(job_.code().pass(round.request.pass));
  if (!was_wrong) return scales != round.nu;
  round.operand_remade = true;
  ++status_.operands_recomputed;
  tell({.name = "operand_recomputed", .layer = round.request.layer});
  return true;
}

// This peer was located in a product.
void Peer::diagnose_product() {
  const Round& round = *round_;
  if (round.operand_remade) return;
  OwnContribution again(job_.code(), options_.self, round.request, round.attempt, round.floor, round.scrub,
                        nullptr);
  while (!again.work()) {
  }
  const bool transient = !same_bits(again.values(), round.own->values());
  const codes::Index shard = job_.code().pass(round.request.pass).shard;
  if (!transient) ++suspected_[{round.request.layer, shard}];
  tell({.name = transient ? "contribution_was_wrong" : "shard_suspected", .layer = round.request.layer});
}

void Peer::note_offenders(const codes::PeerSet& present, const codes::RoundVerdict& verdict) {
  codes::PeerSet wrong;
  for (const codes::Finding& finding : verdict.findings) wrong.insert(finding.peer);
  const Offenders::Change change = offenders_.note(present, wrong);
  for (int p : change.quarantined.members()) {
    notice("peer " + std::to_string(p) + " is wrong again and again: left out for a while");
    tell({.name = "quarantined", .peer = p, .layer = round_->request.layer});
  }
  for (int p : change.released.members())
    tell({.name = "released", .peer = p, .layer = round_->request.layer});
  status_.quarantined = offenders_.quarantined();

  Budget& budget = status_.budget;
  const codes::LinearCode& code = job_.code().pass(round_->request.pass).code;
  budget.present = present.size();
  budget.suspects = wrong | status_.quarantined;
  const codes::Index left = (present - wrong).size();
  budget.spare = left - code.recovery_threshold;
  const bool was_left = budget.independent > 0;
  const codes::ErrorBounds bounds = codes::error_bounds(code, left);
  budget.any = bounds.any;
  budget.independent = bounds.independent;
  budget.kappa = verdict.kappa;
  if (was_left && budget.independent <= 0 && !verdict.findings.empty())
    notice("the budget is used up at step " + std::to_string(round_->request.key.step) + ": " +
           std::to_string(present.size()) + " contributions, " + std::to_string(wrong.size()) +
           " of them wrong; one more may not be located");
}

void Peer::note_noise(RoundPart part, const codes::RoundVerdict& verdict) {
  if (!round_->request.training) return;
  const codes::Index shard = job_.code().pass(round_->request.pass).shard;
  std::uint64_t& recent = noisy_rounds_[{round_->request.layer, shard, part}];
  recent = recent << 1 | (verdict.is_noise() ? 1u : 0u);
}

// Of the products of a shard, or of its scrubs.
bool Peer::is_noisy(const codes::ShardPart& shard) const {
  const auto is_half = [&](RoundPart part) {
    const auto recent = noisy_rounds_.find({shard.layer, shard.shard, part});
    if (recent == noisy_rounds_.end()) return false;
    return 2 * std::popcount(recent->second & ((std::uint64_t{1} << kNoisyRounds) - 1)) >= kNoisyRounds;
  };
  return std::any_of(kParts.begin(), kParts.end(), is_half);
}

// At a boundary: shards that have drifted are put back onto the code, each peer its own.
void Peer::clean_if_drifted() {
  CodedState* state = job_.state();
  if (state == nullptr) return;
  const bool due = options_.clean_every > 0 && job_.steps_done() % options_.clean_every == 0;
  for (const codes::ShardPart& part : state->parts()) {
    const bool forward = job_.code().pass(codes::PassKind::kForward).shard == part.shard;
    const codes::PassKind pass = forward ? codes::PassKind::kForward : codes::PassKind::kBackward;
    const auto drifted = [&](RoundPart which, codes::PassKind of) {
      const auto found = floors_.all().find({true, part.layer, of, which});
      return found != floors_.all().end() && found->second.share_of_cap() > kCleanBelowCap;
    };
    std::uint64_t& last = cleaned_at_[{part.layer, part.shard}];
    int& suspected = suspected_[{part.layer, part.shard}];
    const bool is_suspect = suspected >= kMostSuspected;
    // What a floor has learned takes as long to be forgotten. What is suspected anew is wrong anew.
    if (!due && !is_suspect && last > 0 && job_.steps_done() < last + kCleanPause) continue;
    if (due || is_suspect || is_noisy(part) || drifted(RoundPart::kWeights, pass) ||
        drifted(RoundPart::kMomentum, pass) || drifted(RoundPart::kProduct, codes::PassKind::kForward) ||
        drifted(RoundPart::kProduct, codes::PassKind::kBackward)) {
      repairs_.clean(part);
      suspected = 0;
      for (const RoundPart of : kParts) noisy_rounds_.erase({part.layer, part.shard, of});
      last = job_.steps_done();
    }
  }
}

void Peer::work_on_repairs(std::int64_t now_ms) {
  if (repairs_.idle()) return;
  const MembershipView view = view_of(heard_, {options_.self, options_.patience_ms});
  const codes::PeerSet others = view.live - codes::PeerSet::of({options_.self}) - offenders_.quarantined();
  repairs_.work(now_ms, round_->request.key.epoch, job_.steps_done(), others,
                view.late - offenders_.quarantined());
  send_repairs();
  look_whether_whole();
  for (const RepairReport& report : repairs_.take_reports()) {
    using Event = RepairReport::Event;
    status_.repairs += report.event == Event::kRepaired;
    status_.rebuilds += report.event == Event::kRebuilt;
    status_.cleanings += report.event == Event::kCleaned;
    status_.repair_bytes += report.bytes_received;
    tell({.name = name_of(report.event),
          .layer = report.layer,
          .shard = report.shard,
          .lines = report.lines,
          .bytes = report.bytes_received});
    if (report.event == Event::kGaveUp)
      notice("layer " + std::to_string(report.layer) + ": this peer's shard could not be repaired");
  }
}

// Step, slot, epoch and this peer itself, unless it is said otherwise.
void Peer::tell(PeerEvent event) {
  if (observer_ == nullptr) return;
  event.step = round_ ? round_->request.key.step : job_.steps_done();
  event.slot = round_ ? round_->request.key.slot : 0;
  if (event.epoch == 0) event.epoch = round_ ? round_->request.key.epoch : ballot_.epoch();
  if (event.peer < 0) event.peer = options_.self;
  observer_->on_event(event);
}

}  // namespace polydot::protocol
