#include "protocol/recovery/repairs.h"

#include <algorithm>

#include "protocol/recovery/repairs_state.h"
#include "protocol/wire/contribution.h"
#include "protocol/wire/wire.h"

namespace polydot::protocol {

namespace {

// Spare pieces beyond the threshold: one wrong piece is located with two.
constexpr int kSparePieces = 2;
// A repaired line may be this much louder than it could be from all others.
constexpr double kBearableNoise = 1.1;
// A piece of a lost shard, so that what all others send at once stays small.
constexpr codes::Index kChunkBytes = codes::Index{4} << 20;
constexpr std::int64_t kLeastAskMs = 20;
// Tries before a repair is given up; what is lost is never given up.
constexpr int kMaxTries = 8;
// That a request can name one by one.
constexpr std::size_t kMostLines = kMaxLinesBytes / sizeof(std::uint32_t);
// A line is judged beside its own size, or this share of the typical line of its state if that is more.
constexpr double kLeastShare = 1e-3;

// How many boundaries ahead a try asks. Now, for who is in step with the others, or when all stand still;
// then further and further, for who is behind them.
std::uint64_t lead_of(int tries) {
  if (tries % 2 == 0) return 0;
  return std::min(Repairs::kLongestLead, std::uint64_t{1} << std::min((tries + 1) / 2, 6));
}

std::uint32_t slot_of(const codes::ShardPart& part) {
  return static_cast<std::uint32_t>(part.layer) * kShardsPerLayer + static_cast<std::uint32_t>(part.shard);
}
std::uint32_t states_of(const codes::ShardPart& part) {
  return (part.weights ? kWeightsState : 0u) | (part.momentum ? kMomentumState : 0u);
}

Payload payload_of(const std::vector<std::uint32_t>& lines) {
  auto owner = std::make_shared<const std::vector<std::uint32_t>>(lines);
  const auto bytes = std::as_bytes(std::span(*owner));
  return {std::move(owner), bytes};
}

// Lines wrong in either, states wrong in either.
codes::ShardPart united(const codes::ShardPart& a, const codes::ShardPart& b) {
  codes::ShardPart both = a;
  both.weights |= b.weights;
  both.momentum |= b.momentum;
  both.lines.clear();
  if (!a.lines.empty() && !b.lines.empty())
    std::set_union(a.lines.begin(), a.lines.end(), b.lines.begin(), b.lines.end(),
                   std::back_inserter(both.lines));
  if (both.lines.size() > kMostLines) both.lines.clear();
  return both;
}

}  // namespace

const char* name_of(RepairReport::Event event) {
  switch (event) {
    case RepairReport::Event::kRepaired:
      return "repaired";
    case RepairReport::Event::kRebuilt:
      return "rebuilt";
    case RepairReport::Event::kCleaned:
      return "cleaned";
    case RepairReport::Event::kGaveUp:
      return "gave up";
  }
  return "?";
}

Repairs::Repairs(const codes::ProductCode& code, int self, CodedState* state, std::int64_t patience_ms)
    : code_(code), self_(self), state_(state), patience_ms_(patience_ms) {
  for (const codes::ShardCode& shard : code.shards) {
    passes_.push_back(codes::shard_pass(shard));
    caches_.push_back(std::make_unique<codes::DecoderCache>(passes_.back().code, passes_.back().sigma));
  }
}

Repairs::~Repairs() = default;

void Repairs::lose(const codes::ShardPart& part) {
  if (state_ == nullptr) return;
  const Place place{part.layer, part.shard};
  open_.erase(place);
  wanted_.erase(place);
  Lost lost{.whole = part};
  lost.whole.lines.clear();
  lost_[place] = lost;
}

void Repairs::damaged(const codes::ShardPart& part, bool faintly) {
  const Place place{part.layer, part.shard};
  if (state_ == nullptr || lost_.contains(place)) return;
  if (part.lines.empty() || part.lines.size() > kMostLines) {
    // With its momentum, whatever was found first: what is lost is found no more.
    for (const codes::ShardPart& whole : state_->parts())
      if (whole.layer == part.layer && whole.shard == part.shard) lose(whole);
    return;
  }
  const auto [entry, is_new] = wanted_.try_emplace(place, Wanted{.part = part, .keep = faintly});
  if (!is_new && entry->second.own) {  // a cleaning gives way: these lines are no drift
    entry->second = Wanted{.part = part, .keep = faintly};
  } else if (!is_new) {
    entry->second.part = united(entry->second.part, part);
    entry->second.keep = entry->second.keep && faintly;
  }
  // Found again before the repair under way was done: one repair for both, from a later boundary.
  const auto open = open_.find(place);
  if (open == open_.end()) return;
  const bool covered = united(open->second->wanted.part, part) == open->second->wanted.part;
  if (covered && !open->second->wanted.own) {
    wanted_.erase(place);
    return;
  }
  if (!open->second->wanted.own) entry->second.part = united(open->second->wanted.part, part);
  open_.erase(open);
}

codes::ShardPart Repairs::next_chunk(const Lost& lost) const {
  const codes::Shape whole = state_->piece_shape(lost.whole);
  const auto total = static_cast<std::uint32_t>(whole.cols / lost.whole.states());
  const codes::Index line_bytes = whole.rows * lost.whole.states() * static_cast<codes::Index>(sizeof(float));
  // As many as fit, and as a request can name.
  const auto count = static_cast<std::uint32_t>(
      std::clamp<codes::Index>(kChunkBytes / line_bytes, 1, static_cast<codes::Index>(kMostLines)));
  codes::ShardPart chunk = lost.whole;
  if (count >= total) return chunk;
  for (std::uint32_t k = lost.rebuilt; k < std::min(total, lost.rebuilt + count); ++k)
    chunk.lines.push_back(k);
  return chunk;
}

void Repairs::clean(const codes::ShardPart& part) {
  const Place place{part.layer, part.shard};
  if (state_ == nullptr || open_.contains(place) || wanted_.contains(place) || lost_.contains(place)) return;
  wanted_[place] = Wanted{.part = part, .keep = true, .own = true};
}

void Repairs::forget() {
  wanted_.clear();
  open_.clear();
  lost_.clear();
  due_.clear();
  given_.clear();
}

void Repairs::forget_peer(int peer) {
  std::erase_if(due_, [&](const auto& due) { return due.first == peer; });
  std::erase_if(given_, [&](const Given& one) { return one.to == peer; });
}

void Repairs::on_piece(int from, const Message& message) {
  for (const auto& [place, open] : open_)
    if (open->key == message.key && open->asked.contains(from)) open->store.add(from, message);
}

void Repairs::on_no_piece(int from, const Message& message) {
  for (const auto& [place, open] : open_)
    if (open->key == message.key && open->asked.contains(from)) open->refused.insert(from);
}

std::size_t Repairs::decoder_bytes() const {
  std::size_t bytes = 0;
  for (const auto& one : caches_) bytes += one->bytes();
  return bytes;
}

bool Repairs::can_be_built_from(codes::Index shard, const codes::PeerSet& holders) {
  return codes::can_be_rebuilt(passes_[static_cast<std::size_t>(shard)], self_, holders, cache(shard));
}

// Whom to ask for a repair: no more than it takes for the result to be as quiet as what the others hold, with
// spares to locate a wrong piece by; everybody at later tries.
codes::PeerSet Repairs::enough_of(codes::Index shard, codes::PeerSet others, int tries) {
  const codes::Pass& pass = passes_[static_cast<std::size_t>(shard)];
  const auto noise = [&](const codes::PeerSet& set) {
    return codes::noise_of_piece(pass, self_, set, cache(shard));
  };
  if (tries > 0 || !cache(shard).get(others)->decodable) return others;
  const double bearable = std::max(1.0, kBearableNoise * noise(others));
  while (others.size() > static_cast<int>(pass.code.recovery_threshold) + kSparePieces) {
    int least = -1;
    double least_noise = bearable;
    for (int p : others.members()) {
      codes::PeerSet without = others;
      without.erase(p);
      const bool usable = cache(shard).get(without)->gain <= codes::kRebuildGain / 2;
      if (const double louder = noise(without); usable && louder <= least_noise)
        least = p, least_noise = louder;
    }
    if (least < 0) break;
    others.erase(least);
  }
  return others;
}

void Repairs::begin(const Wanted& wanted, std::int64_t now_ms, std::uint32_t epoch, std::uint64_t boundary,
                    const codes::PeerSet& others) {
  const codes::ShardPart& part = wanted.part;
  const codes::PeerSet asked = wanted.own ? others : enough_of(part.shard, others, wanted.tries);
  const codes::Shape payload = state_->piece_shape(part);
  const std::size_t bytes = static_cast<std::size_t>(payload.size()) * sizeof(float);
  const std::size_t books = bytes / 100 + ContributionStore::kRowBytes;
  auto open = std::make_unique<Open>(
      Open{.wanted = wanted,
           .key = {epoch, boundary + lead_of(wanted.tries), slot_of(part), serial_++ % 1024},
           .asked = asked,
           .payload = payload,
           .since_ms = now_ms,
           .judged = {},
           .store = ContributionStore(static_cast<int>(code_.peers()), bytes + books)});
  ask(*open, now_ms);
  if (open->key.step == boundary) start(*open);
  open_[{part.layer, part.shard}] = std::move(open);
}

// Asks those whose piece is not there, again and again: requests and pieces may be lost.
void Repairs::ask(Open& open, std::int64_t now_ms) {
  Message request;
  request.kind = MessageKind::kRepairRequest;
  request.key = open.key;
  request.code = states_of(open.wanted.part);
  if (!open.wanted.part.lines.empty()) request.payload = payload_of(open.wanted.part.lines);
  codes::PeerSet missing = open.asked - open.refused - open.store.complete(open.key, open.payload);
  missing.erase(self_);
  for (int p : missing.members()) messages_.emplace_back(p, request);
  open.next_ask_ms = now_ms + ask_pause_ms();
}

std::int64_t Repairs::ask_pause_ms() const { return std::max(kLeastAskMs, patience_ms_ / 10); }

// The state is at the boundary that was asked for.
void Repairs::start(Open& open) {
  const codes::ShardPart& part = open.wanted.part;
  open.begun = true;
  if (open.wanted.own) {
    // The own lines count as well: a projection of all onto the code is never louder than they are.
    Message prototype;
    prototype.kind = MessageKind::kPiece;
    prototype.key = open.key;
    prototype.code = states_of(part);
    for (const Message& slice :
         slices_of(std::make_shared<const codes::Matrix>(state_->capture(part)), prototype))
      open.store.add(self_, slice);
    open.asked.insert(self_);
  }
  state_->begin_repair(part, open.wanted.keep                  ? codes::Meanwhile::kAsIs
                             : is_lost(part.layer, part.shard) ? codes::Meanwhile::kZero
                                                               : codes::Meanwhile::kNoise);
}

bool Repairs::finish(Open& open, std::int64_t now_ms, std::uint64_t boundary) {
  if (!open.begun) return false;
  codes::PeerSet present = open.store.complete(open.key, open.payload);
  const bool patience_over = now_ms - open.since_ms >= patience_ms_;
  const bool all_in = (open.asked - open.refused - present).empty();
  const bool waited = patience_over || boundary > open.key.step + 1;
  if (present == open.judged || (!all_in && !waited)) return false;
  open.judged = present;
  const codes::ShardPart& part = open.wanted.part;
  const codes::Pass& pass = passes_[static_cast<std::size_t>(part.shard)];
  codes::PeerSet wrong;
  for (bool again = true; again;) {
    again = false;
    if (!can_be_built_from(part.shard, present)) return false;
    codes::ShardQuestion question{&pass, open.payload, codes::kPieceThreshold, present, {}, {}};
    for (int p : present.members()) question.pieces.push_back(open.store.view(open.key, p));
    // A line may be all but zero where the others are not.
    question.least_scales.resize(open.payload.cols);
    const codes::Index lines = open.payload.cols / part.states();
    for (codes::Index first = 0; first < open.payload.cols; first += lines)
      question.least_scales.segment(first, lines)
          .setConstant(kLeastShare * codes::typical_scale(question, first, lines));
    const codes::RoundVerdict verdict = codes::check_shards(question, cache(part.shard));
    if (verdict.state == codes::RoundState::kUnexplained || verdict.state == codes::RoundState::kWaiting)
      return false;
    for (const codes::Finding& finding : verdict.findings) {
      wrong.insert(finding.peer);
      present.erase(finding.peer);
      again = true;
    }
    if (again) continue;
    const codes::Matrix right =
        codes::piece_of(pass, self_, present, question.pieces, open.payload, cache(part.shard));
    POLYDOT_CHECK(state_->complete_repair(part, right));
  }
  report(open, boundary, present, wrong);
  return true;
}

// Of a shard rebuilt in chunks there is one report, with the last of them.
void Repairs::report(const Open& open, std::uint64_t boundary, const codes::PeerSet& present,
                     const codes::PeerSet& wrong) {
  const codes::ShardPart& part = open.wanted.part;
  const codes::PeerSet others = present - codes::PeerSet::of({self_});
  using Event = RepairReport::Event;
  RepairReport report;
  report.event = open.wanted.own ? Event::kCleaned : Event::kRepaired;
  report.boundary = open.key.step;
  report.finished_at = boundary;
  report.layer = part.layer;
  report.shard = part.shard;
  report.lines = static_cast<std::size_t>(open.payload.cols) / static_cast<std::size_t>(part.states());
  report.bytes_received = static_cast<std::uint64_t>(open.payload.size()) * sizeof(float) *
                          static_cast<std::uint64_t>((others | wrong).size());
  report.from = others;
  report.wrong = wrong;
  if (const auto lost = lost_.find({part.layer, part.shard}); lost != lost_.end()) {
    lost->second.rebuilt += static_cast<std::uint32_t>(report.lines);
    lost->second.bytes += report.bytes_received;
    const codes::Shape whole = state_->piece_shape(lost->second.whole);
    if (lost->second.rebuilt * lost->second.whole.states() < whole.cols) return;
    report.event = Event::kRebuilt;
    report.lines = lost->second.rebuilt;
    report.bytes_received = lost->second.bytes;
    lost_.erase(lost);
  }
  reports_.push_back(report);
}

void Repairs::report_given_up(const Open& open, std::uint64_t boundary) {
  RepairReport report;
  report.event = RepairReport::Event::kGaveUp;
  report.boundary = open.key.step;
  report.finished_at = boundary;
  report.layer = open.wanted.part.layer;
  report.shard = open.wanted.part.shard;
  reports_.push_back(std::move(report));
}

bool Repairs::is_stale(const Open& open, std::int64_t now_ms, std::uint64_t boundary) {
  if (!open.begun && boundary > open.key.step) return true;
  const codes::PeerSet may_give = (open.asked - open.refused) | open.store.complete(open.key, open.payload);
  if (!open.refused.empty() && !can_be_built_from(open.wanted.part.shard, may_give)) return true;
  if (now_ms - open.since_ms > 2 * patience_ms_) return true;
  // Two boundaries later hardly anybody is going to answer any more.
  return !is_lost(open.wanted.part.layer, open.wanted.part.shard) && boundary > open.key.step + 2;
}

void Repairs::work(std::int64_t now_ms, std::uint32_t epoch, std::uint64_t boundary,
                   const codes::PeerSet& others, const codes::PeerSet& late) {
  if (state_ == nullptr) return;
  give_due(now_ms, boundary);
  for (auto at = open_.begin(); at != open_.end();) {
    Open& open = *at->second;
    if (!open.begun && open.key.step == boundary) start(open);
    const bool done = finish(open, now_ms, boundary);
    const bool stale = !done && is_stale(open, now_ms, boundary);
    if (!done && !stale && now_ms >= open.next_ask_ms) ask(open, now_ms);
    if (stale) {
      const bool lost = lost_.contains(at->first);
      Wanted again = open.wanted;
      again.not_before = lost ? boundary : boundary + 1;
      // The first time at once, at a boundary further on; then as often as others are asked for anything.
      if (++again.tries > 1) again.not_before_ms = now_ms + ask_pause_ms();
      if (again.tries < kMaxTries || lost)
        wanted_.try_emplace(at->first, again);
      else
        report_given_up(open, boundary);
    }
    at = done || stale ? open_.erase(at) : std::next(at);
  }
  for (const auto& [place, lost] : lost_)
    if (!open_.contains(place) && !wanted_.contains(place)) wanted_[place] = Wanted{.part = next_chunk(lost)};
  for (auto at = wanted_.begin(); at != wanted_.end();) {
    const bool without_late = at->second.tries == 0 && can_be_built_from(at->first.second, others);
    const codes::PeerSet asked = without_late ? others : others | late;
    const bool enough = can_be_built_from(at->first.second, asked);
    const bool later = at->second.not_before > boundary || now_ms < at->second.not_before_ms;
    if (later || (lost_.contains(at->first) && !enough)) {
      ++at;
      continue;
    }
    begin(at->second, now_ms, epoch, boundary, asked);
    at = wanted_.erase(at);
  }
}

}  // namespace polydot::protocol
