// polydot status: asks the peers of a running cluster how they are.
#include <cstdio>
#include <map>
#include <nlohmann/json.hpp>

#include <fmt/format.h>

#include "node/records/peer_status.h"
#include "node/text/json_text.h"
#include "node/transport/control.h"
#include "node/transport/zmq_control.h"
#include "tools/commands.h"
#include "tools/exit_code.h"

namespace polydot::tools {

namespace {

struct Answer {
  codes::Index peer = 0;
  std::optional<node::PeerStatus> status;  // none: it did not answer
};

Result<std::vector<Answer>> ask(const StatusRequest& request) {
  std::vector<Answer> answers;
  std::vector<std::string> endpoints;
  for (codes::Index p = 0; p < request.config.shared.peers; ++p) {
    if (request.index && p != *request.index) continue;
    answers.push_back({p, std::nullopt});
    endpoints.push_back(request.config.shared.endpoints[static_cast<std::size_t>(p)]);
  }
  const auto replies =
      node::ask_peers(node::cluster_words(request.config.shared), endpoints, std::string(node::kStatusOrder),
                      static_cast<int>(request.config.shared.patience_ms));
  if (!replies) return replies.failure();
  for (std::size_t i = 0; i < answers.size(); ++i)
    if ((*replies)[i]) answers[i].status = node::parse_status(*(*replies)[i]);
  return answers;
}

constexpr std::int64_t kLongWaitMs = 1000;  // less is between two rounds

// "8 live; 3 late (silent for 0.4 s)": whom it sees how, the live ones by their number alone.
std::string others_text(const node::PeerStatus& status) {
  std::size_t live = 0;
  std::string rest;
  for (const node::SeenPeer& other : status.others) {
    live += other.state == "live";
    if (other.state == "live") continue;
    const std::string who = fmt::format("{} ", other.peer);  // the reason may begin with it, too
    const bool again = other.reason.starts_with(who);
    rest += fmt::format("; {}{} {}", who, other.state, other.reason.substr(again ? who.size() : 0));
  }
  return fmt::format("{} live{}", live, rest);
}

void print_table(const std::vector<Answer>& answers) {
  std::string table = fmt::format("{:>4}  {:<9}  {:<9}  {:>5}  {:>8}  {}\n", "peer", "phase", "mode", "epoch",
                                  "step", "sees");
  for (const auto& [peer, status] : answers) {
    if (!status) {
      table += fmt::format("{:>4}  no answer\n", peer);
      continue;
    }
    table += fmt::format("{:>4}  {:<9}  {:<9}  {:>5}  {:>8}  {}\n", peer, status->phase, status->mode,
                         status->epoch, status->step, others_text(*status));
    if (status->waits_ms >= kLongWaitMs) table += fmt::format("{:>4}  waits for {}\n", "", status->waits_for);
  }
  std::fputs(table.c_str(), stdout);
}

void print_json(const std::vector<Answer>& answers) {
  nlohmann::ordered_json peers = nlohmann::ordered_json::array();
  for (const auto& [peer, status] : answers) {
    nlohmann::ordered_json one = {{"peer", peer}, {"answers", status.has_value()}};
    if (status) {
      one["phase"] = status->phase;
      one["mode"] = status->mode;
      one["epoch"] = status->epoch;
      one["step"] = status->step;
      one["waits_for"] = status->waits_for;
      one["waits_ms"] = status->waits_ms;
      one["others"] = nlohmann::ordered_json::array();
      for (const node::SeenPeer& other : status->others)
        one["others"].push_back({{"peer", other.peer}, {"state", other.state}, {"reason", other.reason}});
    }
    peers.push_back(std::move(one));
  }
  std::puts(node::to_text(nlohmann::ordered_json{{"peers", peers}}).c_str());
}

}  // namespace

int run_status(const StatusRequest& request) {
  const auto answers = ask(request);
  if (!answers) return report(answers.failure());
  if (request.json)
    print_json(*answers);
  else
    print_table(*answers);
  const bool any = std::any_of(answers->begin(), answers->end(),
                               [](const Answer& answer) { return answer.status.has_value(); });
  if (any) return kExitDone;
  return report(
      network_failure(fmt::format("no peer answered within {:.1f} s: not running, or of another cluster",
                                  static_cast<double>(request.config.shared.patience_ms) / 1000.0)));
}

}  // namespace polydot::tools
