#include "node/process/pump.h"

#include <cstring>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "codes/base/work_profile.h"

namespace polydot::node {

namespace {

// What is kept for others to ask for again stays right: the fault is in a copy.
void let_faults_in(codes::FaultTap& tap, const protocol::Message& message, protocol::WireFrames& frames) {
  using protocol::MessageKind;
  if (message.kind != MessageKind::kContribution) return;
  if (!tap.aims_at(message.key.step, codes::Stage::kContribution)) return;
  auto copy = std::make_shared<codes::Matrix>(message.rows, message.cols);
  std::memcpy(copy->data(), message.payload.bytes().data(), message.payload.size_bytes());
  codes::TapPoint point;
  point.stage = codes::Stage::kContribution;
  point.step = message.key.step;
  point.slot = message.key.slot;
  point.attempt = message.key.attempt;
  point.shard = message.first_col;
  tap.visit(point, *copy);
  const auto bytes = std::as_bytes(std::span(copy->data(), static_cast<std::size_t>(copy->size())));
  frames.payload = protocol::Payload(std::move(copy), bytes);
}

// Between two pieces of work, so that a flood stops nobody.
constexpr int kMostFrames = 4096;

}  // namespace

int hear(protocol::Peer& peer, protocol::Transport& transport, const protocol::WireContext& context,
         std::int64_t now_ms) {
  std::optional<protocol::Received> received = transport.receive();
  if (!received) return 0;
  const codes::WorkScope scope(codes::Work::kReceive);
  int taken = 0;
  do {
    auto decoded =
        protocol::decode(context, received->header, std::move(received->payload), received->read_later);
    auto* message = std::get_if<protocol::Message>(&decoded);
    const bool agrees = message != nullptr && message->incarnation == received->incarnation;
    if (agrees)
      peer.on_message(now_ms, received->from, std::move(*message));
    else
      peer.on_refused_frame(received->from,
                            message ? protocol::WireError::kField : std::get<protocol::WireError>(decoded),
                            protocol::claimed_version(received->header), received->incarnation);
    received = ++taken < kMostFrames ? transport.receive() : std::nullopt;
  } while (received);
  return taken;
}

bool pump_once(protocol::Peer& peer, protocol::Transport& transport, const protocol::WireContext& context,
               std::int64_t now_ms, int self, codes::FaultTap* tap, const KeepRecord& keep) {
  hear(peer, transport, context, now_ms);
  bool more = peer.advance(now_ms);
  const std::optional<protocol::BallotRecord> record = peer.take_record();
  const bool kept = !record || keep(*record);
  const std::vector<protocol::Outgoing> outbox = peer.take_outbox();
  if (outbox.empty()) return more;
  const codes::WorkScope scope(codes::Work::kSend);
  for (const protocol::Outgoing& outgoing : outbox) {
    if (!kept && outgoing.message.kind == protocol::MessageKind::kBallot) continue;
    if (outgoing.to == self) {  // its own vote counts from now on
      peer.on_message(now_ms, self, outgoing.message);
      more = true;
      continue;
    }
    protocol::WireFrames frames = protocol::encode(context, outgoing.message);
    if (tap != nullptr) let_faults_in(*tap, outgoing.message, frames);
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
