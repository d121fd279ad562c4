// What the score reads of a peer: its findings and its rounds. Whenever one of the two files gets a line of a
// slot, so does the other of all that is open of that slot: a peer that is killed leaves both up to the same
// step, and nothing that it saw looks missed.
#pragma once

#include <cstdint>
#include <string>

#include "codes/base/result.h"
#include "node/files/record_file.h"
#include "node/records/ledger.h"
#include "node/records/round_book.h"
#include "protocol/health/status.h"

namespace polydot::node {

class RoundRecords {
 public:
  // In this folder. peers: of the run. Failure: kData.
  Outcome open(const std::string& folder, Records records, int peers);
  void on_round(const protocol::RoundReport& report);
  // Of a frame with a wrong checksum.
  void on_wrong_checksum(const protocol::PeerEvent& event);
  // Writes what is still open.
  void close();
  std::uint64_t findings() const { return ledger_.findings(); }  // by the code

 private:
  void begin_step(std::uint32_t epoch, std::uint64_t step);

  Ledger ledger_;
  RoundBook rounds_;
};

}  // namespace polydot::node
