#include "node/records/round_records.h"

#include <set>

#include "node/files/run_layout.h"

namespace polydot::node {

Outcome RoundRecords::open(const std::string& folder, Records records, int peers) {
  Outcome opened = ledger_.open(folder + kFindingsFile, records);
  if (opened) opened = rounds_.open(folder + kRoundsFile, records, peers);
  return opened;
}

void RoundRecords::begin_step(std::uint32_t epoch, std::uint64_t step) {
  std::set<std::uint32_t> slots = ledger_.begin_step(epoch, step);
  slots.merge(rounds_.begin_step(epoch, step));
  for (const std::uint32_t slot : slots) {
    ledger_.write_slot(slot);
    rounds_.write_slot(slot);
  }
}

void RoundRecords::on_round(const protocol::RoundReport& report) {
  begin_step(report.key.epoch, report.key.step);
  ledger_.on_round(report);
  rounds_.on_round(report);
}

void RoundRecords::on_wrong_checksum(const protocol::PeerEvent& event) {
  begin_step(event.epoch, event.step);
  ledger_.on_wrong_checksum(event.epoch, event.step, event.slot, event.peer);
}

void RoundRecords::close() {
  ledger_.close();
  rounds_.close();
}

}  // namespace polydot::node
