#include "protocol/contribution_store.h"

#include <algorithm>
#include <limits>

#include "protocol/wire.h"

namespace polydot::protocol {

namespace {
codes::RoundKey last_attempt(codes::RoundKey key) {
  key.attempt = std::numeric_limits<std::uint32_t>::max();
  return key;
}
}  // namespace

bool ContributionStore::add(int from, const Message& message) {
  const std::size_t books = rounds_.contains(message.key) ? 0 : round_bytes();
  if (bytes_ + books + message.payload.size_bytes() > max_bytes_) return false;
  Rows& rows = rounds_[message.key];
  rows.resize(static_cast<std::size_t>(peers_));
  bytes_ += books;
  Row& row = rows[static_cast<std::size_t>(from)];
  if (row.slices.empty()) {
    row.rows = message.rows;
    row.total_cols = message.total_cols;
    row.columns_per_slice = columns_per_slice(message.rows, message.total_cols);
    row.operand_set = message.set;
    row.slices.resize(
        static_cast<std::size_t>((message.total_cols + row.columns_per_slice - 1) / row.columns_per_slice));
  }
  if (row.rows != message.rows || row.total_cols != message.total_cols) return false;
  Slice& slice = row.slices[static_cast<std::size_t>(message.first_col / row.columns_per_slice)];
  if (slice.payload.size_bytes() > 0) return true;  // a repetition
  slice = {message.payload, message.unread};
  row.cols_there += message.cols;
  bytes_ += message.payload.size_bytes();
  return true;
}

const ContributionStore::Row* ContributionStore::find(const codes::RoundKey& key, int peer) const {
  const auto found = rounds_.find(key);
  return found == rounds_.end() ? nullptr : &found->second[static_cast<std::size_t>(peer)];
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
  Row& row = rounds_.at(key)[static_cast<std::size_t>(slice.peer)];
  Slice& stored = row.slices[static_cast<std::size_t>(slice.first_col / row.columns_per_slice)];
  stored.unread.reset();
  if (right) return;
  bytes_ -= stored.payload.size_bytes();
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
  for (const Row& row : next->second)
    if (row.cols_there > 0) ++named[row.operand_set];
  if (named.empty()) return std::nullopt;
  return std::max_element(named.begin(), named.end(),
                          [](const auto& a, const auto& b) { return a.second < b.second; })
      ->first;
}

std::optional<codes::RoundKey> ContributionStore::latest_of(int peer) const {
  for (auto round = rounds_.rbegin(); round != rounds_.rend(); ++round)
    if (round->second[static_cast<std::size_t>(peer)].cols_there > 0) return round->first;
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
  for (auto round = rounds_.begin(); round != end; ++round) {
    bytes_ -= round_bytes();
    for (const Row& row : round->second)
      for (const Slice& slice : row.slices) bytes_ -= slice.payload.size_bytes();
  }
  rounds_.erase(rounds_.begin(), end);
}

}  // namespace polydot::protocol
