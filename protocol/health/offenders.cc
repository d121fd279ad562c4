#include "protocol/health/offenders.h"

#include <algorithm>
#include <bit>

namespace polydot::protocol {

Offenders::Change Offenders::note(const codes::PeerSet& present, const codes::PeerSet& wrong) {
  Change change;
  ++rounds_;
  for (int p = 0; p < static_cast<int>(records_.size()); ++p) {
    Record& record = records_[static_cast<std::size_t>(p)];
    if (record.until == rounds_) {
      change.released.insert(p);
      record.recent = 0;  // a new trial
    }
    if (record.until > rounds_ || !present.contains(p)) continue;
    record.recent = record.recent << 1 | (wrong.contains(p) ? 1u : 0u);
    record.all += wrong.contains(p);
    if (static_cast<std::uint64_t>(std::popcount(record.recent)) < kWindow / 2) continue;
    record.until = rounds_ + record.cool_down;
    record.cool_down = std::min(2 * record.cool_down, kLongestCoolDown);
    change.quarantined.insert(p);
  }
  return change;
}

codes::PeerSet Offenders::quarantined() const {
  codes::PeerSet set;
  for (int p = 0; p < static_cast<int>(records_.size()); ++p)
    if (records_[static_cast<std::size_t>(p)].until > rounds_) set.insert(p);
  return set;
}

codes::PeerSet Offenders::excluded(const codes::PeerSet& present, int least) const {
  codes::PeerSet out = quarantined() & present;
  while (!out.empty() && (present - out).size() < least) {
    const std::vector<int> members = out.members();
    out.erase(*std::max_element(members.begin(), members.end(),
                                [&](int a, int b) { return offences(a) < offences(b); }));
  }
  return out;
}

}  // namespace polydot::protocol
