// Table and picture of the fault study.
#pragma once

#include <string>
#include <vector>

#include "codes/base/result.h"
#include "tools/bench/fault_records.h"

namespace polydot::bench {

struct FaultDataset {
  std::string name, plan, samples;
};

struct FaultReport {
  std::string description;
  std::vector<FaultDataset> datasets;
  std::vector<double> rates;  // ascending, the first may be 0
  std::vector<std::string> strategies;
};

// Writes OUT/faults.md, OUT/faults.svg and, where rsvg-convert is installed, OUT/faults.png. Failure: kData.
Outcome write_report(const FaultReport& report, const FaultRecords& records, const std::string& out);

}  // namespace polydot::bench
