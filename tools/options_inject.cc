#include "tools/options_inject.h"

#include <fmt/format.h>

#include "node/config/config_toml.h"
#include "node/config/inject_spec.h"
#include "node/transport/control.h"
#include "tools/options_parser.h"

namespace polydot::tools {

namespace {

std::string footer() {
  return "SPEC is STAGE:MODEL:rate=R or STAGE:MODEL:step=S, and more settings:\n"
         "  stages  batch weights optimizer encode product contribution decode activation loss\n"
         "          hadamard update\n"
         "  models  bitflip kbits random zero nan inf scale stale row column whole sticky badcore\n"
         "          floor correlated\n"
         "  when    rate=R step=S steps=A-B every=N sticky=1 seed=N\n"
         "  where   peer=K or peer=K+L layer=L slot=N pass=forward|backward row=I col=J bit=B\n"
         "  how     bits=K (kbits) factor=F (scale, correlated) times=T (floor)\n"
         "          proportional=1 (correlated)\n\n"
         "Examples:\n"
         "  polydot inject --cluster cluster.toml product:bitflip:rate=0.01:peer=3\n"
         "  polydot inject --cluster runs/1/cluster.toml weights:bitflip:step=500:peer=3:bit=28";
}

}  // namespace

Result<Request> parse_inject(const std::vector<std::string>& arguments) {
  InjectRequest request;
  std::string cluster;
  OptionsParser parser(
      "inject --cluster FILE SPEC [SPEC..]",
      "Orders faults from a running cluster. A peer obeys if its [local] allow_injection is on.", footer());
  parser.add_text("--cluster", cluster, "FILE", "the cluster, as its peers were started with");
  parser.add_words("SPEC", request.specs, "what to inject");
  const auto help = parser.parse(arguments);
  if (!help) return help.failure();
  if (*help) return Request(HelpRequest{**help});
  if (cluster.empty()) return usage_failure("inject needs --cluster FILE (polydot init writes one)");
  if (request.specs.empty()) return usage_failure("inject needs a SPEC, as in product:bitflip:rate=0.01");

  auto config = node::load_config(cluster);
  if (!config) return config.failure();
  if (config->shared.endpoints.empty())
    return usage_failure(fmt::format("{}: lists no endpoints under [shared.cluster]", cluster));
  const auto specs = node::parse_inject_specs(request.specs);
  if (!specs) return specs.failure();
  if (const Outcome exist = node::check_fault_peers(*specs, config->shared.peers); !exist)
    return exist.failure();
  request.config = *std::move(config);
  return Request(std::move(request));
}

}  // namespace polydot::tools
