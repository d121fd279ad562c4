#include "tools/plan_table.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "node/config/config_values.h"

namespace polydot::tools {
namespace {

using codes::Index;

constexpr double kGibi = 1024.0 * 1024.0 * 1024.0;
constexpr double kLinkBytes = 1e9 / 8.0;  // of a Gbit

std::string ms(double value) {
  return value >= 100.0 ? fmt::format("{:.0f}", value) : fmt::format("{:.3g}", value);
}

std::string bytes(double value) {
  const std::pair<double, const char*> units[] = {{1e9, "GB"}, {1e6, "MB"}, {1e3, "kB"}};
  for (const auto& [size, name] : units)
    if (value >= size) return fmt::format("{:.3g} {}", value / size, name);
  return fmt::format("{:.0f} B", value);
}

std::string plural(Index count, const std::string& word) {
  return fmt::format("{} {}{}", count, word, count == 1 ? "" : "s");
}

std::string kappa_text(double kappa) {
  return std::isfinite(kappa) ? fmt::format("{:.0e}", kappa) : "unchecked";
}

std::string name_of(const CodeShape& shape) {
  return fmt::format("{} {}", shape.name, node::grid_text(shape.grid));
}

std::string hardware_text(const Hardware& hardware) {
  std::string text = fmt::format("{} of {}", plural(hardware.hosts, "host"), plural(hardware.cores, "core"));
  if (hardware.memory_bytes > 0.0) text += fmt::format(", {:.3g} GB each", hardware.memory_bytes / kGibi);
  if (hardware.link_bytes_s > 0.0)
    text += fmt::format(", links of {:.3g} Gbit/s", hardware.link_bytes_s / kLinkBytes);
  return text;
}

std::string network_text(const PlanRequest& request) {
  std::vector<Index> units = {request.inputs};
  units.insert(units.end(), request.shared.hidden.begin(), request.shared.hidden.end());
  units.push_back(request.classes);
  return fmt::format("{}, batch {}, {} momentum", fmt::join(units, "-"), request.shared.batch,
                     request.shared.momentum > 0.0 ? "with" : "no");
}

std::string rates_text(const Calibration& rates, const std::string& source) {
  return fmt::format(
      "{}: products {:.0f} GFLOP/s a core, updates {:.0f}, decoding {:.1f} GB/s and {:.0f} GFLOP/s,\n"
      "           transport {:.2f} ns a byte ({:.2f} on one host) and {:.0f} + {:.1f} P us a contribution,\n"
      "           waking up {:.0f} us a round",
      source, rates.product_gflops, rates.update_gflops, rates.decode_gbs, rates.combine_gflops,
      rates.byte_ns, rates.shared_ns, rates.message_us, rates.peer_us, rates.wait_us);
}

std::string wishes_text(const Wishes& wishes, Index max_peers) {
  std::string text = fmt::format("{} corrected, {} missing and {} slow done without, all at once",
                                 plural(wishes.wrong, "wrong peer"), wishes.missing, wishes.slow);
  if (wishes.lose_host) text += "; or any one host lost";
  return text + fmt::format("; at most {} peers", max_peers);
}

constexpr const char* kRow = "{:<20}{:>4}{:>8}{:>5}{:>7}{:>7}{:>9}{:>9}{:>9}{:>9}{:>10}{:>10}\n";

std::string heading() {
  return fmt::format(fmt::runtime(kRow), "", "P", "K", "any", "indep", "gain", "kappa", "step ms", "compute",
                     "link", "memory", "sent");
}

std::string row(const std::string& name, const RankedPlan& plan, bool verified) {
  const CodeShape& shape = plan.shape;
  const auto weaker = [&](auto bound) { return std::min(bound(plan.bounds[0]), bound(plan.bounds[1])); };
  return fmt::format(fmt::runtime(kRow), name, shape.peers,
                     fmt::format("{},{}", shape.passes[0].threshold, shape.passes[1].threshold),
                     weaker([](const auto& b) { return b.any; }),
                     weaker([](const auto& b) { return b.independent; }),
                     verified ? fmt::format("{:.3g}", plan.gain) : "-",
                     verified ? kappa_text(plan.kappa) : "-", ms(plan.cost.step_ms), ms(plan.cost.compute_ms),
                     ms(plan.cost.wire_ms), bytes(plan.cost.memory_bytes), bytes(plan.cost.sent_bytes));
}

std::string alone_row(const Prediction& alone) {
  return fmt::format(fmt::runtime(kRow), "one machine alone", 1, "-", 0, 0, "-", "-", ms(alone.step_ms),
                     ms(alone.compute_ms), "0", bytes(alone.memory_bytes), "0 B");
}

std::string parts_text(const Prediction& cost) {
  return fmt::format("products {}, updates {}, coding {}, activations {}, transport {}, rounds {}",
                     ms(cost.product_ms), ms(cost.update_ms), ms(cost.encode_ms + cost.decode_ms),
                     ms(cost.activation_ms), ms(cost.transport_ms), ms(cost.fixed_ms));
}

// What the first plan has over another: the part of a step in which it gains most.
std::string advantage(const Prediction& first, const Prediction& other) {
  const std::pair<double, const char*> parts[] = {
      {other.compute_ms - first.compute_ms, "less to compute"},
      {other.wire_ms - first.wire_ms, "less over the link"},
  };
  const auto& most = *std::max_element(std::begin(parts), std::end(parts));
  return fmt::format("{} ms {}", ms(most.first), most.second);
}

std::string why_first(const Ranking& ranking, const Hardware& hardware) {
  const RankedPlan& first = ranking.plans.front();
  const Prediction& cost = first.cost;
  const char* most = cost.wire_ms > cost.compute_ms ? "the link" : "the processors";
  std::string text = fmt::format("{} on {} is first: {} ms a step, most of it for {}", name_of(first.shape),
                                 plural(first.shape.peers, "peer"), ms(cost.step_ms), most);
  for (const RankedPlan& other : ranking.plans) {
    if (other.shape.name == first.shape.name) continue;
    return text + fmt::format("; {} on {} peers takes {} ms: the first has {}, and {} its memory.",
                              name_of(other.shape), other.shape.peers, ms(other.cost.step_ms),
                              advantage(cost, other.cost),
                              fmt::format("{:.2g} times", cost.memory_bytes / other.cost.memory_bytes));
  }
  const double busiest = cost.compute_ms * static_cast<double>(hardware.cores);
  return text + fmt::format(" ({:.0f} ms of processor time on the fullest host).", busiest);
}

std::string alone_text(const Ranking& ranking) {
  if (!ranking.alone_fits)
    return fmt::format("one machine alone does not do it: {} do not fit in its memory.",
                       bytes(ranking.alone.memory_bytes));
  if (ranking.plans.empty()) return fmt::format("one machine alone: {} ms.", ms(ranking.alone.step_ms));
  const double first = ranking.plans.front().cost.step_ms, alone = ranking.alone.step_ms;
  if (alone <= first)
    return fmt::format(
        "one machine alone would be faster: {} ms against {} ms. It tolerates nothing; survival costs a "
        "factor "
        "of {:.2g} here.",
        ms(alone), ms(first), first / alone);
  return fmt::format("one machine alone would be slower: {} ms against {} ms.", ms(alone), ms(first));
}

std::string nothing_text(const Ranking& ranking, const Wishes& wishes) {
  if (ranking.too_large > 0 && ranking.too_large == ranking.considered)
    return "no plan that meets this fits in the memory of the hosts: give more hosts or memory.";
  return fmt::format("no plan of at most {} peers meets this: give --max-peers more{}, or wish for less.",
                     ranking.max_peers, wishes.lose_host ? ", more hosts" : "");
}

}  // namespace

Hardware hardware_of(const PlanRequest& request, const Calibration& rates) {
  const PlanHardware& given = request.hardware;
  Hardware hardware;
  hardware.hosts = std::max<Index>(1, request.hosts);
  hardware.cores = given.cores;
  hardware.memory_bytes = given.memory_gb * kGibi;
  const double link_gbit = given.link_gbit > 0.0 ? given.link_gbit : 1.0;
  hardware.link_bytes_s = hardware.hosts > 1 ? link_gbit * kLinkBytes : 0.0;
  hardware.rates = given.gflops > 0.0 ? with_product_rate(rates, given.gflops) : rates;
  return hardware;
}

Workload workload_of(const PlanRequest& request) {
  const node::SharedConfig& shared = request.shared;
  return {request.inputs,
          {shared.hidden.begin(), shared.hidden.end()},
          request.classes,
          shared.batch,
          shared.momentum > 0.0};
}

std::string text_of(const Ranking& ranking, const PlanRequest& request, const Hardware& hardware,
                    const std::string& source) {
  std::string text =
      fmt::format("hardware   {}\nnetwork    {}\nrates      {}\nwished     {}\n\n", hardware_text(hardware),
                  network_text(request), rates_text(hardware.rates, source),
                  wishes_text(request.wishes, ranking.max_peers));
  text += heading();
  for (std::size_t k = 0; k < ranking.plans.size(); ++k)
    text += row(fmt::format("{:>2} {}", k + 1, name_of(ranking.plans[k].shape)), ranking.plans[k], true);
  text += "for comparison\n";
  if (ranking.replication) {
    const CodeShape& shape = ranking.replication->shape;
    text += row(fmt::format("{} copies {}x{}", shape.peers / (shape.grid.m * shape.grid.n), shape.grid.m,
                            shape.grid.n),
                *ranking.replication, true);
  } else {
    text += fmt::format("replication: none; it takes {} copies of each block\n",
                        request.wishes.erased() + std::max<Index>(2 * request.wishes.wrong, 1) + 1);
  }
  if (ranking.uncoded) text += row(name_of(ranking.uncoded->shape), *ranking.uncoded, false);
  text += alone_row(ranking.alone) + "\n";
  if (ranking.plans.empty()) return text + nothing_text(ranking, request.wishes) + "\n";
  return text + why_first(ranking, hardware) + "\n" + alone_text(ranking) + "\n" +
         "K: forward, backward. any, indep: wrong peers an entry with nobody missing, any values and "
         "independent "
         "errors.\ngain, kappa: with what is wished erased. memory, sent: of a peer, a step; data apart.\n";
}

std::string text_of(const Prediction& cost, const Prediction& alone, const PlanRequest& request,
                    const Hardware& hardware, const std::string& source) {
  const auto line = [](const std::string& label, const std::string& value) {
    return fmt::format("{:<52}{}\n", label, value);
  };
  std::string text = fmt::format("\npredicted on {}; {}\nrates      {}\n", hardware_text(hardware),
                                 network_text(request), rates_text(hardware.rates, source));
  text += line("step",
               fmt::format("{} ms: processors {}, link {}, waiting {}", ms(cost.step_ms), ms(cost.compute_ms),
                           ms(cost.wire_ms), ms(cost.step_ms - cost.compute_ms - cost.wire_ms)));
  text +=
      line("processor time of a peer", fmt::format("{} ms: {}", ms(cost.processor_ms()), parts_text(cost)));
  text += line("memory of a peer, data apart", bytes(cost.memory_bytes));
  text += line("into each host over its link, a step", bytes(cost.link_bytes));
  text += line("one machine alone", fmt::format("{} ms", ms(alone.step_ms)));
  if (hardware.memory_bytes > 0.0 && cost.host_memory_bytes > hardware.memory_bytes)
    text += fmt::format("- does not fit: the peers of a host need {}\n", bytes(cost.host_memory_bytes));
  if (alone.step_ms <= cost.step_ms)
    text += fmt::format("- one machine alone would be faster: {} ms against {} ms\n", ms(alone.step_ms),
                        ms(cost.step_ms));
  return text;
}

}  // namespace polydot::tools
