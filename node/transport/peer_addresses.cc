#include "node/transport/peer_addresses.h"

#include <algorithm>
#include <thread>
#include <utility>

#include <fmt/format.h>

namespace polydot::node {
namespace {

constexpr std::chrono::milliseconds kFirstPause{1000}, kLongestPause{4000}, kBetweenLooks{100};

}  // namespace

PeerAddresses::PeerAddresses(std::vector<Endpoint> listed, int self) : self_(self) {
  for (Endpoint& endpoint : listed) peers_.emplace_back().listed = std::move(endpoint);
}

const Resolved* PeerAddresses::address(int peer) const {
  const std::optional<Resolved>& known = peers_[static_cast<std::size_t>(peer)].known;
  return known ? &*known : nullptr;
}

void PeerAddresses::ask(Peer& peer, Clock::time_point now) {
  peer.lookup.begin(peer.listed);
  peer.asked = now;
  peer.next = now + peer.pause;
  peer.pause = std::min(2 * peer.pause, kLongestPause);
}

void PeerAddresses::begin(std::chrono::milliseconds most, const OnAddress& on_address,
                          const OnLine& on_line) {
  constexpr std::chrono::milliseconds kPoll{5};
  const Clock::time_point end = Clock::now() + most;
  for (int p = 0; p < static_cast<int>(peers_.size()); ++p)
    if (p != self_) ask(peers_[static_cast<std::size_t>(p)], Clock::now());
  for (;;) {
    bool pending = false;
    for (int p = 0; p < static_cast<int>(peers_.size()); ++p) {
      take(p, on_address, on_line);
      pending = pending || peers_[static_cast<std::size_t>(p)].lookup.is_pending();
    }
    if (!pending || Clock::now() >= end) return;
    std::this_thread::sleep_for(kPoll);
  }
}

void PeerAddresses::take(int index, const OnAddress& on_address, const OnLine& on_line) {
  Peer& peer = peers_[static_cast<std::size_t>(index)];
  auto answer = peer.lookup.take();
  if (!answer) return;
  if (!*answer) {
    // Where it was is as good as anything.
    if (!peer.known && !std::exchange(peer.said_unknown, true))
      on_line(fmt::format("peer {}: {}; it is asked again", index, answer->failure().message));
    return;
  }
  Resolved now = **std::move(answer);
  std::sort(now.addresses.begin(), now.addresses.end());
  // It is not heard where it was dialled: of several addresses the next one is tried.
  const auto used = peer.known
                        ? std::find(now.addresses.begin(), now.addresses.end(), peer.known->endpoint.host)
                        : now.addresses.end();
  if (used != now.addresses.end()) {
    const auto next = used + 1 == now.addresses.end() ? now.addresses.begin() : used + 1;
    now.endpoint.host = peer.heard ? *used : *next;
    if (now.addresses == peer.known->addresses && now.endpoint.host == peer.known->endpoint.host) return;
  } else if (peer.known) {
    on_line(fmt::format("peer {}: the address of {} is {} now, no longer {}", index, peer.listed.host,
                        now.endpoint.host, peer.known->endpoint.host));
  } else if (peer.said_unknown) {
    on_line(fmt::format("peer {}: the address of {} is {}", index, peer.listed.host, now.endpoint.host));
  }
  peer.known = std::move(now);
  peer.misplaced.reset();
  on_address(index, *peer.known);
}

void PeerAddresses::heard(int index, std::string_view address) {
  Peer& peer = peers_[static_cast<std::size_t>(index)];
  if (peer.heard || !peer.known) return;
  const std::vector<std::string>& all = peer.known->addresses;
  peer.heard = std::find(all.begin(), all.end(), address) != all.end();
}

void PeerAddresses::hurry() {
  for (Peer& peer : peers_)
    if (!peer.heard) peer.next = std::min(peer.next, peer.asked + kFirstPause);
}

bool PeerAddresses::note_misplaced(int index, Clock::time_point now) {
  hurry();
  Peer& peer = peers_[static_cast<std::size_t>(index)];
  if (!peer.known) return false;  // that was said
  if (!peer.misplaced) peer.misplaced = now;
  // A number leads nowhere else.
  const bool asked_again = is_numeric(peer.listed) || now - *peer.misplaced >= kFirstPause + kLongestPause;
  return asked_again && !std::exchange(peer.said_misplaced, true);
}

void PeerAddresses::look(Clock::time_point now, const OnAddress& on_address, const OnLine& on_line) {
  if (now < next_look_) return;
  next_look_ = now + kBetweenLooks;
  for (int p = 0; p < static_cast<int>(peers_.size()); ++p) {
    Peer& peer = peers_[static_cast<std::size_t>(p)];
    if (p == self_ || (is_numeric(peer.listed) && peer.known)) continue;
    take(p, on_address, on_line);
    if (now < peer.next || peer.lookup.is_pending()) continue;
    if (std::exchange(peer.heard, false)) {
      peer.pause = kFirstPause;
      peer.next = now + peer.pause;
    } else {
      ask(peer, now);
    }
  }
}

}  // namespace polydot::node
