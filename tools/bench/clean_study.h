// polydot-bench clean: long training in which nothing is wrong. Nobody may be blamed and nothing refused, the
// floors must stay low, and cleaning must cost little; once with everybody's contribution in each round, once
// with every peer decoding from a set of its own.
#pragma once

#include <cstdint>
#include <string>

#include "codes/base/result.h"

namespace polydot::bench {

struct CleanStudyOptions {
  std::string out;   // folder of clean.md and floors.svg, made if need be; empty: stdout only
  std::string data;  // folder of the MNIST IDX files; empty: the embedded set alone
  bool full = false;
  std::uint64_t seed = 1;
  std::string description;  // command, machine, compiler
};

Outcome run_clean_study(const CleanStudyOptions& options);

}  // namespace polydot::bench
