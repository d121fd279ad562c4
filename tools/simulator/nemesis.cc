#include "tools/simulator/nemesis.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace polydot::simulator {

namespace {

constexpr double kHourMs = 3'600'000.0;

}  // namespace

Nemesis::Nemesis(const Scenario& scenario, SimCluster& cluster, NemesisHooks hooks)
    : scenario_(scenario),
      cluster_(cluster),
      hooks_(std::move(hooks)),
      draw_(scenario.options.seed ^ 0x6e656d65736973u),
      impaired_until_ms_(static_cast<std::size_t>(cluster.size()), 0),
      torn_before_(static_cast<std::size_t>(cluster.size()), 0),
      down_(static_cast<std::size_t>(cluster.size()), false),
      touched_(static_cast<std::size_t>(cluster.size()), false) {
  cluster_.on_power_lost([this](int peer) {
    std::uint64_t& torn = torn_before_[static_cast<std::size_t>(peer)];
    if (const std::uint64_t now = cluster_.disk(peer).counters().torn; now > std::exchange(torn, now))
      ++tally_.of(FaultKind::kTornWrite);
    say(fmt::format("peer {} crashed while it wrote", peer));
    go_down(peer, true);
  });
}

void Nemesis::start() {
  if (scenario_.event_interval_ms > 0 &&
      std::any_of(scenario_.weights.begin(), scenario_.weights.end(), [](double w) { return w > 0; }))
    schedule_next();
}

void Nemesis::later(std::int64_t delay_ms, std::function<void()> action) {
  cluster_.at(cluster_.now_ms() + std::max<std::int64_t>(1, delay_ms), [this, action = std::move(action)] {
    if (!healed_) action();
  });
}

void Nemesis::schedule_next() {
  later(static_cast<std::int64_t>(draw_.exponential(scenario_.event_interval_ms)), [this] {
    strike();
    schedule_next();
  });
}

FaultKind Nemesis::draw_kind() {
  std::discrete_distribution<int> kinds(scenario_.weights.begin(), scenario_.weights.end());
  return static_cast<FaultKind>(kinds(draw_.generator()));
}

void Nemesis::strike() {
  const FaultKind kind = draw_kind();
  if (kind == FaultKind::kClog) return clog();
  if (kind == FaultKind::kPartition || kind == FaultKind::kOneWayPartition)
    return partition(kind == FaultKind::kOneWayPartition);
  if (kind == FaultKind::kAllKilled) return kill_all();
  if (kind == FaultKind::kSecondProcess) return second_process();
  const int peer = draw_well_peer();
  if (peer < 0) return;
  if (kind == FaultKind::kClockJump) return jump_clock(peer);
  if (kind == FaultKind::kDiskTrouble) return disk_trouble(peer);
  // A blackout takes no disks: what no usable set holds any more cannot come back.
  const bool blackout = draw_.chance(scenario_.blackout) && kind != FaultKind::kDiskLost;
  if (room(blackout) < 1 || (kind == FaultKind::kDiskLost && !may_lose_disk(peer))) return;
  if (kind == FaultKind::kFreeze) return freeze(peer);
  crash(kind, peer);
}

// A clog delays, and takes nobody out for good: a few links, or all of one peer.
void Nemesis::clog() {
  const int peer = draw_well_peer();
  if (peer < 0) return;
  const std::int64_t until = cluster_.now_ms() + draw_.between(1, scenario_.cluster.patience_ms);
  for (int other = 0; other < cluster_.size(); ++other) {
    if (other == peer || !draw_.chance(0.6)) continue;
    cluster_.network().clog(other, peer, until);
    if (draw_.chance(0.5)) cluster_.network().clog(peer, other, until);
  }
  ++tally_.of(FaultKind::kClog);
  say(fmt::format("links of peer {} are clogged until {}", peer, until));
}

void Nemesis::partition(bool one_way) {
  const bool blackout = draw_.chance(scenario_.blackout);
  const int most = room(blackout);
  if (most < 1) return;
  codes::PeerSet group;
  const auto wanted = draw_.between(1, blackout ? std::max(1, cluster_.size() / 2) : most);
  for (std::int64_t k = 0; k < wanted; ++k)
    if (const int peer = draw_well_peer(); peer >= 0) group.insert(peer);
  if (group.empty()) return;
  const std::int64_t until = cluster_.now_ms() + draw_outage_ms(blackout);
  const bool outwards = draw_.chance(0.5);
  for (int in : group.members()) {
    impair(in, until);
    for (int out = 0; out < cluster_.size(); ++out) {
      if (group.contains(out)) continue;
      if (!one_way || outwards) cluster_.network().cut(in, out, until);
      if (!one_way || !outwards) cluster_.network().cut(out, in, until);
    }
  }
  ++tally_.of(one_way ? FaultKind::kOneWayPartition : FaultKind::kPartition);
  std::string names;
  for (int in : group.members()) names += " " + std::to_string(in);
  say(fmt::format("peers{} are cut off until {}{}", names, until,
                  !one_way   ? ""
                  : outwards ? ", they hear"
                             : ", they are heard"));
}

void Nemesis::crash(FaultKind kind, int peer) {
  if (kind == FaultKind::kTornWrite) {
    // When it writes next.
    cluster_.crash_in_write(peer, static_cast<int>(draw_.between(0, 3)));
    impair(peer, cluster_.now_ms() + draw_outage_ms(false));
    return;
  }
  ++tally_.of(kind);
  say(fmt::format("peer {} crashes{}", peer, kind == FaultKind::kDiskLost ? ", its disk is lost" : ""));
  cluster_.crash(peer);
  torn_before_[static_cast<std::size_t>(peer)] = cluster_.disk(peer).counters().torn;
  go_down(peer, kind != FaultKind::kDiskLost);
}

