#include "protocol/recovery/ballot.h"

#include <algorithm>
#include <cstring>

namespace polydot::protocol {

namespace {

// On the wire a checkpoint's name is one number, the epoch above the boundary.
constexpr unsigned kBoundaryBits = 40;
constexpr std::uint64_t kMostBoundary = (std::uint64_t{1} << kBoundaryBits) - 1;
// Acceptances kept of one peer: more than proposals meet at a time.
constexpr std::size_t kMostAcceptances = 8;
// In the place of a ballot: decided by whichever; accepted above any other.
constexpr std::uint32_t kKnown = 0, kHighest = 0xffffffff;

std::uint64_t word_of(const CheckpointId& id) {
  return static_cast<std::uint64_t>(id.epoch) << kBoundaryBits | id.boundary;
}
CheckpointId id_of(std::uint64_t word) {
  return {static_cast<std::uint32_t>(word >> kBoundaryBits), word & kMostBoundary};
}

// The names in a ballot message: the accepted target (or the one to accept) first, then those held.
std::vector<CheckpointId> names_of(const Message& message) {
  std::vector<std::uint64_t> words(message.payload.size_bytes() / sizeof(std::uint64_t));
  if (!words.empty())
    std::memcpy(words.data(), message.payload.bytes().data(), words.size() * sizeof(std::uint64_t));
  std::vector<CheckpointId> names;
  for (std::uint64_t word : words) names.push_back(id_of(word));
  return names;
}

}  // namespace

std::string Ballot::impossible(const BallotRecord& record) {
  const auto is_name = [](const CheckpointId& id) {
    return id.epoch <= kMostEpoch && id.boundary <= kMostBoundary;
  };
  if (record.epoch > kMostEpoch) return "there are not so many epochs";
  if (record.promised > kMostBallotNumber) return "no ballot has so high a number as was promised";
  if (record.accepted > record.promised || record.withdrawn > record.promised)
    return "a ballot above the highest that was promised";
  if (!is_name(record.from) || !is_name(record.target)) return "no checkpoint has such a name";
  return {};
}

Ballot::Ballot(int self, int peers, BallotRecord record, Usable usable)
    : self_(self),
      peers_(peers),
      record_(record),
      usable_(std::move(usable)),
      most_boundary_(kMostBoundary),
      named_(static_cast<std::size_t>(peers)),
      accepted_by_(static_cast<std::size_t>(peers)) {
  named_[static_cast<std::size_t>(self)] = record.promised;
}

bool Ballot::is_majority(const codes::PeerSet& peers) const { return peers.size() > peers_ / 2; }

codes::PeerSet Ballot::promised_by() const {
  codes::PeerSet set;
  for (const auto& [peer, promise] : promises_) set.insert(peer);
  return set;
}

std::optional<BallotRecord> Ballot::take_record() {
  // A record says that no promise is lost: whoever may have lost one has none.
  if (!votes_ || !std::exchange(dirty_, false)) return std::nullopt;
  return record_;
}

std::optional<Ballot::Decision> Ballot::take_decision() { return std::exchange(decision_, std::nullopt); }

void Ballot::send(int to, Step step, std::uint32_t ballot, const std::vector<CheckpointId>& names,
                  std::uint32_t accepted) {
  Message message;
  message.kind = MessageKind::kBallot;
  message.key.epoch = ballot;
  message.key.slot = record_.epoch;
  message.key.attempt = accepted;
  message.code = static_cast<std::uint32_t>(step);
  auto words = std::make_shared<std::vector<std::uint64_t>>();
  for (const CheckpointId& name : names) words->push_back(word_of(name));
  const auto bytes = std::as_bytes(std::span(*words));
  message.payload = Payload(std::move(words), bytes);
  messages_.emplace_back(to, std::move(message));
}

void Ballot::propose() {
  if (!votes()) return;
  const auto peers = static_cast<std::uint64_t>(peers_);
  // After one in vain above what others named too, even if it was not believed: so two that are far apart
  // meet.
  std::uint32_t highest = std::max(record_.promised, proposal_);
  if (proposal_ != 0) highest = std::max(highest, *std::max_element(named_.begin(), named_.end()));
  const std::uint64_t above = std::uint64_t{highest} + 1;
  // Everybody's ballots are his own.
  const std::uint64_t number = above + (static_cast<std::uint64_t>(self_) + peers - above % peers) % peers;
  if (number > kMostBallotNumber) return ask();  // none is left: whoever knows better says so
  forget_proposal();
  proposal_ = static_cast<std::uint32_t>(number);
  // Promised before anybody hears of it: no later life proposes something else by the same number.
  record_.promised = named_[static_cast<std::size_t>(self_)] = proposal_;
  repeat();
}

void Ballot::ask() { send(kEverybody, Step::kPrepare, kKnown, {}); }

void Ballot::repeat() {
  if (proposal_ == 0 || !votes()) return;
  const Step step = proposed_ ? Step::kAccept : Step::kPrepare;
  dirty_ = true;  // even if it was before: that may not have got to the disk
  const std::vector<CheckpointId> names = proposed_ ? std::vector{*proposed_} : std::vector<CheckpointId>{};
  send(kEverybody, step, proposal_, names);
  send(self_, step, proposal_, names);
}

// By whom a ballot may be proposed.
bool Ballot::owns(int peer, std::uint32_t number) const {
  return number != kKnown && number % static_cast<std::uint32_t>(peers_) == static_cast<std::uint32_t>(peer);
}

// False: nobody who keeps to the protocol can have come to this number, as far as is known here. What is kept
// of it goes as far as is believed, so that one name alone does not raise its own limit.
bool Ballot::hear_number(int from, std::uint32_t number) {
  if (from == self_) return true;
  std::uint32_t others = 0;
  for (int p = 0; p < peers_; ++p)
    if (p != from) others = std::max(others, named_[static_cast<std::size_t>(p)]);
  const std::uint32_t most = std::min(others + ballot_window(peers_), kMostBallotNumber);
  std::uint32_t& named = named_[static_cast<std::size_t>(from)];
  named = std::max(named, std::min(number, most));
  return number <= most;
}

bool Ballot::is_possible(const CheckpointId& name, std::uint32_t leaves) const {
  return name.epoch <= leaves && name.boundary <= most_boundary_;
}

void Ballot::on_message(int from, const Message& message, bool stuck, const std::vector<CheckpointId>& held) {
  const std::uint32_t ballot = message.key.epoch, leaves = message.key.slot;
  const auto names = names_of(message);
  const auto step = static_cast<Step>(message.code);
  const bool proposes = step == Step::kAccept || (step == Step::kPrepare && ballot != kKnown);
  if (proposes && !owns(from, ballot)) return;
  if (!names.empty() && step != Step::kHolds && !is_possible(names.front(), leaves)) return;
  if (step == Step::kAccepted)
    return names.empty() ? void() : on_accepted(from, leaves, ballot, names.front());
  if (leaves < record_.epoch) return from == self_ ? void() : tell_who_is_behind(from, message);
  if (leaves > record_.epoch) return;  // we are behind
  if ((proposes || step == Step::kRelease) && !hear_number(from, ballot)) return;
  const bool goes_on = !stuck && votes();
  stuck = stuck && votes();
  switch (step) {
    case Step::kPrepare:
      if (stuck) on_prepare(from, ballot, held);
      if (!votes() && ballot != kKnown) send(from, Step::kHolds, ballot, held);
      return;
    case Step::kPromise:
      return on_promise(from, message);
    case Step::kAccept:
      if (stuck && !names.empty()) on_accept(from, ballot, names.front());
      return;
    case Step::kRelease:
      if (goes_on) on_release(from, ballot);
      return;
    case Step::kReleased:
      if (ballot >= record_.accepted) released_by_.insert(from);
      return;
    case Step::kHolds:
      if (proposal_ == 0 || ballot != proposal_ || proposed_) return;
      held_by_[from] = names;
      return accept_if_chosen();
    case Step::kAccepted:
      return;
  }
}

// What is decided cannot change any more: whoever knows it promises and accepts it in any ballot, so that
// those who do not know it find a majority together with those who do.
void Ballot::tell_who_is_behind(int from, const Message& message) {
  const auto step = static_cast<Step>(message.code);
  const bool accept = step == Step::kAccept, release = step == Step::kRelease;
  if (step != Step::kPrepare && !accept && !release) return;
  if (message.key.slot + 1 < record_.epoch || message.key.epoch == kKnown || release) {
    send(from, Step::kAccepted, kKnown, {record_.from});
    messages_.back().second.key.slot = record_.epoch - 1;
    return;
  }
  if (accept && names_of(message) != std::vector{record_.from}) return;
  if (accept)
    send(from, Step::kAccepted, message.key.epoch, {record_.from});
  else
    send(from, Step::kPromise, message.key.epoch, {record_.from}, kHighest);
  messages_.back().second.key.slot = message.key.slot;
}

bool Ballot::withdraw() {
  if (!bound()) return true;
  // A majority has accepted nothing and never will up to the ballot accepted here, so neither that one nor
  // any before it was or can be decided: nobody needs to hear of it.
  if (record_.accepted != 0 && !is_majority(released_by_)) return false;
  record_.withdrawn = record_.promised;
  record_.accepted = 0;
  record_.target = {};
  released_by_ = {};
  dirty_ = true;
  forget_proposal();
  return true;
}

void Ballot::forget_proposal() {
  proposal_ = 0;
  promises_.clear();
  held_by_.clear();
  proposed_.reset();
}

void Ballot::ask_release() {
  if (record_.accepted != 0) send(kEverybody, Step::kRelease, record_.accepted, {});
}

// Who goes on and has accepted nothing never will up to that ballot: as by a promise to one that nobody
// proposes.
void Ballot::on_release(int from, std::uint32_t ballot) {
  if (bound() || record_.accepted != 0) return;
  record_.promised = record_.withdrawn = std::max(record_.withdrawn, ballot);
  dirty_ = true;  // even if withdrawn before: that may not have got to the disk
  send(from, Step::kReleased, ballot, {});
}

void Ballot::on_prepare(int from, std::uint32_t ballot, const std::vector<CheckpointId>& held) {
  if (ballot < record_.promised || ballot <= record_.withdrawn) return;
  record_.promised = ballot;
  dirty_ = true;  // even if promised before: that may not have got to the disk
  std::vector<CheckpointId> names{record_.target};
  names.insert(names.end(), held.begin(), held.end());
  send(from, Step::kPromise, ballot, names, record_.accepted);
}

void Ballot::on_promise(int from, const Message& message) {
  const auto names = names_of(message);
  const std::uint32_t accepted = message.key.attempt;
  if (proposal_ == 0 || message.key.epoch != proposal_ || names.empty() || proposed_) return;
  if (accepted > proposal_ && accepted != kHighest) return;  // who promises has accepted nothing above
  promises_[from] = {accepted, names.front()};
  held_by_[from] = {names.begin() + 1, names.end()};
  accept_if_chosen();
}

void Ballot::accept_if_chosen() {
  if (!is_majority(promised_by())) return;
  const std::optional<CheckpointId> target = choose();
  if (!target) return;  // more of them may bring more
  proposed_ = target;
  repeat();
}

// What a majority may have accepted already, or else the newest that a usable set holds.
std::optional<CheckpointId> Ballot::choose() const {
  std::uint32_t highest = 0;
  std::optional<CheckpointId> bound;
  for (const auto& [peer, promise] : promises_)
    if (promise.accepted > highest) highest = promise.accepted, bound = promise.target;
  if (bound) return bound;
  std::map<CheckpointId, codes::PeerSet> holders;
  for (const auto& [peer, held] : held_by_)
    for (const CheckpointId& name : held)
      if (is_possible(name, record_.epoch)) holders[name].insert(peer);
  for (auto newest = holders.rbegin(); newest != holders.rend(); ++newest)
    if (usable_(newest->second)) return newest->first;
  return std::nullopt;
}

void Ballot::on_accept(int /*from*/, std::uint32_t ballot, const CheckpointId& target) {
  if (ballot < record_.promised || ballot <= record_.withdrawn) return;
  if (ballot > record_.accepted) released_by_ = {};  // from another
  record_.promised = record_.accepted = ballot;
  record_.target = target;
  dirty_ = true;
  send(kEverybody, Step::kAccepted, ballot, {target});
  send(self_, Step::kAccepted, ballot, {target});
}

// Counted for whatever ballot: a peer that missed every prepare learns so what was decided. Each peer has
// room of its own.
void Ballot::on_accepted(int from, std::uint32_t leaves, std::uint32_t ballot, const CheckpointId& target) {
  if (leaves < record_.epoch || leaves >= kMostEpoch) return;
  if (leaves == record_.epoch) hear_number(from, ballot);
  const Acceptance accepted{leaves, ballot, target};
  std::vector<Acceptance>& said = accepted_by_[static_cast<std::size_t>(from)];
  std::erase(said, accepted);
  if (said.size() == kMostAcceptances) said.erase(said.begin());
  said.push_back(accepted);
  codes::PeerSet by;
  for (int p = 0; p < peers_; ++p) {
    const auto& one = accepted_by_[static_cast<std::size_t>(p)];
    if (std::find(one.begin(), one.end(), accepted) != one.end()) by.insert(p);
  }
  if (!is_majority(by)) return;
  // A promise binds no more: the ballot that it was given can only decide the same.
  record_ = BallotRecord{};
  record_.epoch = leaves + 1;
  record_.from = target;
  dirty_ = true;
  decision_ = Decision{record_.epoch, target};
  forget_proposal();
  released_by_ = {};
  std::fill(named_.begin(), named_.end(), 0);
  for (auto& one : accepted_by_)
    std::erase_if(one, [&](const Acceptance& old) { return old.leaves <= leaves; });
}

std::size_t Ballot::acceptances() const {
  std::size_t count = 0;
  for (const auto& said : accepted_by_) count += said.size();
  return count;
}

std::vector<std::uint64_t> Ballot::fingerprint() const {
  std::vector<std::uint64_t> all{record_.epoch,
                                 word_of(record_.from),
                                 record_.promised,
                                 record_.accepted,
                                 word_of(record_.target),
                                 record_.withdrawn,
                                 dirty_,
                                 votes_,
                                 proposal_,
                                 most_boundary_};
  const auto add_names = [&](const std::vector<CheckpointId>& names) {
    all.push_back(names.size());
    for (const CheckpointId& name : names) all.push_back(word_of(name));
  };
  all.push_back(promises_.size());
  for (const auto& [peer, promise] : promises_)
    all.insert(all.end(), {static_cast<std::uint64_t>(peer), promise.accepted, word_of(promise.target)});
  all.push_back(held_by_.size());
  for (const auto& [peer, names] : held_by_)
    all.push_back(static_cast<std::uint64_t>(peer)), add_names(names);
  add_names(proposed_ ? std::vector{*proposed_} : std::vector<CheckpointId>{});
  all.push_back(static_cast<std::uint64_t>(released_by_.size()));
  for (int p : released_by_.members()) all.push_back(static_cast<std::uint64_t>(p));
  for (std::vector<Acceptance> said : accepted_by_) {
    // Their order says only which is forgotten next.
    if (said.size() < kMostAcceptances) std::sort(said.begin(), said.end());
    all.push_back(said.size());
    for (const Acceptance& one : said)
      all.insert(all.end(), {std::uint64_t{one.leaves} << 32 | one.number, word_of(one.target)});
  }
  if (decision_) all.insert(all.end(), {decision_->epoch, word_of(decision_->target)});
  return all;
}

}  // namespace polydot::protocol
