#include "protocol/contribution.h"

#include <algorithm>

#include "codes/encode.h"
#include "protocol/wire.h"

namespace polydot::protocol {

namespace {
// One piece of a product is at most this many multiplications: about a millisecond.
constexpr codes::Index kPieceFlops = codes::Index{1} << 26;
}  // namespace

OwnContribution::OwnContribution(const codes::ProductCode& code, int self, const codes::RoundRequest& request,
                                 std::uint32_t attempt, const codes::PublishedFloor& floor,
                                 codes::FaultTap* tap)
    : code_(code),
      pass_(code.pass(request.pass)),
      self_(self),
      request_(request),
      key_(request.key),
      floor_(floor),
      tap_(tap) {
  key_.attempt = attempt;
  const codes::Shape shape = codes::contribution_shape(code_, pass_, request.weights, request.batch());
  product_ = std::make_shared<codes::Matrix>(shape.rows, shape.cols);
}

void OwnContribution::visit(codes::Stage stage, codes::Matrix& live) {
  if (tap_ == nullptr) return;
  codes::TapPoint point;
  point.stage = stage;
  point.step = key_.step;
  point.slot = key_.slot;
  point.layer = request_.layer;
  point.pass = request_.pass;
  point.shard = pass_.shard;
  point.training = request_.training;
  point.floor = &floor_;
  tap_->visit(point, live);
}

bool OwnContribution::work() {
  if (next_col_ < 0) {
    operand_ = codes::encode_operand(pass_, self_, request_.operand);
    visit(codes::Stage::kEncode, operand_);
    next_col_ = 0;
    return false;
  }
  if (next_col_ < product_->cols()) {
    const codes::Index per_column = std::max<codes::Index>(1, request_.shard->size());
    const codes::Index piece = std::clamp<codes::Index>(kPieceFlops / per_column, 8, product_->cols());
    const codes::Index count = std::min(piece, product_->cols() - next_col_);
    codes::multiply(pass_, *request_.shard, operand_, next_col_, count, *product_);
    next_col_ += count;
    if (next_col_ == product_->cols()) visit(codes::Stage::kProduct, *product_);
  }
  return next_col_ == product_->cols();
}

std::vector<Message> OwnContribution::messages(const codes::PeerSet& operand_set) const {
  POLYDOT_CHECK_EQ(next_col_, product_->cols());
  const codes::Index run = columns_per_slice(product_->rows(), product_->cols());
  std::vector<Message> slices;
  for (codes::Index first = 0; first < product_->cols(); first += run) {
    const codes::Index cols = std::min(run, product_->cols() - first);
    Message message;
    message.kind = MessageKind::kContribution;
    message.key = key_;
    message.rows = static_cast<std::uint32_t>(product_->rows());
    message.cols = static_cast<std::uint32_t>(cols);
    message.first_col = static_cast<std::uint32_t>(first);
    message.total_cols = static_cast<std::uint32_t>(product_->cols());
    message.set = operand_set;
    const float* begin = product_->data() + first * product_->rows();
    message.payload =
        Payload(product_, std::as_bytes(std::span(begin, static_cast<std::size_t>(cols * product_->rows()))));
    slices.push_back(std::move(message));
  }
  return slices;
}

}  // namespace polydot::protocol
