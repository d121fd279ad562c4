#include "node/pump.h"

namespace polydot::node {

bool pump_once(protocol::Peer& peer, protocol::Transport& transport, const protocol::WireContext& context,
               std::int64_t now_ms, int self) {
  while (std::optional<protocol::Received> received = transport.receive()) {
    auto decoded = protocol::decode(context, received->header, std::move(received->payload));
    if (auto* message = std::get_if<protocol::Message>(&decoded))
      peer.on_message(now_ms, received->from, std::move(*message));
    else
      peer.on_refused_frame(received->from, std::get<protocol::WireError>(decoded),
                            protocol::claimed_version(received->header));
  }
  const bool more = peer.advance(now_ms);
  for (const protocol::Outgoing& outgoing : peer.take_outbox()) {
    const protocol::WireFrames frames = protocol::encode(context, outgoing.message);
    if (outgoing.to != protocol::kEverybody) {
      transport.send(outgoing.to, frames);
      continue;
    }
    for (int p = 0; p < context.peers; ++p)
      if (p != self) transport.send(p, frames);
  }
  return more;
}

}  // namespace polydot::node
