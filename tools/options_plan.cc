#include "tools/options_plan.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <thread>

#include <fmt/format.h>

#include "codes/base/peer_set.h"
#include "tools/options_parser.h"

namespace polydot::tools {
namespace {

constexpr std::int64_t kMaxUnits = 1 << 20, kMaxCores = 1024, kMaxTop = 50;
constexpr double kLeastRate = 1e-3, kMostRate = 1e6;

// Flags as they were typed; empty: not given.
struct Texts {
  std::string inputs, classes, hosts, cores, gflops, memory_gb, link_gbit, wrong, missing, slow, max_peers,
      top;
};

bool is_given(const std::vector<std::string>& arguments, std::string_view flag) {
  return std::any_of(arguments.begin(), arguments.end(), [&](const std::string& word) {
    return word == flag || (word.starts_with(flag) && word[flag.size()] == '=');
  });
}

// The first of these flags that is given; empty: none.
template <std::size_t N>
std::string first_given(const std::vector<std::string>& arguments, const std::array<const char*, N>& flags) {
  for (const char* flag : flags)
    if (is_given(arguments, flag)) return flag;
  return "";
}

Result<double> rate_of(const std::string& flag, const std::string& text) {
  if (text.empty()) return 0.0;
  double number = 0.0;
  const char* const last = text.data() + text.size();
  const auto [end, error] = std::from_chars(text.data(), last, number);
  if (error == std::errc{} && end == last && number >= kLeastRate && number <= kMostRate) return number;
  return usage_failure(
      fmt::format("{} = {}: must be a number from {} to {}", flag, text, kLeastRate, kMostRate));
}

void add_flags(OptionsParser& parser, Texts& texts, PlanRequest& request) {
  parser.add_text("--hosts", texts.hosts, "H", "equal hosts that the peers are dealt to [1]");
  parser.add_text("--cores", texts.cores, "C", "cores of each host [those here]");
  parser.add_text("--gflops", texts.gflops, "X", "what one core makes of a large float32 product");
  parser.add_text("--memory-gb", texts.memory_gb, "X", "memory of each host [not bounded]");
  parser.add_text("--link-gbit", texts.link_gbit, "X", "link of each host, each way [1]");
  parser.add_switch("--measure", request.hardware.measure, "measure the rates of this machine first");
  parser.add_text("--calibration", request.hardware.calibration, "FILE",
                  "measured rates: written with --measure, else read");
  parser.add_text("--wrong", texts.wrong, "T", "wrong peers to correct, any values [1 if nothing is wished]");
  parser.add_text("--missing", texts.missing, "E", "missing peers to do without, at the same time [0]");
  parser.add_text("--slow", texts.slow, "S", "slow peers not to wait for, at the same time [0]");
  parser.add_switch("--lose-host", request.wishes.lose_host, "go on without any one host");
  parser.add_text("--max-peers", texts.max_peers, "P", "at most [2 for each core, 24 to 64]");
  parser.add_text("--top", texts.top, "N", "plans to show [5]");
  parser.add_text("--inputs", texts.inputs, "N", "inputs of the network [784]");
  parser.add_text("--classes", texts.classes, "N", "outputs of the network [10]");
  parser.add_text("--matrices", request.matrices, "FILE", "write the code as JSON; - for stdout");
  parser.add_switch("--force", request.force, "replace FILE if it is there");
  parser.add_fields([](const node::Field& field) {
    return field.flag == "--code" || field.flag == "--peers" || field.flag == "--grid" ||
           field.flag == "--hidden" || field.flag == "--batch" || field.flag == "--momentum";
  });
}

Outcome take_numbers(const Texts& texts, PlanRequest& request) {
  PlanHardware& hardware = request.hardware;
  Wishes& wishes = request.wishes;
  const std::int64_t most_hosts = request.rank ? codes::kMaxPeers : request.shared.peers;
  const auto here = std::max<std::int64_t>(1, std::thread::hardware_concurrency());
  const std::int64_t wrong = wishes.lose_host || !texts.missing.empty() || !texts.slow.empty() ? 0 : 1;
  const std::pair<Result<std::int64_t>, codes::Index*> counts[] = {
      {in_range("--inputs", texts.inputs, request.inputs, 1, kMaxUnits), &request.inputs},
      {in_range("--classes", texts.classes, request.classes, 1, kMaxUnits), &request.classes},
      {in_range("--hosts", texts.hosts, request.rank ? 1 : 0, 1, most_hosts), &request.hosts},
      {in_range("--cores", texts.cores, here, 1, kMaxCores), &hardware.cores},
      {in_range("--wrong", texts.wrong, wrong, 0, codes::kMaxPeers), &wishes.wrong},
      {in_range("--missing", texts.missing, 0, 0, codes::kMaxPeers), &wishes.missing},
      {in_range("--slow", texts.slow, 0, 0, codes::kMaxPeers), &wishes.slow},
      {in_range("--max-peers", texts.max_peers, 0, 2, codes::kMaxPeers), &wishes.max_peers},
      {in_range("--top", texts.top, wishes.top, 1, kMaxTop), &wishes.top},
  };
  for (const auto& [count, target] : counts) {
    if (!count) return count.failure();
    *target = *count;
  }
  const std::pair<Result<double>, double*> rates[] = {
      {rate_of("--gflops", texts.gflops), &hardware.gflops},
      {rate_of("--memory-gb", texts.memory_gb), &hardware.memory_gb},
      {rate_of("--link-gbit", texts.link_gbit), &hardware.link_gbit},
  };
  for (const auto& [rate, target] : rates) {
    if (!rate) return rate.failure();
    *target = *rate;
  }
  return Unit{};
}

}  // namespace

Result<Request> parse_plan(const std::vector<std::string>& arguments) {
  PlanRequest request;
  Texts texts;
  OptionsParser parser("plan [--hosts H --wrong T ... | --peers P --grid MxNxD] [options]",
                       "Ranks codes, grids and numbers of peers that meet a wished tolerance by the "
                       "predicted time of a step, next\n"
                       "to replication, no coding and one machine alone. With --code, --peers, --grid or "
                       "--matrices it prints what\n"
                       "that code can do instead: thresholds, bounds, gain, memory, bytes; with a flag of "
                       "the hardware, its time.",
                       "Examples:\n"
                       "  polydot plan --hosts 10 --cores 4 --link-gbit 10 --hidden 4096,4096 --wrong 1 "
                       "--missing 1 --lose-host\n"
                       "  polydot plan --measure --calibration here.toml --hidden 1024 --batch 128\n"
                       "  polydot plan --peers 20 --grid 3x3 --hosts 5 --calibration here.toml\n"
                       "  polydot plan --peers 10 --grid 2x2x1 --matrices - | jq .forward.K");
  add_flags(parser, texts, request);
  const auto help = parser.parse(arguments);
  if (!help) return help.failure();
  if (*help) return Request(HelpRequest{**help});

  const std::string one = first_given(arguments, std::array{"--code", "--peers", "--grid", "--matrices"});
  request.rank = one.empty();
  if (const std::string wish = first_given(
          arguments, std::array{"--wrong", "--missing", "--slow", "--lose-host", "--max-peers", "--top"});
      !one.empty() && !wish.empty())
    return usage_failure(fmt::format("{} ranks plans, {} describes one: give one of them", wish, one));
  request.hardware.given = !first_given(arguments, std::array{"--cores", "--gflops", "--memory-gb",
                                                              "--link-gbit", "--measure", "--calibration"})
                                .empty();

  const auto config = layered("", parser);
  if (!config) return config.failure();
  if (const Outcome valid = node::validate_shared(config->shared); !valid) return valid.failure();
  request.shared = config->shared;
  if (const Outcome taken = take_numbers(texts, request); !taken) return taken.failure();
  if (request.wishes.lose_host && request.hosts < 3)
    return usage_failure(
        "--lose-host needs --hosts 3 or more: without one of two, half of the peers are no majority");
  return Request(std::move(request));
}

}  // namespace polydot::tools
