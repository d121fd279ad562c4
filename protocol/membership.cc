#include "protocol/membership.h"

#include <cstdio>

namespace polydot::protocol {

MembershipView view_of(const std::vector<Heard>& heard, const MembershipOptions& options) {
  MembershipView view;
  for (int p = 0; p < static_cast<int>(heard.size()); ++p) {
    const Heard& peer = heard[static_cast<std::size_t>(p)];
    if (p == options.self) {
      view.joined.insert(p);
      view.live.insert(p);
      continue;
    }
    if (peer.joined && peer.hears_us) view.joined.insert(p);
    if (peer.goodbye)
      view.gone.insert(p);
    else if (peer.missed)
      view.late.insert(p);
    else
      view.live.insert(p);
  }
  return view;
}

std::string describe(std::int64_t now_ms, const std::vector<Heard>& heard, const codes::PeerSet& peers) {
  std::string text;
  for (int p : peers.members()) {
    const Heard& peer = heard[static_cast<std::size_t>(p)];
    char reason[64];
    if (peer.goodbye)
      std::snprintf(reason, sizeof reason, "left with code %u", *peer.goodbye);
    else if (!peer.joined)
      std::snprintf(reason, sizeof reason, "never heard");
    else
      std::snprintf(reason, sizeof reason, "%ssilent for %.1f s", peer.missed ? "late, " : "",
                    static_cast<double>(now_ms - peer.last_message_ms) / 1000.0);
    text += (text.empty() ? "" : ", ") + std::to_string(p) + " (" + reason + ")";
  }
  return text;
}

}  // namespace polydot::protocol
