// What a peer runs: a sequence of coded products with local work between them. Training today; any
// computation whose heavy part is coded products fits.
//
// The peer calls next_round, runs the round, calls deliver with the decoded product, and so on. A job is
// deterministic up to rounding: every peer's job asks for the same keys in the same order.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <vector>

#include "codes/base/fault_tap.h"
#include "codes/base/product_code.h"
#include "codes/decode/round_request.h"
#include "codes/decode/shard_part.h"
#include "protocol/wire/checkpoint_id.h"

namespace polydot::protocol {

// What a job keeps from round to round: this peer's shards. At any time it is that of the boundary
// Job::steps_done(), the updates of a step happen at once.
class CodedState {
 public:
  virtual ~CodedState() = default;
  // Every shard that rounds use, whole: its layer and number.
  virtual std::vector<codes::ShardPart> parts() const = 0;
  // Lines of this peer's state as columns, first of the weights, then of the momentum.
  virtual codes::Matrix capture(const codes::ShardPart& part) const = 0;
  // The root mean square norm of the lines of the blocks that shards are combined of, at the start: what a
  // scrub of weights shows then, whitened.
  virtual double initial_line_norm(codes::Index layer, codes::Index shard) const = 0;
  virtual codes::Shape piece_shape(const codes::ShardPart& part) const = 0;
  // The boundary at hand is the one that the right lines will be given for. Steps may go on in between.
  virtual void begin_repair(const codes::ShardPart& part, codes::Meanwhile meanwhile) = 0;
  // right: what capture of a right shard would have given then. False: no such repair has begun.
  virtual bool complete_repair(const codes::ShardPart& part, const codes::Matrix& right) = 0;
  // Checkpoints of this peer's that can be returned to; the start, {0, 0}, always can.
  virtual std::vector<CheckpointId> checkpoints() const = 0;
  // The last boundary that there is: none later is a place to return to.
  virtual std::uint64_t last_boundary() const { return std::numeric_limits<std::uint64_t>::max(); }
  // Begins again there; checkpoints from now on are of `epoch`. False: this peer's own is lost, its shards
  // are zero and want rebuilding.
  virtual bool restart(const CheckpointId& target, std::uint32_t epoch) = 0;
  // Goes on at this boundary, or at the end if that comes before, whatever was: the shards are zero and want
  // rebuilding.
  virtual void follow(std::uint64_t boundary, std::uint32_t epoch) = 0;
  // False: some shard is not yet what it should be; no checkpoint is kept of it.
  virtual void set_whole(bool whole) = 0;
};

class Job {
 public:
  virtual ~Job() = default;
  virtual const codes::ProductCode& code() const = 0;
  // The next coded product, or nullopt when the job is done. Called again only after deliver.
  virtual std::optional<codes::RoundRequest> next_round() = 0;
  // The plain product that next_round asked for, decoded and checked: result_rows x batch.
  virtual void deliver(codes::Matrix product) = 0;
  // Before deliver: the operand of the round at hand computed anew, from the product that the last deliver
  // was given (as it is decoded anew; the first round of a batch does not need it), and the job's books put
  // right by it. Null: this job cannot.
  virtual std::shared_ptr<const codes::Matrix> recompute_operand(const codes::Matrix& /*product_before*/) {
    return nullptr;
  }
  // Null: the job's shards do not change, or cannot be repaired.
  virtual CodedState* state() { return nullptr; }
  // Whole steps committed so far. A step is all or nothing: its updates happen in the deliver of its last
  // round.
  virtual std::uint64_t steps_done() const = 0;
  // An upper bound on the entries of any contribution or piece of a shard, for limits.
  virtual std::size_t max_contribution_entries() const = 0;
  // Of contributions to rounds, scrubs included.
  struct RoundSizes {
    std::size_t largest = 0;      // entries of the largest
    std::size_t step = 0;         // entries of all to one training step
    std::size_t step_rounds = 1;  // how many these are
  };
  virtual RoundSizes round_sizes() const {
    return {max_contribution_entries(), max_contribution_entries(), 1};
  }
  // The largest row norm of the layer's W (forward) or W^T (backward) at the start: the scale of rounding
  // there, until the noise floor has been learned.
  virtual double initial_scale(codes::Index layer, codes::PassKind pass) const = 0;
};

}  // namespace polydot::protocol
