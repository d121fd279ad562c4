// This peer's own contribution to one round: encode the operand, multiply by the shard, cut into slices.
// Worked off in bounded pieces, so that messages are taken in between.
#pragma once

#include <memory>
#include <vector>

#include "codes/base/fault_tap.h"
#include "codes/base/product_code.h"
#include "codes/decode/round_request.h"
#include "protocol/wire/message.h"

namespace polydot::protocol {

// A matrix as messages, slice by slice: `prototype` with shape and payload filled in.
std::vector<Message> slices_of(const std::shared_ptr<const codes::Matrix>& matrix, const Message& prototype);

class OwnContribution {
 public:
  // `code` and `request` must outlive this. tap may be null.
  OwnContribution(const codes::ProductCode& code, int self, const codes::RoundRequest& request,
                  std::uint32_t attempt, const codes::PublishedFloor& floor, const codes::ScrubPoint& scrub,
                  codes::FaultTap* tap);

  // One bounded piece of work; true once the contribution is complete.
  bool work();
  // The slices, for every receiver alike. Precondition: complete. operand_set: see Message::set.
  std::vector<Message> messages(const codes::PeerSet& operand_set) const;
  codes::Shape shape() const { return {product_->rows(), product_->cols()}; }
  // The contribution, the columns of a scrub behind it. Precondition: complete.
  const codes::Matrix& values() const { return *product_; }

 private:
  void visit(codes::Stage stage, Eigen::Ref<codes::Matrix> live);
  void scrub_momentum();

  const codes::ProductCode& code_;
  const codes::Pass& pass_;
  int self_;
  const codes::RoundRequest& request_;
  codes::RoundKey key_;
  codes::PublishedFloor floor_;
  codes::ScrubPoint scrub_;
  codes::FaultTap* tap_;
  codes::Matrix operand_;  // coded
  std::shared_ptr<codes::Matrix> product_;
  codes::Index cols_ = 0;       // of the product itself
  codes::Index next_row_ = -1;  // -1: the operand is not encoded yet
};

}  // namespace polydot::protocol
