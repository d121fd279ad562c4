// polydot inject: orders faults from the peers of a running cluster.
#include <algorithm>
#include <cstdio>
#include <map>

#include <fmt/format.h>

#include "node/text/printable.h"
#include "node/transport/control.h"
#include "node/transport/zmq_control.h"
#include "tools/commands.h"
#include "tools/exit_code.h"

namespace polydot::tools {

namespace {

// What the peers that were asked said so far.
struct Answers {
  std::map<std::size_t, std::string> reached;  // by peer: ok, or the first refusal
  std::vector<std::size_t> lost;
};

bool is_lost(const Answers& answers, std::size_t peer) {
  return std::find(answers.lost.begin(), answers.lost.end(), peer) != answers.lost.end();
}

Outcome ask(const node::Config& config, const std::string& spec, Answers& answers) {
  const node::InjectSpec parsed = node::parse_inject_spec(spec).value();
  std::vector<std::size_t> concerned;
  std::vector<std::string> endpoints;
  for (std::size_t p = 0; p < config.shared.endpoints.size(); ++p)
    if (parsed.covers_peer(static_cast<std::int64_t>(p)) && !is_lost(answers, p)) {
      concerned.push_back(p);
      endpoints.push_back(config.shared.endpoints[p]);
    }
  const auto replies = node::ask_peers(node::cluster_words(config.shared), endpoints, "inject " + spec,
                                       static_cast<int>(config.shared.patience_ms));
  if (!replies) return replies.failure();
  for (std::size_t i = 0; i < concerned.size(); ++i) {
    if (!(*replies)[i]) {
      answers.lost.push_back(concerned[i]);
      continue;
    }
    std::string& said = answers.reached.emplace(concerned[i], node::kControlAccepted).first->second;
    if (said == node::kControlAccepted) said = *(*replies)[i];
  }
  return Unit{};
}

}  // namespace

int run_inject(const InjectRequest& request) {
  Answers answers;
  for (const std::string& spec : request.specs)
    if (const Outcome asked = ask(request.config, spec, answers); !asked) return report(asked.failure());
  std::vector<std::size_t> refused;
  for (const auto& [peer, said] : answers.reached) {
    std::puts(fmt::format("peer {}: {}", peer, node::printable(said)).c_str());
    if (said != node::kControlAccepted) refused.push_back(peer);
  }
  std::sort(answers.lost.begin(), answers.lost.end());
  if (!refused.empty())
    return report(usage_failure(fmt::format("refused by peer {}", fmt::join(refused, ", "))));
  if (!answers.lost.empty())
    return report(network_failure(fmt::format(
        "no answer within {:.1f} s from peer {}: not running, or of another cluster",
        static_cast<double>(request.config.shared.patience_ms) / 1000.0, fmt::join(answers.lost, ", "))));
  return kExitDone;
}

}  // namespace polydot::tools
