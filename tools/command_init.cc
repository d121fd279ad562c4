#include "tools/command_init.h"

#include <sys/random.h>

#include <array>
#include <cerrno>
#include <cstdio>

#include <fmt/format.h>

#include "node/config/config_toml.h"
#include "node/config/config_values.h"
#include "tools/commands.h"
#include "tools/exit_code.h"
#include "tools/free_name.h"

namespace polydot::tools {

Result<std::string> random_cluster_id() {
  std::array<unsigned char, 16> bytes{};
  ssize_t count = -1;
  do count = ::getrandom(bytes.data(), bytes.size(), 0);
  while (count < 0 && errno == EINTR);
  if (count != static_cast<ssize_t>(bytes.size())) return usage_failure("the system gives no random numbers");
  std::string digits;
  for (const unsigned char byte : bytes) digits += fmt::format("{:02x}", byte);
  return digits;
}

node::Config cluster_config(const InitRequest& request, const std::string& cluster_id) {
  node::Config config = request.config;
  config.shared.cluster_id = cluster_id;
  config.shared.endpoints = request.plan.endpoints;
  return config;
}

// As one word for the shell.
std::string shell_word(const std::string& path) {
  constexpr const char* kPlain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./-+,:@%=";
  if (path.find_first_not_of(kPlain) == std::string::npos) return path;
  std::string word = "'";
  for (const char c : path) word += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return word + "'";
}

std::string next_steps(const InitRequest& request) {
  const auto& shared = request.config.shared;
  std::string text = fmt::format(
      "{}: {} peers on {} {}, {} {}\n"
      "Copy it to every host and start there, in any order:\n",
      request.out, shared.peers, request.plan.hosts.size(), request.plan.hosts.size() == 1 ? "host" : "hosts",
      shared.code, node::grid_text(shared.grid));
  for (std::size_t h = 0; h < request.plan.hosts.size(); ++h) {
    // In a subshell, so that Ctrl-C reaches the peers too, and waits until they have ended.
    text += fmt::format(
        "  {}: (trap : INT; for k in {}; do polydot peer --config {} --index $k & done; wait; wait)\n",
        request.plan.hosts[h].host, fmt::join(request.plan.indices[h], " "), shell_word(request.out));
  }
  return text +
         fmt::format("Peer k listens at TCP port {} + k. Traffic is not encrypted: trusted networks only.\n",
                     node::kFirstPort);
}

int run_init(const InitRequest& request) {
  if (const Outcome free = check_free(request.out, request.force); !free) return report(free.failure());
  const auto id = random_cluster_id();
  if (!id) return report(id.failure());
  const auto existing = request.force ? node::Existing::kReplace : node::Existing::kKeep;
  const node::Config config = cluster_config(request, *id);
  if (const Outcome valid = node::validate_shared(config.shared); !valid) return report(valid.failure());
  if (const Outcome fits = node::check_hidden(config.shared); !fits) return report(fits.failure());
  if (const Outcome saved = node::save_config(config, request.out, existing); !saved)
    return report(saved.failure());
  std::fputs(next_steps(request).c_str(), stdout);
  return kExitDone;
}

}  // namespace polydot::tools
