// The tables of codes/CODES.md as Markdown: decode error, gain, rebuilding, location. Everything is a
// function of the options, so two runs of one build print the same figures.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "codes/base/product_code.h"
#include "codes/families/factories.h"
#include "tools/bench/tally.h"

namespace polydot::bench {

struct TableOptions {
  bool full = false;  // the number of trials of the documents; else a tenth or less, for a first look
  std::uint64_t seed = 1;
};

// Relative error of a float32 decode against a double product, after 0, 1 and 2 random erasures; medians.
std::string decode_error_table(const TableOptions& options);
// The same for the monomial form beside the nested one.
std::string monomial_table(const TableOptions& options);
// Gain after random erasures, and after losing a block of neighbours at the edge or spread indices.
std::string gain_table(const TableOptions& options);
// Gain of rebuilding a shard's matrix from mn and more other shards.
std::string rebuild_table(const TableOptions& options);
// What became of rounds with 1 .. P-K-1 wrong peers, for each error model of round_lab.h.
std::string location_table(const LocationPlan& plan, const TableOptions& options);
// The same with 0 .. 10 flipped results at each of the P peers.
std::string everybody_wrong_table(const TableOptions& options);
// Identical errors in one entry of floor((P-K)/2) + 1 peers, every set of them.
std::string identical_errors_table(const TableOptions& options);

}  // namespace polydot::bench
