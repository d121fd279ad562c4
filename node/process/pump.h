// Moves frames between a peer and a transport: the loop body of a process, and of each simulated peer.
#pragma once

#include <cstdint>
#include <functional>

#include "protocol/peer.h"
#include "protocol/wire/transport.h"

namespace polydot::node {

// Takes what has arrived and does nothing about it. The number of frames.
int hear(protocol::Peer& peer, protocol::Transport& transport, const protocol::WireContext& context,
         std::int64_t now_ms);

// Hears, lets the peer do one piece of work, sends what it wants sent. True: there is more
// to do at once; false: nothing before peer.next_deadline_ms() or the next frame. tap: may change what a
// contribution sends, behind its checksum (Stage::kContribution); may be null.
//
// keep: puts a ballot's record where a crash does not lose it; false: it could not. What promises it is sent,
// and counts for the peer itself, only afterwards.
using KeepRecord = std::function<bool(const protocol::BallotRecord&)>;
bool pump_once(protocol::Peer& peer, protocol::Transport& transport, const protocol::WireContext& context,
               std::int64_t now_ms, int self, codes::FaultTap* tap, const KeepRecord& keep);

}  // namespace polydot::node
