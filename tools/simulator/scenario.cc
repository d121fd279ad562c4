#include "tools/simulator/scenario.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "codes/decode/set_decoder.h"
#include "dnn/operations/random.h"
#include "node/config/inject_spec.h"
#include "tools/simulator/draw.h"

namespace polydot::simulator {

namespace {

using codes::PassKind;

constexpr std::array<const char*, 6> kProfiles = {"none", "network", "soft", "process", "swarm", "nonsense"};
// Of the generator of collapses; such that none is drawn for a seed that the tests keep.
constexpr std::uint64_t kCollapses = 0x636f6c6c6170738fu;
constexpr std::uint64_t kNonsenseOf = 0x6e6f6e73656e7365u;  // of the generator of nonsense
constexpr std::uint64_t kWidths = 0x7769647468730000u;      // of that of wide layers
// Of that of second processes.
constexpr std::uint64_t kSecondProcesses = 0x7365636f6e64u;
constexpr std::array<int, 2> kMargins{1, 2};
constexpr int kFewestPeers = 6, kMostPeers = 24, kMostSearched = 12, kPeersAroundNonsense = 8;

const std::vector<CodeChoice>& drawn_codes() {
  static const std::vector<CodeChoice> all = {
      {"polydot", {2, 2, 1}},     {"polydot", {2, 1, 1}},    {"polydot", {1, 2, 1}}, {"polydot", {1, 3, 1}},
      {"polydot", {3, 1, 1}},     {"polydot", {2, 2, 2}},    {"mds", {2, 2, 1}},     {"mds", {3, 2, 1}},
      {"replication", {2, 1, 1}}, {"replication", {1, 2, 1}}};
  return all;
}

int needed_of(const codes::ProductCode& code, int margin, PassKind pass) {
  const int peers = static_cast<int>(code.peers());
  const int threshold = static_cast<int>(code.pass(pass).code.recovery_threshold);
  return std::min(std::max(threshold + margin, peers / 2 + 1), peers);
}

// Whether the worst sets that a round may have to do with still decode well: peers are in the order of their
// points, so runs of neighbours are the worst.
bool is_robust(const codes::ProductCode& code, int margin) {
  const int peers = static_cast<int>(code.peers());
  for (const PassKind kind : {PassKind::kForward, PassKind::kBackward}) {
    const codes::Pass& pass = code.pass(kind);
    const int needed = needed_of(code, margin, kind);
    for (int first = 0; first + needed <= peers; ++first) {
      codes::PeerSet set;
      for (int p = first; p < first + needed; ++p) set.insert(p);
      if (!(codes::gain_of(pass.code, pass.sigma, set) <= codes::kUsableGain / 10)) return false;
    }
    if (needed >= peers) return false;
  }
  return true;
}

// Overlapping clouds, two to a class: a problem that is learned slowly.
std::shared_ptr<const dnn::Dataset> clouds(codes::Index features, codes::Index count, codes::Index classes,
                                           std::uint64_t seed, std::uint64_t part) {
  dnn::Random centres(seed, dnn::RandomStream::kWeights, 1000);
  codes::Matrix centre(features, 2 * classes);
  for (codes::Index k = 0; k < centre.size(); ++k)
    centre.data()[k] = static_cast<float>(0.7 * centres.gaussian());
  dnn::Random random(seed, dnn::RandomStream::kSampleOrder, 1000 + part);
  Eigen::MatrixXf x(features, count);
  std::vector<dnn::Label> labels;
  for (codes::Index c = 0; c < count; ++c) {
    const auto cloud = static_cast<codes::Index>(random.below(static_cast<std::uint64_t>(2 * classes)));
    labels.push_back(static_cast<dnn::Label>(cloud / 2));
    for (codes::Index r = 0; r < features; ++r)
      x(r, c) = centre(r, cloud) + static_cast<float>(random.gaussian());
  }
  return std::make_shared<const dnn::Dataset>(
      dnn::Dataset::from_floats(std::move(x), std::move(labels), classes));
}

// Whether any one peer may be wrong in every round, or be missing from it.
bool bears_one(const codes::ProductCode& code) {
  for (const PassKind kind : {PassKind::kForward, PassKind::kBackward})
    if (code.pass(kind).code.recovery_threshold + 3 > code.peers()) return false;
  return true;
}

// Of so many peers, if it can be trained with under these faults.
std::optional<codes::ProductCode> usable_code(const CodeChoice& choice, int peers, int margin,
                                              const ScenarioOptions& options) {
  // With a very small threshold and many peers the search for wrong ones among noise costs most of the run.
  if (choice.name == "mds" && peers > kMostSearched) return std::nullopt;
  auto code = codes::make_code(choice.name, choice.grid, peers);
  // Who asks for a code and for no faults gets it: a round waits for a better set.
  const bool must_be_robust = !options.code || options.profile != FaultProfile::kNone;
  if (!code || (must_be_robust && !is_robust(*code, margin))) return std::nullopt;
  if (options.profile == FaultProfile::kNonsense && !bears_one(*code)) return std::nullopt;
  return *std::move(code);
}

void draw_code(Draw& draw, Scenario& scenario) {
  const ScenarioOptions& options = scenario.options;
  const bool nonsense = options.profile == FaultProfile::kNonsense;
  while (true) {
    const CodeChoice& choice = options.code ? *options.code : draw.one_of(drawn_codes());
    const int drawn = static_cast<int>(draw.between(kFewestPeers, kMostPeers));
    const int peers = options.peers.value_or(nonsense ? kPeersAroundNonsense : drawn);
    auto code = usable_code(choice, peers, scenario.cluster.margin, options);
    if (!code) continue;
    scenario.cluster.code = *std::move(code);
    scenario.code_name = choice.name;
    scenario.grid = choice.grid;
    return;
  }
}

void draw_training(Draw& draw, Scenario& scenario) {
  const codes::Index inputs = draw.between(6, 14), classes = draw.between(3, 6);
  std::vector<codes::Index> hidden(static_cast<std::size_t>(draw.between(1, 2)));
  for (codes::Index& units : hidden) units = draw.between(8, 20);
  dnn::TrainingPlan& plan = scenario.cluster.plan;
  plan.network =
      dnn::make_mlp(inputs, hidden, classes, dnn::ActivationKind::kSmelu, dnn::LossKind::kCrossEntropy)
          .value();
  plan.optimizer.learning_rate = draw.logarithmic(0.01, 0.04);
  plan.optimizer.momentum = draw.chance(0.6) ? 0.9 : 0.0;
  if (plan.optimizer.momentum == 0.0) plan.optimizer.learning_rate *= 4;
  plan.batch = draw.between(8, 24);
  plan.eval_batch = 40;
  plan.seed = draw.seed();
  plan.total_steps = scenario.options.steps;
  plan.evaluate_each_epoch = draw.chance(0.3);
  const std::uint64_t data_seed = draw.seed();
  scenario.train = clouds(inputs, draw.between(200, 700), classes, data_seed, 1);
  scenario.test = clouds(inputs, 60, classes, data_seed, 2);
  scenario.cluster.checkpoint_every = static_cast<std::uint64_t>(draw.one_of<std::int64_t>({5, 10, 20, 50}));
}

// Of a generator of its own, so that all else is what the seed means without it. A batch of 64 fills the
// tiles of every processor, in two groups too; so does a third of the units.
void draw_wide_training(Draw& draw, Scenario& scenario) {
  dnn::TrainingPlan& plan = scenario.cluster.plan;
  const codes::Index inputs = draw.between(40, 64), classes = plan.network.outputs();
  const std::vector<codes::Index> hidden = {draw.between(192, 256), draw.between(96, 160)};
  plan.network =
      dnn::make_mlp(inputs, hidden, classes, dnn::ActivationKind::kSmelu, dnn::LossKind::kCrossEntropy)
          .value();
  plan.batch = 64;
  plan.eval_batch = 60;
  const std::uint64_t data_seed = draw.seed();
  // Whole batches: the last one of an epoch fills the tiles as well.
  scenario.train = clouds(inputs, plan.batch * draw.between(4, 10), classes, data_seed, 1);
  scenario.test = clouds(inputs, 60, classes, data_seed, 2);
}

void draw_times(Draw& draw, Scenario& scenario) {
  ClusterOptions& cluster = scenario.cluster;
  NetworkOptions& network = cluster.network;
  network.seed = draw.seed();
  network.least_delay_ms = 1;
  network.most_delay_ms = draw.between(1, 12);
  network.frames_outlive_sender = draw.chance(0.5);
  cluster.patience_ms = draw.between(20, 60) * (network.most_delay_ms + 10);
  cluster.compute.seed = draw.seed();
  cluster.compute.mean_ms = draw.logarithmic(0.05, 1.0);
  cluster.compute.tail = 0.01;
  cluster.compute.tail_factor = draw.logarithmic(2.0, 30.0);
  for (int p = 0; p < scenario.peers(); ++p)
    cluster.compute.slowness.push_back(draw.chance(0.1) ? draw.logarithmic(1.0, 6.0) : 1.0);
  cluster.disk_seed = draw.seed();
}

// Each kind of fault is in about half of the runs.
bool in_this_run(Draw& draw) { return draw.chance(0.5); }

void draw_network_faults(Draw& draw, Scenario& scenario) {
  NetworkOptions& network = scenario.cluster.network;
  if (in_this_run(draw)) network.loss = draw.logarithmic(0.001, 0.1);
  if (in_this_run(draw)) network.duplication = draw.logarithmic(0.001, 0.2);
  if (in_this_run(draw)) network.corruption = draw.logarithmic(0.0003, 0.01);
  if (in_this_run(draw)) {
    network.straggling = draw.logarithmic(0.001, 0.05);
    network.straggle_ms = draw.between(10, 2 * scenario.cluster.patience_ms);
  }
  for (const FaultKind kind : {FaultKind::kClog, FaultKind::kPartition, FaultKind::kOneWayPartition})
    if (in_this_run(draw)) scenario.weights[static_cast<std::size_t>(kind)] = draw.uniform();
}

void draw_process_faults(Draw& draw, Scenario& scenario) {
  for (const FaultKind kind : {FaultKind::kCrash, FaultKind::kDiskLost, FaultKind::kTornWrite,
                               FaultKind::kDiskTrouble, FaultKind::kFreeze, FaultKind::kClockJump})
    if (in_this_run(draw)) scenario.weights[static_cast<std::size_t>(kind)] = draw.uniform();
  if (draw.chance(0.3))
    scenario.weights[static_cast<std::size_t>(FaultKind::kAllKilled)] = 0.2 * draw.uniform();
}

void draw_soft_errors(Draw& draw, Scenario& scenario) {
  static const std::vector<std::string> kModels = {"bitflip", "kbits", "random", "zero",   "nan",
                                                   "inf",     "scale", "row",    "column", "whole"};
  scenario.beyond_budget = draw.chance(0.1);
  const double share = draw.uniform();
  for (int s = 0; s < codes::kStageCount; ++s) {
    if (!draw.chance(share)) continue;
    const auto stage = static_cast<codes::Stage>(s);
    // So many in the whole run, at all peers together; a peer has a few buffers of a stage in a step.
    const double count = draw.logarithmic(1.0, scenario.beyond_budget ? 300.0 : 15.0);
    const auto steps = static_cast<double>(std::max<std::uint64_t>(1, scenario.heal_step));
    const double rate = std::min(1.0, count / (3.0 * scenario.peers() * steps));
    std::string model = draw.one_of(kModels);
    const double factor = model == "scale" ? draw.logarithmic(0.5, 100.0) : 1.0;
    // Two copies that are wrong alike outvote the third: that is a codeword, and nobody can know.
    if (scenario.beyond_budget && scenario.code_name == "replication" &&
        (model == "zero" || model == "scale"))
      model = "random";
    std::string spec = fmt::format("{}:{}", node::name_of(stage), model);
    // 1 would be no fault.
    const bool is_one = std::abs(factor - 1.0) < 0.01;
    if (model == "scale") spec += fmt::format(":factor={:.3g}", is_one ? 1.01 : factor);
    if (model == "kbits") spec += ":bits=3";
    if (scenario.heal_step > 0)
      scenario.soft_errors.push_back(
          fmt::format("{}:rate={:.6g}:steps=0-{}", spec, rate, scenario.heal_step - 1));
  }
}

// In a few runs everybody's weights are hit at once, soon after a checkpoint, and frames take their time: all
// go back, and what was sent before still comes.
void draw_collapses(Draw& draw, Scenario& scenario) {
  const std::uint64_t every = draw.one_of<std::uint64_t>({1, 2, 5});
  // With many peers the search for the wrong ones costs most of the run.
  if (!draw.chance(0.15) || scenario.peers() > kMostSearched || scenario.heal_step < 10) return;
  scenario.beyond_budget = true;
  scenario.cluster.checkpoint_every = every;
  NetworkOptions& network = scenario.cluster.network;
  network.frames_outlive_sender = true;
  network.straggling = draw.logarithmic(0.03, 0.2);
  network.straggle_ms = draw.between(scenario.cluster.patience_ms / 8, scenario.cluster.patience_ms);
  const std::int64_t count = draw.between(3, 8);
  for (std::int64_t k = 0; k < count; ++k)
    scenario.soft_errors.push_back(fmt::format(
        "weights:whole:step={}", draw.between(2, static_cast<std::int64_t>(scenario.heal_step) - 1)));
}

// One peer talks nonsense. In some runs others crash meanwhile and need pieces, in some all have to go back
// once, by a ballot to which it has its say, too.
void draw_nonsense_of_one(std::uint64_t seed, Scenario& scenario) {
  Draw draw(seed ^ kNonsenseOf);
  scenario.nonsense = draw_nonsense(draw, static_cast<int>(draw.between(0, scenario.peers() - 1)));
  const std::int64_t later_ms = draw.between(1, 10 * scenario.cluster.patience_ms);
  const bool crashes = draw.chance(0.4), goes_back = draw.chance(0.4);
  if (crashes)
    for (const FaultKind kind : {FaultKind::kCrash, FaultKind::kFreeze})
      scenario.weights[static_cast<std::size_t>(kind)] = 1.0;
  else if (draw.chance(0.5))
    scenario.nonsense_from_ms = later_ms;
  if (!goes_back || crashes || scenario.heal_step < 10) return;
  scenario.beyond_budget = true;
  scenario.cluster.checkpoint_every = 5;
  scenario.soft_errors.push_back(fmt::format("weights:whole:step={}", scenario.heal_step - 3));
}

}  // namespace

Result<FaultProfile> parse_fault_profile(const std::string& name) {
  for (std::size_t k = 0; k < kProfiles.size(); ++k)
    if (name == kProfiles[k]) return static_cast<FaultProfile>(k);
  return usage_failure("--faults = " + name + ": must be none, network, soft, process, swarm or nonsense");
}

const char* name_of(FaultProfile profile) { return kProfiles[static_cast<std::size_t>(profile)]; }

int Scenario::needed(PassKind pass) const { return needed_of(cluster.code, cluster.margin, pass); }

Scenario draw_scenario(const ScenarioOptions& options) {
  Draw draw(options.seed);
  Scenario scenario;
  scenario.options = options;
  scenario.cluster.margin = draw.chance(0.8) ? kMargins.front() : kMargins.back();
  draw_code(draw, scenario);
  draw_training(draw, scenario);
  Draw widths(options.seed ^ kWidths);
  if (options.wide) draw_wide_training(widths, scenario);
  draw_times(draw, scenario);
  // Enough is left for everybody to come back.
  scenario.heal_step = options.steps * static_cast<std::uint64_t>(draw.between(50, 75)) / 100;
  const FaultProfile profile = options.profile;
  const bool all = profile == FaultProfile::kSwarm;
  if (all || profile == FaultProfile::kNetwork) draw_network_faults(draw, scenario);
  if (all || profile == FaultProfile::kProcess) draw_process_faults(draw, scenario);
  if (profile == FaultProfile::kSoft || (all && draw.chance(0.7))) draw_soft_errors(draw, scenario);
  scenario.event_interval_ms =
      static_cast<double>(scenario.cluster.patience_ms) * draw.logarithmic(0.5, 10.0);
  scenario.longest_ms = static_cast<double>(scenario.cluster.patience_ms) * draw.logarithmic(0.5, 8.0);
  scenario.blackout = draw.chance(0.5) ? 0.0 : draw.logarithmic(0.01, 0.2);
  // Of a generator of their own: what seeds meant before there were any, most of them still mean.
  Draw collapses(options.seed ^ kCollapses);
  if (all) draw_collapses(collapses, scenario);
  Draw seconds(options.seed ^ kSecondProcesses);
  if ((all || profile == FaultProfile::kProcess) && seconds.chance(0.25))
    scenario.weights[static_cast<std::size_t>(FaultKind::kSecondProcess)] = seconds.uniform();
  if (profile == FaultProfile::kNonsense) draw_nonsense_of_one(options.seed, scenario);
  int spare = scenario.peers();
  for (const PassKind pass : {PassKind::kForward, PassKind::kBackward}) {
    const int threshold = static_cast<int>(scenario.cluster.code.pass(pass).code.recovery_threshold);
    const bool wrong = !scenario.soft_errors.empty() || scenario.nonsense;
    const int floor = wrong ? threshold + 3 : 0;  // any one of them is corrected
    spare = std::min(spare, scenario.peers() - std::max(scenario.needed(pass), floor));
  }
  scenario.most_impaired = std::max(0, spare);
  return scenario;
}

// Runs draw their margin first: with each there must be a number of peers.
Outcome check_code(const ScenarioOptions& options) {
  if (!options.code) return Unit{};
  const bool nonsense = options.profile == FaultProfile::kNonsense;
  const int fewest = options.peers.value_or(nonsense ? kPeersAroundNonsense : kFewestPeers);
  const int most = options.peers.value_or(nonsense ? kPeersAroundNonsense : kMostPeers);
  const auto is_possible = [&](int margin) {
    for (int peers = fewest; peers <= most; ++peers)
      if (usable_code(*options.code, peers, margin, options)) return true;
    return false;
  };
  if (std::all_of(kMargins.begin(), kMargins.end(), is_possible)) return Unit{};
  const codes::Grid& grid = options.code->grid;
  return usage_failure(fmt::format(
      "--code {} --grid {}x{}x{}: no runs with {} peers: too few of their sets decode well, or, of mds, more "
      "than "
      "{} are too many: give other --peers or a smaller grid",
      options.code->name, grid.m, grid.n, grid.d,
      fewest == most ? std::to_string(fewest) : fmt::format("{} to {}", fewest, most), kMostSearched));
}

std::string to_text(const Scenario& scenario) {
  const ClusterOptions& cluster = scenario.cluster;
  const NetworkOptions& network = cluster.network;
  std::string text = fmt::format(
      "{} {}x{}x{} of {}, needs {} and {}, margin {}; {}{} steps of {}, momentum {}, a checkpoint every {}; "
      "faults until "
      "step {}, at most {} impaired\n",
      scenario.code_name, scenario.grid.m, scenario.grid.n, scenario.grid.d, scenario.peers(),
      scenario.needed(PassKind::kForward), scenario.needed(PassKind::kBackward), cluster.margin,
      scenario.options.wide ? "wide, " : "", cluster.plan.total_steps, cluster.plan.batch,
      cluster.plan.optimizer.momentum, cluster.checkpoint_every, scenario.heal_step, scenario.most_impaired);
  fmt::format_to(
      std::back_inserter(text),
      "patience {} ms, delay to {} ms, work {:.2g} ms; loss {:.2g}, duplication {:.2g}, corruption {:.2g}, "
      "straggling {:.2g} to {} ms\nevents every {:.0f} ms, to {:.0f} ms, blackout {:.2g}:",
      cluster.patience_ms, network.most_delay_ms, cluster.compute.mean_ms, network.loss, network.duplication,
      network.corruption, network.straggling, network.straggle_ms, scenario.event_interval_ms,
      scenario.longest_ms, scenario.blackout);
  for (std::size_t k = 0; k < scenario.weights.size(); ++k)
    if (scenario.weights[k] > 0)
      fmt::format_to(std::back_inserter(text), " {} {:.2g}", name_of(static_cast<FaultKind>(k)),
                     scenario.weights[k]);
  text += scenario.beyond_budget ? "\nsoft errors, beyond the budget:" : "\nsoft errors:";
  for (const std::string& spec : scenario.soft_errors) text += " " + spec;
  text += "\n";
  if (scenario.nonsense)
    text += fmt::format("from {} ms on {}", scenario.nonsense_from_ms, to_text(*scenario.nonsense));
  return text;
}

}  // namespace polydot::simulator
