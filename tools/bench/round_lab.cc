#include "tools/bench/round_lab.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>

#include "codes/kernels/encode.h"

namespace polydot::bench {

namespace {

using codes::PeerSet;

constexpr std::pair<ErrorModel, const char*> kModels[] = {{ErrorModel::kDense, "dense"},
                                                          {ErrorModel::kFlipResult, "flip-result"},
                                                          {ErrorModel::kFlipWeight, "flip-weight"},
                                                          {ErrorModel::kEntry, "entry"},
                                                          {ErrorModel::kRow, "row"},
                                                          {ErrorModel::kNotFinite, "not-finite"},
                                                          {ErrorModel::kHugeAndTiny, "huge-and-tiny"},
                                                          {ErrorModel::kZeros, "zeros"},
                                                          {ErrorModel::kStale, "stale"},
                                                          {ErrorModel::kSameEntry, "same-entry"},
                                                          {ErrorModel::kProportional, "proportional"}};

Matrix gaussian(Index rows, Index cols, double deviation, std::mt19937_64& generator) {
  std::normal_distribution<double> normal(0.0, deviation);
  return Matrix::NullaryExpr(rows, cols, [&] { return static_cast<float>(normal(generator)); });
}

}  // namespace

float flip_bit(float value, unsigned bit) {
  return std::bit_cast<float>(std::bit_cast<std::uint32_t>(value) ^ (std::uint32_t{1} << bit));
}

ErrorModel parse_error_model(const std::string& name) {
  for (const auto& [model, text] : kModels)
    if (name == text) return model;
  POLYDOT_CHECK_EQ(name, std::string("the name of an error model"));
  return ErrorModel::kDense;
}

const char* name_of(ErrorModel model) {
  for (const auto& [known, text] : kModels)
    if (known == model) return text;
  return "?";
}

std::vector<ErrorModel> all_error_models() {
  std::vector<ErrorModel> models;
  for (const auto& [model, text] : kModels) models.push_back(model);
  return models;
}

RoundLab::RoundLab(const LabOptions& options)
    : options_(options),
      code_(codes::make_code(options.code, options.grid, options.peers).value()),
      cache_(pass().code, pass().sigma, 65536),
      generator_(options.seed),
      floor_(2.0) {
  for (std::size_t k = 0; k < 2 * codes::NoiseFloor::kLearnCount; ++k) {
    const LabRound round = make_round();
    const codes::RoundVerdict verdict = codes::check_round(question(round, everybody()), cache_);
    floor_.learn(verdict.typical, verdict.largest);
  }
}

LabRound RoundLab::make_round() {
  LabRound round;
  const bool backward = options_.pass == codes::PassKind::kBackward;
  const codes::ShardCode& shard = code_.shards[static_cast<std::size_t>(pass().shard)];
  const Index inner = backward ? options_.weights.rows : options_.weights.cols;
  round.weights = gaussian(options_.weights.rows, options_.weights.cols,
                           1.0 / std::sqrt(static_cast<double>(inner)), generator_);
  round.operand = gaussian(inner, options_.batch, 1.0, generator_);
  std::normal_distribution<double> normal;
  for (Index c = 0; c < options_.batch; ++c)
    round.operand.col(c) *= static_cast<float>(std::exp(normal(generator_)));
  const codes::MatrixD weights = round.weights.cast<double>();
  round.truth = (backward ? codes::MatrixD(weights.transpose() * round.operand.cast<double>())
                          : codes::MatrixD(weights * round.operand.cast<double>()))
                    .cast<float>();
  const codes::Shape payload = codes::contribution_shape(code_, pass(), options_.weights, options_.batch);
  for (Index p = 0; p < peers(); ++p) {
    round.shards.push_back(codes::encode_shard(shard, p, round.weights));
    round.contributions.emplace_back(payload.rows, payload.cols);
    codes::multiply(pass(), round.shards.back(), codes::encode_operand(pass(), p, round.operand), 0,
                    payload.rows, round.contributions.back());
  }
  return round;
}

double RoundLab::loudness(double signal) {
  return signal * std::pow(10.0, uniform(-3.0, 3.0)) * (uniform(0.0, 1.0) < 0.5 ? -1.0 : 1.0);
}

void RoundLab::disturb(LabRound& round, ErrorModel model, const std::vector<int>& wrong) {
  const double signal = std::sqrt(static_cast<double>(round.contributions.front().squaredNorm()) /
                                  static_cast<double>(round.contributions.front().size()));
  const Matrix pattern =
      gaussian(round.contributions.front().rows(), round.contributions.front().cols(), 1.0, generator_);
  const float same = static_cast<float>(loudness(signal));
  const LabRound other = model == ErrorModel::kStale ? make_round() : LabRound{};
  for (int p : wrong) {
    Matrix& y = round.contributions[static_cast<std::size_t>(p)];
    Matrix& shard = round.shards[static_cast<std::size_t>(p)];
    const Index row = static_cast<Index>(uniform(0.0, 1.0) * static_cast<double>(y.rows()));
    const Index col = static_cast<Index>(uniform(0.0, 1.0) * static_cast<double>(y.cols()));
    const unsigned bit = static_cast<unsigned>(uniform(0.0, 32.0));
    const float loud = static_cast<float>(loudness(signal));
    switch (model) {
      case ErrorModel::kDense:
        y += gaussian(y.rows(), y.cols(), std::abs(loud), generator_);
        break;
      case ErrorModel::kFlipResult:
        y(row, col) = flip_bit(y(row, col), bit);
        break;
      case ErrorModel::kFlipWeight: {
        float& weight = shard(row % shard.rows(), col % shard.cols());
        weight = flip_bit(weight, bit);
        multiply_again(round, p);
        break;
      }
      case ErrorModel::kEntry:
        y(row, col) += loud;
        break;
      case ErrorModel::kRow:
        y.row(row) += gaussian(1, y.cols(), std::abs(loud), generator_);
        break;
      case ErrorModel::kNotFinite:
        y(row, col) =
            bit % 2 ? std::numeric_limits<float>::quiet_NaN() : std::numeric_limits<float>::infinity();
        break;
      case ErrorModel::kHugeAndTiny:
        y.row(row) += gaussian(1, y.cols(), 1e-3 * signal, generator_);
        y(row, col) = 1e30f;
        break;
      case ErrorModel::kZeros:
        y.setZero();
        break;
      case ErrorModel::kStale:
        y = other.contributions[static_cast<std::size_t>(p)];
        break;
      case ErrorModel::kSameEntry:
        y(3 % y.rows(), 5 % y.cols()) += same;
        break;
      case ErrorModel::kProportional:
        y += loud * pattern;
        break;
    }
  }
}

void RoundLab::multiply_again(LabRound& round, int peer) const {
  Matrix& y = round.contributions[static_cast<std::size_t>(peer)];
  codes::multiply(pass(), round.shards[static_cast<std::size_t>(peer)],
                  codes::encode_operand(pass(), peer, round.operand), 0, y.rows(), y);
}

codes::RoundQuestion RoundLab::question(const LabRound& round, const PeerSet& present) const {
  codes::RoundQuestion question;
  question.pass = &pass();
  question.payload = codes::contribution_shape(code_, pass(), options_.weights, options_.batch);
  question.result_rows = round.truth.rows();
  question.batch = options_.batch;
  question.nu = codes::column_scales(pass(), round.operand);
  question.threshold = floor_.threshold();
  question.gate = floor_.gate();
  question.present = present;
  for (int p : present.members())
    question.contributions.push_back(
        {{round.contributions[static_cast<std::size_t>(p)].data()}, question.payload.cols});
  return question;
}

Trial RoundLab::compare(const LabRound& round, codes::RoundVerdict verdict, const PeerSet& wrong) const {
  Trial trial;
  trial.verdict = std::move(verdict);
  for (const codes::Finding& finding : trial.verdict.findings)
    trial.wrong_peer_blamed |= !wrong.contains(finding.peer);
  if (trial.verdict.state == codes::RoundState::kWeak)
    trial.outcome = TrialResult::kWeak;
  else if (trial.verdict.state != codes::RoundState::kChecked)
    trial.outcome = TrialResult::kRefused;
  if (trial.verdict.product.size() == 0) return trial;
  const codes::VectorD nu = codes::column_scales(pass(), round.operand);
  double worst = 0.0;
  for (Index c = 0; c < round.truth.cols(); ++c) {
    const double scale = nu(c % nu.size());
    const codes::VectorD off = (trial.verdict.product.col(c) - round.truth.col(c)).cast<double>() / scale;
    const double size = off.cwiseAbs().maxCoeff<Eigen::PropagateNaN>();
    worst = std::isnan(worst) || size <= worst ? worst : size;
  }
  trial.error = worst / whitened_rms(round);
  if (trial.verdict.state == codes::RoundState::kChecked && !(trial.error <= codes::kTolerance))
    trial.outcome = TrialResult::kSilentlyWrong;
  return trial;
}

double RoundLab::whitened_rms(const LabRound& round) const {
  const codes::VectorD nu = codes::column_scales(pass(), round.operand);
  double square = 0.0;
  for (Index c = 0; c < round.truth.cols(); ++c)
    square += round.truth.col(c).cast<double>().squaredNorm() / (nu(c % nu.size()) * nu(c % nu.size()));
  return std::sqrt(square / static_cast<double>(round.truth.size()));
}

double RoundLab::hidden_without(const LabRound& round, const std::vector<int>& wrong) {
  return codes::hidden_error(*cache_.get(everybody() - PeerSet::of(wrong)),
                             {floor_.threshold(), whitened_rms(round)});
}

Trial RoundLab::examine(const LabRound& round, const std::vector<int>& wrong,
                        const std::vector<int>& missing) {
  const PeerSet present = everybody() - PeerSet::of(missing);
  return compare(round, codes::check_round(question(round, present), cache_), PeerSet::of(wrong));
}

Trial RoundLab::run(ErrorModel model, const std::vector<int>& wrong, const std::vector<int>& missing,
                    int errors_each) {
  LabRound round = make_round();
  for (int k = 0; k < errors_each; ++k) disturb(round, model, wrong);
  return examine(round, wrong, missing);
}

std::vector<int> RoundLab::random_peers(int count, const std::vector<int>& not_these) {
  std::vector<int> pool;
  for (int p = 0; p < static_cast<int>(peers()); ++p)
    if (std::find(not_these.begin(), not_these.end(), p) == not_these.end()) pool.push_back(p);
  std::shuffle(pool.begin(), pool.end(), generator_);
  pool.resize(static_cast<std::size_t>(count));
  return pool;
}

}  // namespace polydot::bench
