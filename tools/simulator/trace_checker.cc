#include "tools/simulator/trace_checker.h"

#include <algorithm>
#include <cstring>

#include <fmt/format.h>

#include "tools/simulator/frame_fields.h"

namespace polydot::simulator {

namespace {

using protocol::CheckpointId;
using protocol::MessageKind;

constexpr std::uint64_t kKeptSteps = 3;  // of what was delivered to rounds that are done
constexpr std::uint32_t kPromise = 2, kAccepted = 4, kReleased = 6;  // PROTOCOL.md: a ballot's codes
constexpr std::uint32_t kKnown = 0, kDecidedAlready = 0xffffffff;    // in the place of a ballot

// The first name of a checkpoint in a ballot's payload: the epoch above 40 bits of boundary.
std::optional<CheckpointId> first_name(std::span<const std::byte> payload) {
  std::uint64_t word = 0;
  if (payload.size() < sizeof word) return std::nullopt;
  std::memcpy(&word, payload.data(), sizeof word);
  return CheckpointId{static_cast<std::uint32_t>(word >> 40), word & ((std::uint64_t{1} << 40) - 1)};
}

bool names_a_round(MessageKind kind) {
  return kind == MessageKind::kContribution || kind == MessageKind::kRequest || kind == MessageKind::kAbstain;
}

std::string text_of(const CheckpointId& id) { return fmt::format("{}/{}", id.epoch, id.boundary); }

}  // namespace

TraceChecker::TraceChecker(TraceCheckerOptions options, Violations& violations)
    : options_(std::move(options)),
      violations_(violations),
      seats_(static_cast<std::size_t>(options_.peers)) {}

void TraceChecker::on_send(const Frame& frame, std::span<const std::byte> payload) {
  const FrameFields fields = fields_of(frame.header);
  Seat& seat = seats_[static_cast<std::size_t>(frame.from)];
  if (fields.kind == MessageKind::kBallot) return look_at_ballot(frame, fields.key, fields.code, payload);
  if (!names_a_round(fields.kind)) return;
  seat.epoch = std::max(seat.epoch, fields.key.epoch);
  if (fields.kind == MessageKind::kContribution && options_.needed.contains(fields.key.slot))
    seat.sent.insert(fields.key);
}

void TraceChecker::on_deliver(const Frame& frame) {
  const FrameFields fields = fields_of(frame.header);
  if (!frame.intact || fields.kind != MessageKind::kContribution ||
      !options_.needed.contains(fields.key.slot))
    return;
  Arrival& arrival = seats_[static_cast<std::size_t>(frame.to)].arrived[fields.key];
  if (fields.cols < fields.total_cols) {
    auto& parts = arrival.parts[frame.from];
    parts[fields.first_col] = fields.cols;
    std::uint32_t total = 0;
    for (const auto& [first, cols] : parts) total += cols;
    if (total < fields.total_cols) return;
  }
  arrival.complete.insert(frame.from);
}

int TraceChecker::best_attempt(const Seat& seat, int peer, const codes::RoundKey& round) const {
  int best = 0;
  for (auto at = seat.arrived.lower_bound(round); at != seat.arrived.end(); ++at) {
    codes::RoundKey same = at->first;
    same.attempt = 0;
    if (same != round) break;
    codes::PeerSet complete = at->second.complete;
    if (seat.sent.contains(at->first)) complete.insert(peer);
    best = std::max(best, complete.size());
  }
  return best;
}

void TraceChecker::on_round(std::int64_t at_ms, int peer, const codes::RoundKey& key,
                            codes::PeerSet present) {
  if (!options_.needed.contains(key.slot)) return;
  const Seat& seat = seats_[static_cast<std::size_t>(peer)];
  const auto found = seat.arrived.find(key);
  const codes::PeerSet arrived = found == seat.arrived.end() ? codes::PeerSet{} : found->second.complete;
  for (int other : (present - arrived - codes::PeerSet::of({peer})).members())
    violations_.add(at_ms, fmt::format("stale: peer {} judges step {} slot {:x} attempt {} of epoch {} by a "
                                       "contribution of peer {}, and none with that key came from there",
                                       peer, key.step, key.slot, key.attempt, key.epoch, other));
}

void TraceChecker::on_commit(std::int64_t at_ms, int peer, std::uint64_t step) {
  Seat& seat = seats_[static_cast<std::size_t>(peer)];
  for (const auto& [slot, needed] : options_.needed) {
    const int had = best_attempt(seat, peer, {seat.epoch, step, slot, 0});
    if (had < needed)
      violations_.add(at_ms,
                      fmt::format("quorum: peer {} committed step {} of epoch {} with {} contributions to "
                                  "slot {:x}, {} are needed",
                                  peer, step, seat.epoch, had, slot, needed));
  }
  const std::pair place(seat.epoch, step);
  if (seat.committed && place <= *seat.committed)
    violations_.add(
        at_ms, fmt::format("history: peer {} committed step {} of epoch {} after step {} of epoch {}", peer,
                           step, seat.epoch, seat.committed->second, seat.committed->first));
  seat.committed = place;
  // A follower may go back a little, with what it has of those rounds.
  const codes::RoundKey next{seat.epoch, step < kKeptSteps ? 0 : step - kKeptSteps, 0, 0};
  seat.arrived.erase(seat.arrived.begin(), seat.arrived.lower_bound(next));
  seat.sent.erase(seat.sent.begin(), seat.sent.lower_bound(next));
}

void TraceChecker::on_restart(int peer) {
  Seat& seat = seats_[static_cast<std::size_t>(peer)];
  seat.arrived.clear();
  seat.sent.clear();
  seat.committed.reset();
}

void TraceChecker::on_follow(int peer) { seats_[static_cast<std::size_t>(peer)].committed.reset(); }

void TraceChecker::look_at_ballot(const Frame& frame, const codes::RoundKey& key, std::uint32_t code,
                                  std::span<const std::byte> payload) {
  const std::uint32_t ballot = key.epoch, leaves = key.slot;
  const std::optional<CheckpointId> target = first_name(payload);
  if (code == kReleased) return look_at_release(frame, ballot, leaves);
  if (!target || (code != kPromise && code != kAccepted)) return;
  if (code == kPromise && key.attempt == kDecidedAlready)
    return learn_decision(frame.at_ms, leaves, *target, frame.from);
  if (code == kAccepted && ballot == kKnown) return learn_decision(frame.at_ms, leaves, *target, frame.from);
  // What is decided already may be said by whoever knows it: nobody's memory is needed for it any more.
  if (code == kAccepted && decision(leaves) == target) return;
  const auto record = options_.durable_record(frame.from);
  const bool left = record && record->epoch > leaves;
  const bool kept = left || (record && record->epoch == leaves &&
                             (code == kPromise ? record->promised : record->accepted) >= ballot);
  if (!kept)
    violations_.add(frame.at_ms,
                    fmt::format("promise: peer {} {} ballot {} of epoch {}, and its disk does not know it",
                                frame.from, code == kPromise ? "promised" : "accepted", ballot, leaves));
  if (code != kAccepted) return;
  codes::PeerSet& by = accepted_[{leaves, ballot, *target}];
  by.insert(frame.from);
  if (2 * by.size() > options_.peers) learn_decision(frame.at_ms, leaves, *target, frame.from);
}

void TraceChecker::look_at_release(const Frame& frame, std::uint32_t ballot, std::uint32_t leaves) {
  const auto record = options_.durable_record(frame.from);
  const bool left = record && record->epoch > leaves;
  const bool kept =
      left || (record && record->epoch == leaves && record->withdrawn >= ballot && record->accepted == 0);
  if (!kept)
    violations_.add(frame.at_ms,
                    fmt::format("promise: peer {} released ballot {} of epoch {}, and its disk does "
                                "not know it",
                                frame.from, ballot, leaves));
}

void TraceChecker::learn_decision(std::int64_t at_ms, std::uint32_t leaves, const CheckpointId& target,
                                  int from) {
  const auto [at, is_new] = decided_.try_emplace(leaves, target);
  if (!is_new && at->second != target)
    violations_.add(at_ms, fmt::format("history: epoch {} is left for {} and, says peer {}, for {}", leaves,
                                       text_of(at->second), from, text_of(target)));
}

std::optional<CheckpointId> TraceChecker::decision(std::uint32_t leaves) const {
  const auto found = decided_.find(leaves);
  return found == decided_.end() ? std::nullopt : std::optional(found->second);
}

}  // namespace polydot::simulator
