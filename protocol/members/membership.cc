#include "protocol/members/membership.h"

#include <algorithm>
#include <cstdio>
#include <utility>

namespace polydot::protocol {

void Punctuality::was_there(bool in_time) {
  if (!std::exchange(nearly_now_, false)) nearly_ = 0;
  if (in_time) {
    missed_ = false;
    nearly_ = 0;
    if (++in_time_ >= kGoodConduct) trial_ = 1;
    return;
  }
  if (!missed_) trial_ = std::min(2 * trial_, kLongestTrial);
  missed_ = true;
  in_time_ = 0;
}

void Punctuality::was_nearly_there() {
  nearly_now_ = true;
  if (!missed_ || ++nearly_ < trial_) return;
  missed_ = false;
  nearly_ = 0;
}

MembershipView view_of(const std::vector<Heard>& heard, const MembershipOptions& options) {
  MembershipView view;
  for (int p = 0; p < static_cast<int>(heard.size()); ++p) {
    const Heard& peer = heard[static_cast<std::size_t>(p)];
    if (p == options.self) {
      view.joined.insert(p);
      view.live.insert(p);
      continue;
    }
    const bool failed = peer.goodbye && *peer.goodbye != 0;
    if (peer.joined && peer.hears_us && !failed) view.joined.insert(p);
    if (peer.goodbye)
      view.gone.insert(p);
    else if (!peer.joined)
      view.absent.insert(p);
    else if (peer.mode == PeerMode::kFollowing)
      view.following.insert(p);
    else if (peer.punctuality.missed())
      view.late.insert(p);
    else
      view.live.insert(p);
  }
  return view;
}

namespace {

std::string why_not_there(std::int64_t now_ms, const Heard& peer) {
  const std::string refusal = peer.refusal.empty() ? "" : ", " + peer.refusal;
  if (peer.goodbye) return "left with code " + std::to_string(*peer.goodbye) + refusal;
  if (!peer.joined) return refusal.empty() ? "never heard" : "disagreed" + refusal;
  char text[64];
  std::snprintf(text, sizeof text, "%ssilent for %.1f s",
                peer.mode == PeerMode::kFollowing ? "following, "
                : peer.punctuality.missed()       ? "late, "
                                                  : "",
                static_cast<double>(now_ms - peer.last_message_ms) / 1000.0);
  return text;
}

}  // namespace

std::string describe(std::int64_t now_ms, const std::vector<Heard>& heard, const codes::PeerSet& peers) {
  std::string text;
  for (int p : peers.members()) {
    const Heard& peer = heard[static_cast<std::size_t>(p)];
    text += (text.empty() ? "" : ", ") + std::to_string(p) + " (" + why_not_there(now_ms, peer) + ")";
  }
  return text;
}

}  // namespace polydot::protocol
