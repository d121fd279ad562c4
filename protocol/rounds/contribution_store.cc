#include "protocol/rounds/contribution_store.h"

#include <algorithm>
#include <limits>

#include "protocol/wire/wire.h"

namespace polydot::protocol {

namespace {
codes::RoundKey last_attempt(codes::RoundKey key) {
  key.attempt = std::numeric_limits<std::uint32_t>::max();
  return key;
}
}  // namespace

std::size_t ContributionStore::bytes_in(const Row& row) {
  std::size_t bytes = kRowBytes + (row.slices.size() - 1) * sizeof(Slice);
  for (const Slice& slice : row.slices) bytes += slice.payload.size_bytes();
  return bytes;
}

// Later rounds of the same peer give way: they can be asked for when their time comes.
bool ContributionStore::make_room(int peer, const codes::RoundKey& key, std::size_t bytes) {
  std::size_t& used = bytes_[static_cast<std::size_t>(peer)];
  if (bytes > quota_bytes_) return false;
  for (auto round = rounds_.end(); used + bytes > quota_bytes_;) {
    if (round == rounds_.begin() || !(key < (--round)->first)) return false;
    const auto row = round->second.find(peer);
    if (row == round->second.end()) continue;
    used -= bytes_in(row->second);
    round->second.erase(row);
    if (round->second.empty()) round = rounds_.erase(round);
  }
  return true;
}

bool ContributionStore::add(int from, const Message& message) {
  const codes::Index run = columns_per_slice(message.rows, message.total_cols);
  const auto count = static_cast<std::size_t>((message.total_cols + run - 1) / run);
  const auto at = static_cast<std::size_t>(message.first_col / run);
  std::size_t needed = message.payload.size_bytes();
  if (const Row* known = find(message.key, from)) {
    if (known->rows != message.rows || known->total_cols != message.total_cols) return false;
    if (known->slices[at].payload.size_bytes() > 0) return true;  // a repetition
  } else {
    needed += kRowBytes + (count - 1) * sizeof(Slice);
  }
  if (!make_room(from, message.key, needed)) return false;
  Row& row = rounds_[message.key][from];
  if (row.slices.empty()) {
    row.rows = message.rows;
    row.total_cols = message.total_cols;
    row.columns_per_slice = run;
    row.operand_set = message.set;
    row.slices.resize(count);
  }
  row.slices[at] = {message.payload, message.unread};
  row.cols_there += message.cols;
  bytes_[static_cast<std::size_t>(from)] += needed;
  return true;
}

const ContributionStore::Row* ContributionStore::find(const codes::RoundKey& key, int peer) const {
  const auto round = rounds_.find(key);
  if (round == rounds_.end()) return nullptr;
  const auto row = round->second.find(peer);
  return row == round->second.end() ? nullptr : &row->second;
}

codes::PeerSet ContributionStore::complete(const codes::RoundKey& key, codes::Shape payload) const {
  codes::PeerSet set;
  for (int p = 0; p < peers_; ++p)
    if (const Row* row = find(key, p); row != nullptr && row->cols_there > 0 &&
                                       row->cols_there == row->total_cols && row->rows == payload.rows &&
                                       row->total_cols == payload.cols)
      set.insert(p);
  return set;
}

codes::ContributionView ContributionStore::view(const codes::RoundKey& key, int peer) const {
  const Row* row = find(key, peer);
  POLYDOT_CHECK(row != nullptr && row->cols_there == row->total_cols);
  codes::ContributionView view;
  view.columns_per_slice = row->columns_per_slice;
  for (const Slice& slice : row->slices)
    view.slices.push_back(reinterpret_cast<const float*>(slice.payload.bytes().data()));
  return view;
}

std::vector<ContributionStore::Unread> ContributionStore::unread(const codes::RoundKey& key,
                                                                 const codes::PeerSet& peers) const {
  std::vector<Unread> unread;
  for (int p : peers.members()) {
    const Row* row = find(key, p);
    if (row == nullptr) continue;
    codes::Index first = 0;
    for (const Slice& slice : row->slices) {
      const codes::Index cols = std::min<codes::Index>(row->columns_per_slice, row->total_cols - first);
      if (slice.unread) unread.push_back({p, first, cols, *slice.unread, slice.payload});
      first += cols;
    }
  }
  return unread;
}

void ContributionStore::was_read(const codes::RoundKey& key, const Unread& slice, bool right) {
  Row& row = rounds_.at(key).at(slice.peer);
  Slice& stored = row.slices[static_cast<std::size_t>(slice.first_col / row.columns_per_slice)];
  stored.unread.reset();
  if (right) return;
  bytes_[static_cast<std::size_t>(slice.peer)] -= stored.payload.size_bytes();
  row.cols_there -= static_cast<std::uint32_t>(slice.cols);
  stored.payload = {};
}

codes::PeerSet ContributionStore::operand_set(const codes::RoundKey& key, int peer) const {
  const Row* row = find(key, peer);
  POLYDOT_CHECK(row != nullptr);
  return row->operand_set;
}

std::optional<codes::PeerSet> ContributionStore::most_named_after(const codes::RoundKey& key) const {
  const auto next = rounds_.upper_bound(last_attempt(key));
  if (next == rounds_.end()) return std::nullopt;
  std::map<codes::PeerSet, int> named;
  for (const auto& [peer, row] : next->second)
    if (row.cols_there > 0) ++named[row.operand_set];
  const auto most = std::max_element(named.begin(), named.end(),
                                     [](const auto& a, const auto& b) { return a.second < b.second; });
  constexpr int kLeast = 2;  // one voice decides nothing
  if (most == named.end() || most->second < kLeast) return std::nullopt;
  return most->first;
}

std::optional<codes::RoundKey> ContributionStore::latest_of(int peer) const {
  for (auto round = rounds_.rbegin(); round != rounds_.rend(); ++round)
    if (const auto row = round->second.find(peer); row != round->second.end() && row->second.cols_there > 0)
      return round->first;
  return std::nullopt;
}

std::uint32_t ContributionStore::latest_attempt(const codes::RoundKey& key) const {
  auto after = rounds_.upper_bound(last_attempt(key));
  if (after == rounds_.begin()) return 0;
  const codes::RoundKey& found = (--after)->first;
  const bool same = found.epoch == key.epoch && found.step == key.step && found.slot == key.slot;
  return same ? found.attempt : 0;
}

void ContributionStore::prune_through(const codes::RoundKey& key) {
  erase_until(rounds_.upper_bound(last_attempt(key)));
}

void ContributionStore::prune_before(const codes::RoundKey& key) { erase_until(rounds_.lower_bound(key)); }

void ContributionStore::erase_until(Rounds::iterator end) {
  for (auto round = rounds_.begin(); round != end; ++round)
    for (const auto& [peer, row] : round->second) bytes_[static_cast<std::size_t>(peer)] -= bytes_in(row);
  rounds_.erase(rounds_.begin(), end);
}

}  // namespace polydot::protocol
