#include "tools/bench/clean_study.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <memory>
#include <vector>

#include <fmt/format.h>

#include "dnn/operations/random.h"
#include "dnn/reference/reference_training.h"
#include "node/data/dataset_loader.h"
#include "protocol/wire/message.h"
#include "tools/bench/clean_watch.h"
#include "tools/bench/line_chart.h"
#include "tools/bench/report_file.h"
#include "tools/bench/small_training.h"

namespace polydot::bench {

namespace {

struct CleanCase {
  std::string name;
  simulator::ClusterOptions cluster;
  const dnn::Dataset* train = nullptr;
  const dnn::Dataset* test = nullptr;
  bool own_sets = false;
};

struct CleanCounts {
  std::uint64_t rounds = 0, blamed = 0, refused = 0, noise = 0, unexplained = 0, complete = 0, repairs = 0;
  std::uint64_t recomputed = 0, cleanings = 0, cleaning_bytes = 0, bytes = 0;
  std::map<std::string, double> floors;  // the highest of all peers at the end
  double difference = 0.0, rounding = 0.0;
  std::vector<FloorSample> samples;
  std::vector<std::string> remarks;
};

template <typename T>
T field(std::span<const std::byte> header, std::size_t offset) {
  T value;
  std::memcpy(&value, header.data() + offset, sizeof value);
  return value;
}

// In each round a receiver hears nothing of one peer drawn among all; who draws itself hears everybody. A
// round that is computed again is heard: only then does computing again change the set.
bool is_unheard(std::uint64_t seed, int from, int to, std::span<const std::byte> header) {
  const auto kind = field<std::uint8_t>(header, 1);
  const auto attempt = field<std::uint32_t>(header, 48);
  if (kind != static_cast<std::uint8_t>(protocol::MessageKind::kContribution) || attempt > 0) return false;
  const auto step = field<std::uint64_t>(header, 40);
  const auto slot = field<std::uint32_t>(header, 36);
  const std::uint64_t place = (step << 16 | (slot & 0xff) << 8) + static_cast<std::uint64_t>(to);
  dnn::Random random(seed, dnn::RandomStream::kFaults, place);
  return static_cast<int>(random.below(kSmallPeers)) == from;
}

template <typename Scalar>
std::vector<codes::MatrixD> reference_of(const CleanCase& one) {
  const auto reference = dnn::train_reference<Scalar>(one.cluster.plan, *one.train, *one.test, nullptr);
  std::vector<codes::MatrixD> weights;
  for (const auto& layer : reference.weights()) weights.push_back(layer.template cast<double>());
  return weights;
}

double difference_of(const std::vector<codes::MatrixD>& a, const std::vector<codes::MatrixD>& b) {
  double difference = 0.0, norm = 0.0;
  for (std::size_t l = 0; l < a.size(); ++l) {
    difference += (a[l] - b[l]).squaredNorm();
    norm += b[l].squaredNorm();
  }
  return std::sqrt(difference / norm);
}

void compare_weights(const CleanCase& one, const simulator::SimCluster& cluster, CleanCounts& counts) {
  const std::vector<codes::MatrixD> reference = reference_of<float>(one);
  std::vector<codes::MatrixD> coded;
  for (std::size_t l = 0; l < reference.size(); ++l)
    coded.push_back(cluster.decoded_weights(static_cast<codes::Index>(l), 0, codes::PeerSet::all(kSmallPeers))
                        .cast<double>());
  counts.difference = difference_of(coded, reference);
  counts.rounding = difference_of(reference_of<double>(one), reference);
}

void add(const protocol::Peer& peer, const CleanWatch& watch, CleanCounts& counts) {
  counts.rounds += watch.rounds, counts.blamed += watch.blamed, counts.noise += watch.noise_rounds;
  counts.unexplained += watch.unexplained, counts.complete += watch.complete_rounds;
  counts.repairs += watch.repairs;
  counts.refused += peer.failure().has_value();
  counts.recomputed += peer.status().recomputed_rounds;
  counts.cleanings += peer.status().cleanings;
  counts.cleaning_bytes += peer.status().repair_bytes;
  for (const auto& [name, median] : highest_floors(peer.floors()))
    counts.floors[name] = std::max(counts.floors[name], median);
  counts.remarks.insert(counts.remarks.end(), watch.remarks.begin(), watch.remarks.end());
  if (peer.failure()) counts.remarks.push_back(peer.failure()->message);
}

CleanCounts run_case(const CleanCase& one) {
  simulator::ClusterOptions options = one.cluster;
  if (one.own_sets) {
    // Every round waits for what does not come; it is asked for once.
    options.patience_ms = 30;
    options.network.loses = [seed = options.plan.seed](int from, int to, std::span<const std::byte> header) {
      return is_unheard(seed, from, to, header);
    };
  }
  std::unique_ptr<simulator::SimCluster> cluster;
  std::vector<CleanWatch> watches;
  std::vector<protocol::PeerObserver*> observers;
  watches.reserve(kSmallPeers);
  for (int p = 0; p < kSmallPeers; ++p) {
    const std::uint64_t every = p == 0 ? std::max<std::uint64_t>(1, options.plan.total_steps / 40) : 0;
    watches.emplace_back(every,
                         [&cluster, p]() -> const protocol::Floors& { return cluster->peer(p).floors(); });
    observers.push_back(&watches.back());
  }
  cluster = std::make_unique<simulator::SimCluster>(options, *one.train, *one.test,
                                                    std::vector<codes::FaultTap*>{}, observers);
  CleanCounts counts;
  if (!cluster->run(std::int64_t{1} << 50)) counts.remarks.push_back("somebody hangs");
  for (int p = 0; p < kSmallPeers; ++p) add(cluster->peer(p), watches[static_cast<std::size_t>(p)], counts);
  counts.bytes = cluster->network().counters().bytes_delivered;
  counts.samples = watches.front().samples;
  compare_weights(one, *cluster, counts);
  return counts;
}

// 784-256-128-10: the network of README's figures.
CleanCase large(const std::string& name, const node::DataPair& data, std::uint64_t steps,
                std::uint64_t seed) {
  CleanCase one{name, small_training(steps, seed), &data.train, &data.test, false};
  one.cluster.plan.network = dnn::make_mlp(data.train.features(), {256, 128}, data.train.classes(),
                                           dnn::ActivationKind::kSmelu, dnn::LossKind::kCrossEntropy)
                                 .value();
  one.cluster.plan.batch = 64;
  return one;
}

Result<std::vector<CleanCase>> make_cases(const CleanStudyOptions& options,
                                          std::vector<node::DataPair>& data) {
  const std::uint64_t small_steps = options.full ? 20'000 : 500;
  const std::uint64_t large_steps = options.full ? 1'000 : 30;
  std::vector<CleanCase> cases;
  const auto both = [&](CleanCase one) {
    cases.push_back(one);
    one.own_sets = true;
    one.name += ", own sets";
    cases.push_back(std::move(one));
  };
  both({"49-24-16-10, digits 7x7", small_training(small_steps, options.seed), &small_train_data(),
        &small_test_data(), false});
  data.reserve(2);
  for (const std::string set : {"strokes", "idx"}) {
    if (set == "idx" && options.data.empty()) continue;
    Result<node::DataPair> loaded =
        node::load_data(node::DataSource{.dataset = set, .path = set == "idx" ? options.data : ""});
    if (!loaded) return loaded.failure();
    data.push_back(std::move(loaded).value());
    both(large(set == "idx" ? "784-256-128-10, MNIST" : "784-256-128-10, strokes", data.back(), large_steps,
               options.seed));
  }
  return cases;
}

std::string row(const CleanCase& one, const CleanCounts& counts) {
  const auto floor = [&](const char* name) {
    const auto found = counts.floors.find(name);
    return found == counts.floors.end() ? std::string("-") : fmt::format("{:.1e}", found->second);
  };
  return fmt::format(
      "| {} | {} | {} | {} | {} | {} | {} | {} | {} | {:.2f} | {} | {} | {} | {} | {:.1e} | {:.1e} |\n",
      one.name, counts.rounds, counts.complete, counts.blamed, counts.refused, counts.recomputed,
      counts.noise, counts.repairs, counts.cleanings,
      100.0 * static_cast<double>(counts.cleaning_bytes) / static_cast<double>(counts.bytes),
      floor("forward"), floor("backward"), floor("weights"), floor("momentum"), counts.difference,
      counts.rounding);
}

ChartPanel panel_of(const CleanCase& one, const CleanCounts& counts) {
  constexpr double kLeast = -9, kMost = -4;
  ChartPanel panel{one.name, "steps", "noise floor, median", {}, {}, {}};
  panel.x_ticks = round_ticks(static_cast<double>(one.cluster.plan.total_steps), 5);
  for (int power = static_cast<int>(kLeast); power <= static_cast<int>(kMost); ++power)
    panel.y_ticks.push_back({static_cast<double>(power), fmt::format("1e{}", power)});
  for (const char* name : {"forward", "backward", "weights", "momentum"}) {
    ChartLine& line = panel.lines.emplace_back(ChartLine{name, {}, {}});
    for (const FloorSample& sample : counts.samples)
      if (const auto found = sample.medians.find(name);
          found != sample.medians.end() && found->second > 0.0) {
        line.x.push_back(static_cast<double>(sample.steps));
        line.y.push_back(std::clamp(std::log10(found->second), kLeast, kMost));
      }
  }
  return panel;
}

constexpr const char* kHead =
    "| network, data | rounds judged | complete | blamed | refused | again | noise | repairs | cleanings | "
    "their bytes, % "
    "| forward | backward | weights | momentum | to uncoded | rounding |\n"
    "|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n";

constexpr const char* kLegend =
    "Ten peers, 2x2, momentum 0.9; all peers' rounds together. Complete: with all ten contributions; with "
    "own sets every "
    "receiver loses one sender's contribution to the first attempt, drawn anew for each round and receiver "
    "(one time in ten its "
    "own, which is "
    "never lost). Forward, backward, weights, momentum: the highest median noise floor of any peer and layer "
    "at the end, "
    "of products and scrubs. To uncoded: relative difference of all decoded weights to the uncoded run with "
    "the same "
    "seed; rounding: that of two uncoded runs, in float32 and in double.\n";

}  // namespace

Outcome run_clean_study(const CleanStudyOptions& options) {
  std::vector<node::DataPair> data;
  const auto cases = make_cases(options, data);
  if (!cases) return cases.failure();
  std::string text = fmt::format("# Clean training\n\n{}\n\n{}\n{}", options.description, kLegend, kHead);
  std::string remarks;
  std::vector<ChartPanel> panels;
  std::fputs(text.c_str(), stdout);
  for (const CleanCase& one : *cases) {
    const CleanCounts counts = run_case(one);
    const std::string line = row(one, counts);
    std::fputs(line.c_str(), stdout);
    std::fflush(stdout);
    text += line;
    for (const std::string& remark : counts.remarks) remarks += fmt::format("- {}: {}\n", one.name, remark);
    panels.push_back(panel_of(one, counts));
  }
  text += "\n" + (remarks.empty() ? "Nobody was blamed and nothing was unexplained.\n" : remarks);
  std::fputs(("\n" + remarks).c_str(), stdout);
  if (options.out.empty()) return Unit{};
  if (const Outcome written = write_report(options.out, "clean.md", text); !written) return written;
  return write_report(options.out, "floors.svg", draw_chart(panels, 2));
}

}  // namespace polydot::bench