void Nemesis::go_down(int peer, bool keep_disk) {
  const auto at = static_cast<std::size_t>(peer);
  if (!keep_disk) cluster_.lose_disk(peer);
  down_[at] = touched_[at] = true;
  hooks_.on_crash(peer);
  if (healed_) return;
  later(draw_outage_ms(false), [this, peer] { come_back(peer); });
}

void Nemesis::come_back(int peer) {
  const auto at = static_cast<std::size_t>(peer);
  if (!down_[at]) return;
  down_[at] = false;
  say(fmt::format("peer {} comes back", peer));
  hooks_.on_restart(peer);
  cluster_.restart(peer);
}

void Nemesis::disk_trouble(int peer) {
  SimDisk& disk = cluster_.disk(peer);
  const bool full = draw_.chance(0.5) || !may_lose_disk(peer);  // who cannot read its record has none
  disk.set_trouble(full ? SimDisk::Trouble::kFull : SimDisk::Trouble::kUnreadable);
  ++tally_.of(FaultKind::kDiskTrouble);
  const std::int64_t outage = draw_outage_ms(false);
  say(fmt::format("the disk of peer {} is {} for {} ms", peer, full ? "full" : "unreadable", outage));
  later(outage, [this, peer] { cluster_.disk(peer).set_trouble(SimDisk::Trouble::kNone); });
}

void Nemesis::freeze(int peer) {
  const std::int64_t until = cluster_.now_ms() + draw_outage_ms(false);
  cluster_.freeze(peer, until);
  impair(peer, until);
  ++tally_.of(FaultKind::kFreeze);
  say(fmt::format("peer {} freezes until {}", peer, until));
}

void Nemesis::jump_clock(int peer) {
  const auto by = static_cast<std::int64_t>(draw_.logarithmic(10.0, kHourMs));
  cluster_.jump_clock(peer, by);
  ++tally_.of(FaultKind::kClockJump);
  say(fmt::format("the clock of peer {} jumps by {} ms", peer, by));
}

void Nemesis::kill_all() {
  ++tally_.of(FaultKind::kAllKilled);
  say("all peers are killed");
  for (int p = 0; p < cluster_.size(); ++p)
    if (!down_[static_cast<std::size_t>(p)]) {
      cluster_.crash(p);
      go_down(p, true);
    }
}

// It takes nobody out: whether the right one is well, down or cut off does not matter.
void Nemesis::second_process() {
  const auto peer = static_cast<int>(draw_.between(0, cluster_.size() - 1));
  if (cluster_.has_second(peer)) return;
  const std::int64_t stay = draw_outage_ms(false);
  ++tally_.of(FaultKind::kSecondProcess);
  say(fmt::format("a second process claims to be peer {} for {} ms", peer, stay));
  cluster_.start_second(peer);
  later(stay, [this, peer] { cluster_.end_second(peer); });
}

int Nemesis::room(bool blackout) const {
  int impaired = 0;
  for (int p = 0; p < cluster_.size(); ++p) impaired += is_impaired(p);
  return (blackout ? cluster_.size() : scenario_.most_impaired) - impaired;
}

bool Nemesis::is_impaired(int peer) const {
  const auto at = static_cast<std::size_t>(peer);
  return down_[at] || !cluster_.is_active(peer) || impaired_until_ms_[at] > cluster_.now_ms();
}

bool Nemesis::may_lose_disk(int peer) const {
  int voters = 0;
  for (int p = 0; p < cluster_.size(); ++p) voters += p != peer && cluster_.has_vote(p);
  return voters > cluster_.size() / 2;
}

void Nemesis::impair(int peer, std::int64_t until_ms) {
  std::int64_t& until = impaired_until_ms_[static_cast<std::size_t>(peer)];
  until = std::max(until, until_ms);
}

int Nemesis::draw_well_peer() {
  std::vector<int> well;
  for (int p = 0; p < cluster_.size(); ++p)
    if (!is_impaired(p)) well.push_back(p);
  return well.empty() ? -1 : draw_.one_of(well);
}

// What takes more peers than the code allows does not last: nobody may give up over it.
std::int64_t Nemesis::draw_outage_ms(bool blackout) {
  const double longest =
      blackout ? std::min(scenario_.longest_ms, 3.0 * static_cast<double>(scenario_.cluster.patience_ms))
               : scenario_.longest_ms;
  return static_cast<std::int64_t>(draw_.logarithmic(0.05 * longest, longest));
}

void Nemesis::heal() {
  if (healed_) return;
  healed_ = true;
  say("everything is healed");
  const std::int64_t now = cluster_.now_ms();
  cluster_.network().set_perfect();
  for (int p = 0; p < cluster_.size(); ++p) {
    cluster_.disk(p).set_trouble(SimDisk::Trouble::kNone);
    cluster_.disk(p).restore_power();
    cluster_.freeze(p, now);
    cluster_.end_second(p);
    for (int q = 0; q < cluster_.size(); ++q) {
      if (p == q) continue;
      cluster_.network().cut(p, q, now);
      cluster_.network().clog(p, q, now);
    }
  }
  for (int p = 0; p < cluster_.size(); ++p) come_back(p);
}

}  // namespace polydot::simulator
