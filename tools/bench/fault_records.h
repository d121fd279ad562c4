// What the fault study has measured so far: a file of JSON lines, so that an interrupted study goes on where
// it stopped.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "codes/base/result.h"
#include "tools/bench/fault_run.h"

namespace polydot::bench {

struct FaultRecord {
  std::string dataset;
  std::string plan;  // network, batch and steps: what runs must have in common to be compared
  std::string strategy;
  double rate = 0.0;
  std::uint64_t seed = 0;
  FaultRun run;
};

// How many copies cost replication as much as polydot costs, and what was measured.
struct Calibration {
  std::string dataset, plan;
  Index copies = 0;
  double polydot_seconds = 0.0;
  std::map<Index, double> replication_seconds;  // by copies
};

class FaultRecords {
 public:
  // Reads what is there. Failure: kData, a line that is not one of ours, or the file cannot be written.
  static Result<FaultRecords> open(const std::string& path);

  bool has(const FaultRecord& key) const;
  Outcome add(const FaultRecord& record);
  const std::vector<FaultRecord>& records() const { return records_; }
  const Calibration* calibration(const std::string& dataset, const std::string& plan) const;
  Outcome add(const Calibration& calibration);

 private:
  explicit FaultRecords(std::string path) : path_(std::move(path)) {}
  Outcome append(const std::string& line) const;

  std::string path_;
  std::vector<FaultRecord> records_;
  std::vector<Calibration> calibrations_;
};

}  // namespace polydot::bench
