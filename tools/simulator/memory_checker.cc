#include "tools/simulator/memory_checker.h"

#include <fmt/format.h>

namespace polydot::simulator {

namespace {

// PROTOCOL.md, "Memory". The step at hand, the round before it, two steps ahead; three attempts; a later
// epoch.
constexpr std::size_t kStepsStored = 4, kAttempts = 3, kEpochs = 2;
constexpr std::size_t kStepsSent = 9 + 1;   // the one at hand and so many before it, and one not yet cleared
constexpr std::size_t kDueOfEachPeer = 64;  // requests for boundaries to come
constexpr std::size_t kPiecesGiven = 64, kBytesGiven = std::size_t{64} << 20;

}  // namespace

void MemoryChecker::check(std::int64_t at_ms, int peer, const protocol::MemoryUse& use) {
  const auto at_most = [&](const char* what, std::size_t is, std::size_t most) {
    if (is > most)
      violations_.add(at_ms,
                      fmt::format("memory: peer {} keeps {} {}, {} are allowed", peer, is, what, most));
  };
  at_most("rounds of contributions", use.stored_rounds,
          kStepsStored * kAttempts * kEpochs * bounds_.rounds_per_step);
  at_most("rounds of its own contributions", use.sent_rounds, kStepsSent * bounds_.rounds_per_step);
  at_most("requests of others", use.due_requests, kDueOfEachPeer * static_cast<std::size_t>(bounds_.peers));
  at_most("given pieces", use.given_pieces, kPiecesGiven);
  at_most("bytes of given pieces", use.given_bytes, kBytesGiven);
}

}  // namespace polydot::simulator
