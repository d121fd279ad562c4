#include "codes/base/product_code.h"

#include <algorithm>

#include "codes/base/check.h"

namespace polydot::codes {

LinearCode ShardCode::as_code() const {
  // Blocks that no peer mixes (replication) need every block covered; else any `blocks` shards do.
  const Index peers = encoder.rows();
  const Index blocks = encoder.cols();
  Index threshold = blocks;
  if ((encoder.array() != 0.0).rowwise().count().maxCoeff() == 1 && blocks > 1) {
    const auto holders = (encoder.array() != 0.0).colwise().count();
    threshold = peers - holders.minCoeff() + 1;
  }
  return {encoder, MatrixD::Identity(blocks, blocks), threshold};
}

Index ProductCode::recovery_threshold() const {
  Index threshold = 0;
  for (const Pass& pass : passes) threshold = std::max(threshold, pass.code.recovery_threshold);
  return threshold;
}

Shape shard_shape(const ShardCode& shard, Index weight_rows, Index weight_cols) {
  return {padded(weight_rows, shard.row_blocks) / shard.row_blocks,
          padded(weight_cols, shard.col_blocks) / shard.col_blocks};
}

Shape contribution_shape(const ProductCode& code, const Pass& pass, Shape weights, Index batch) {
  const Shape shard =
      shard_shape(code.shards[static_cast<std::size_t>(pass.shard)], weights.rows, weights.cols);
  return {pass.transposed ? shard.cols : shard.rows, padded(batch, pass.batch_groups) / pass.batch_groups};
}

}  // namespace polydot::codes
