// Table and picture of the fault study.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "codes/result.h"
#include "tools/bench/fault_records.h"

namespace polydot::bench {

struct FaultReport {
  std::string description;
  std::vector<std::pair<std::string, std::string>> datasets;  // name, plan
  std::vector<double> rates;                                  // ascending, the first may be 0
  std::vector<std::string> strategies;
};

// Writes OUT/faults.md, OUT/faults.svg and, where rsvg-convert is installed, OUT/faults.png. Failure: kData.
Outcome write_report(const FaultReport& report, const FaultRecords& records, const std::string& out);

}  // namespace polydot::bench
