// The ledger of findings: which peer was located, when and where, in which attempt of the round. A finding
// that recurs step after step (a wrong shard) is one entry with a count, and a further one from every
// kStepsOfALine-th step on, and whenever the book of rounds writes (round_records.h): little to lose if the
// process is killed. What did not recur is on file when the next step begins.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <utility>

#include "codes/base/result.h"
#include "node/files/record_file.h"
#include "protocol/health/status.h"

namespace polydot::node {

struct LedgerEntry {
  int peer = 0;
  std::uint32_t slot = 0, epoch = 0, attempt = 0;
  codes::Index layer = 0;
  codes::PassKind pass = codes::PassKind::kForward;
  bool training = true;
  protocol::RoundPart part = protocol::RoundPart::kProduct;  // what showed it: the product, or a scrub
  std::uint64_t first_step = 0, last_step = 0;               // every step from first to last
  double size_over_floor = 0.0;                              // the largest
  bool corrected = true;     // every round it was found in was decoded all the same
  bool by_checksum = false;  // else by the code
  std::uint64_t frames = 0;  // by checksum: so many came

  std::uint64_t count() const { return last_step - first_step + 1; }
};

class Ledger {
 public:
  // path: JSON lines; empty: none is kept. Failure: kData.
  Outcome open(const std::string& path, Records records = Records::kBeginAnew);
  void on_round(const protocol::RoundReport& report);
  // A frame of `peer` came with a wrong checksum while this round was at hand: an erasure, not a finding of
  // the code's. However many come in a round, they are one entry, with their number.
  void on_wrong_checksum(std::uint32_t epoch, std::uint64_t step, std::uint32_t slot, int peer);
  // Writes what cannot recur, now that this step begins: in which slots that were findings by the code.
  std::set<std::uint32_t> begin_step(std::uint32_t epoch, std::uint64_t step);
  // Writes the entries of this slot that are still open; what recurs begins a further one.
  void write_slot(std::uint32_t slot);
  // Writes the entries that are still open.
  void close();
  std::uint64_t findings() const { return findings_; }  // by the code

 private:
  using Place = std::tuple<std::uint32_t, int, protocol::RoundPart, std::uint32_t>;  // slot, peer, attempt
  using Link = std::pair<std::uint32_t, int>;                                        // slot, peer
  template <typename Entries>
  std::set<std::uint32_t> write_what_ended(Entries& entries, std::uint32_t epoch, std::uint64_t step);
  bool is_known(const Place& place, std::uint64_t step) const;
  void note(const protocol::RoundReport& report, protocol::RoundPart part,
            const codes::RoundVerdict& verdict);
  void write(const LedgerEntry& entry);

  RecordFile file_;
  std::map<Place, LedgerEntry> open_;
  std::map<Link, LedgerEntry> damaged_;
  std::uint32_t epoch_ = 0;
  std::uint64_t step_ = 0;
  std::uint64_t findings_ = 0;
};

}  // namespace polydot::node
