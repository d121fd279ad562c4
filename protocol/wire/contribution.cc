#include "protocol/wire/contribution.h"

#include <algorithm>

#include "codes/base/work_profile.h"
#include "codes/kernels/encode.h"
#include "protocol/wire/wire.h"

namespace polydot::protocol {

namespace {
// One piece of a product is at most this many multiplications: a few milliseconds.
constexpr codes::Index kLeastRows = 64;  // with fewer the operand is read too often
constexpr codes::Index kPieceFlops = codes::Index{1} << 28;
}  // namespace

OwnContribution::OwnContribution(const codes::ProductCode& code, int self, const codes::RoundRequest& request,
                                 std::uint32_t attempt, const codes::PublishedFloor& floor,
                                 const codes::ScrubPoint& scrub, codes::FaultTap* tap)
    : code_(code),
      pass_(code.pass(request.pass)),
      self_(self),
      request_(request),
      key_(request.key),
      floor_(floor),
      scrub_(scrub),
      tap_(tap) {
  key_.attempt = attempt;
  const codes::Shape shape = codes::contribution_shape(code_, pass_, request.weights, request.batch());
  cols_ = shape.cols;
  product_ = std::make_shared<codes::Matrix>(shape.rows, cols_ + request.scrub_columns());
}

void OwnContribution::visit(codes::Stage stage, Eigen::Ref<codes::Matrix> live) {
  if (tap_ == nullptr) return;
  codes::TapPoint point;
  point.stage = stage;
  point.step = key_.step;
  point.slot = key_.slot;
  point.layer = request_.layer;
  point.pass = request_.pass;
  point.shard = pass_.shard;
  point.training = request_.training;
  point.attempt = key_.attempt;
  point.epoch = key_.epoch;
  point.floor = &floor_;
  point.code = &pass_;
  point.weights = request_.shard;
  if (request_.scrub) point.scrub = &scrub_;
  tap_->visit(point, live);
}

void OwnContribution::scrub_momentum() {
  if (!request_.scrub || request_.scrub->momentum == nullptr) return;
  product_->col(cols_ + 1) = codes::multiply_vector(pass_, *request_.scrub->momentum, request_.scrub->vector);
}

bool OwnContribution::work() {
  if (next_row_ < 0) {
    const codes::WorkScope scope(codes::Work::kEncode);
    operand_ = codes::encode_operand(pass_, self_, *request_.operand);
    visit(codes::Stage::kEncode, operand_);
    next_row_ = 0;
    return false;
  }
  const codes::Index rows = product_->rows();
  if (next_row_ < rows) {
    const codes::WorkScope scope(codes::Work::kProduct);
    const codes::Index per_row = std::max<codes::Index>(1, operand_.size());
    const codes::Index count = std::min(std::max(kPieceFlops / per_row, kLeastRows), rows - next_row_);
    auto product = product_->leftCols(cols_);
    codes::AlsoTimes scrub;
    if (request_.scrub) scrub = {request_.scrub->vector.data(), product_->col(cols_).data()};
    codes::multiply(pass_, *request_.shard, operand_, next_row_, count, product, scrub);
    next_row_ += count;
    if (next_row_ == rows) {
      scrub_momentum();
      visit(codes::Stage::kProduct, product_->leftCols(cols_));
    }
  }
  return next_row_ == rows;
}

std::vector<Message> slices_of(const std::shared_ptr<const codes::Matrix>& matrix, const Message& prototype) {
  const codes::Index run = columns_per_slice(matrix->rows(), matrix->cols());
  std::vector<Message> slices;
  for (codes::Index first = 0; first < matrix->cols(); first += run) {
    const codes::Index cols = std::min(run, matrix->cols() - first);
    Message message = prototype;
    message.rows = static_cast<std::uint32_t>(matrix->rows());
    message.cols = static_cast<std::uint32_t>(cols);
    message.first_col = static_cast<std::uint32_t>(first);
    message.total_cols = static_cast<std::uint32_t>(matrix->cols());
    const float* begin = matrix->data() + first * matrix->rows();
    message.payload =
        Payload(matrix, std::as_bytes(std::span(begin, static_cast<std::size_t>(cols * matrix->rows()))));
    slices.push_back(std::move(message));
  }
  return slices;
}

std::vector<Message> OwnContribution::messages(const codes::PeerSet& operand_set) const {
  POLYDOT_CHECK_EQ(next_row_, product_->rows());
  Message prototype;
  prototype.kind = MessageKind::kContribution;
  prototype.key = key_;
  prototype.set = operand_set;
  return slices_of(product_, prototype);
}

}  // namespace polydot::protocol
