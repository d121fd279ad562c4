// The arithmetic behind the measures of speed: ratios of what was measured, and what a code and a network ask
// for at the least. Pure functions.
#pragma once

#include <string>
#include <vector>

#include "codes/base/product_code.h"
#include "codes/base/result.h"
#include "codes/families/factories.h"
#include "dnn/operations/network.h"
#include "node/records/run_profile.h"

namespace polydot::bench {

using codes::Index;

double median(std::vector<double> values);  // not empty

// Of two series that were measured in turn.
struct Ratio {
  double measured = 0.0, beside = 0.0;  // medians
  double value = 0.0;                   // of these
  double lowest = 0.0, highest = 0.0;   // of the single pairs
  std::size_t pairs = 0;
};
// As many of one as of the other, at least one each.
Ratio ratio_of(const std::vector<double>& measured, const std::vector<double>& beside);

// What all peers together multiply, over what one uncoded process does: P / (m n).
double arithmetic_share(const codes::ProductCode& code);
// Encode, check and decode, all peers together, ms a step.
double coding_ms(const node::RunProfile& profile);
// Products and updates, the same.
double arithmetic_ms(const node::RunProfile& profile);

// The fewest peers with which a code corrects so many wrong ones whose errors are independent, in either
// pass, by codes::error_bounds; -1 if none up to codes::kMaxPeers.
Index fewest_peers_correcting(const std::string& name, codes::Grid grid, Index errors);

// Payload bytes that a peer receives in a training step: contributions, each from everybody else.
double received_bytes(const codes::ProductCode& code, const dnn::NetworkSpec& network, Index batch);
// Of what every one of the peers sends, `sent`, as much to each of the others: what a host receives from
// other hosts that runs `here` of them. Precondition: two peers or more.
double host_received_bytes(double sent, Index peers, Index here);
// The least: each decoded value once, as float32.
double least_bytes(const dnn::NetworkSpec& network, Index batch);

struct CodeChoice {
  std::string name;
  codes::Grid grid;
};
// Of all codes and grids that correct so many independent errors in either pass, the one that receives least.
// Failure: kUsage, there is none.
Result<CodeChoice> least_receiving_code(Index peers, Index errors, const dnn::NetworkSpec& network,
                                        Index batch);

// What one peer cannot do without: its shards, their momentum, and of one batch the input and the output of
// every operation.
double state_bytes(const codes::ProductCode& code, const dnn::NetworkSpec& network, Index batch,
                   bool has_momentum);

}  // namespace polydot::bench
