// Which process of another peer is meant, where several claim to be it. PROTOCOL.md, "Incarnations".
#include <cstdio>

#include "protocol/peer.h"

namespace polydot::protocol {

namespace {

std::string hexadecimal(std::uint64_t number) {
  char text[17];
  std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(number));
  return text;
}

// Of what was heard of another process, only what is true of the machine.
Heard of_another_process(const Heard& before) {
  Heard peer;
  peer.last_message_ms = before.last_message_ms;
  peer.punctuality = before.punctuality;
  // To be named if it is still not there in the end: a process that is started again and again, and differs.
  peer.refusal = before.refusal;
  peer.next_refusal_ms = before.next_refusal_ms;
  return peer;
}

}  // namespace

// False: there is nothing more to be done about it.
bool Peer::is_believed(std::int64_t now_ms, int from, const Message& message) {
  Place& place = places_[static_cast<std::size_t>(from)];
  Heard& peer = heard_[static_cast<std::size_t>(from)];
  switch (place.claim(now_ms, message)) {
    case Place::Verdict::kHolder:
      if (const auto second = place.take_second())
        notice("two processes claim to be peer " + std::to_string(from) + ": incarnation " +
               hexadecimal(*place.holder()) + " is heard, " + hexadecimal(*second) +
               " is not; stop the one that is too many");
      return true;
    case Place::Verdict::kNewHolder:
      forget_start_trouble(from);
      peer = of_another_process(peer);
      repairs_.forget_peer(from);
      return true;
    case Place::Verdict::kVacated:
      forget_start_trouble(from);
      peer = of_another_process(peer);
      break;
    case Place::Verdict::kIgnored:
      ++status_.unheard_messages;
      break;
  }
  ask_who_is_there(now_ms, from);
  deadline_ms_ = now_ms;
  return false;
}

// Whoever listens at the listed address of that peer answers that it hears us, for this hello says that we do
// not hear it.
void Peer::ask_who_is_there(std::int64_t now_ms, int peer) {
  std::int64_t& next_ms = heard_[static_cast<std::size_t>(peer)].next_asked_ms;
  if (now_ms < next_ms || status_.phase == PeerPhase::kEnded) return;
  next_ms = now_ms + options_.request_interval_ms();
  send_hello(peer, false);
}

}  // namespace polydot::protocol
