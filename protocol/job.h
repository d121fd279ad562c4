// What a peer runs: a sequence of coded products with local work between them. Training today; any
// computation whose heavy part is coded products fits.
//
// The peer calls next_round, runs the round, calls deliver with the decoded product, and so on. A job is
// deterministic up to rounding: every peer's job asks for the same keys in the same order.
#pragma once

#include <cstdint>
#include <optional>

#include "codes/fault_tap.h"
#include "codes/product_code.h"
#include "codes/round_request.h"

namespace polydot::protocol {

class Job {
 public:
  virtual ~Job() = default;
  virtual const codes::ProductCode& code() const = 0;
  // The next coded product, or nullopt when the job is done. Called again only after deliver.
  virtual std::optional<codes::RoundRequest> next_round() = 0;
  // The plain product that next_round asked for, decoded and checked: result_rows x batch.
  virtual void deliver(codes::Matrix product) = 0;
  // Whole steps committed so far. A step is all or nothing: its updates happen in the deliver of its last
  // round.
  virtual std::uint64_t steps_done() const = 0;
  // An upper bound on the entries of any contribution, for limits.
  virtual std::size_t max_contribution_entries() const = 0;
  // The largest row norm of the layer's W (forward) or W^T (backward) at the start: the scale of rounding
  // there, until the noise floor has been learned.
  virtual double initial_scale(codes::Index layer, codes::PassKind pass) const = 0;
};

}  // namespace polydot::protocol
