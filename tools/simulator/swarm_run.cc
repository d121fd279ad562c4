#include "tools/simulator/swarm_run.h"

#include <fmt/format.h>
#include <xmmintrin.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "node/faults/injector.h"
#include "tools/simulator/disk_checker.h"
#include "tools/simulator/lineage_checker.h"
#include "tools/simulator/memory_checker.h"
#include "tools/simulator/nemesis.h"
#include "tools/simulator/trace_checker.h"
#include "tools/simulator/value_checker.h"
#include "tools/simulator/weights_checker.h"

namespace polydot::simulator {

namespace {

// Steps between two looks at the weights in memory.
constexpr std::uint64_t kWeightsEvery = 25;

// FTZ and DAZ, as in every peer process.
class FlushDenormals {
 public:
  FlushDenormals() { _mm_setcsr(before_ | 0x8040); }
  ~FlushDenormals() { _mm_setcsr(before_); }

 private:
  unsigned before_ = _mm_getcsr();
};

// Sees frames for the log and for the trace checker.
class FrameTap : public NetworkObserver {
 public:
  // nonsense: may be null.
  FrameTap(EventLog& log, TraceChecker& checker, NonsensePeer* nonsense)
      : log_(log), checker_(checker), nonsense_(nonsense) {}
  void on_send(const Frame& frame, std::span<const std::byte> payload) override {
    log_.frame(frame.at_ms, 's', frame.from, frame.to, frame.header);
    if (nonsense_ != nullptr && nonsense_->talks_as(frame.from)) return;  // what it promises nobody keeps
    if (nonsense_ != nullptr) nonsense_->on_send(frame, payload);
    checker_.on_send(frame, payload);
  }
  void on_deliver(const Frame& frame) override {
    log_.frame(frame.at_ms, 'd', frame.from, frame.to, frame.header);
    checker_.on_deliver(frame);
  }

 private:
  EventLog& log_;
  TraceChecker& checker_;
  NonsensePeer* nonsense_;
};

// For who loses its place so near the end not all is promised (protocol/ASSUMPTIONS.md, "The end of a run").
constexpr std::uint64_t kLastSteps = 20;

class Run {
 public:
  Run(const ScenarioOptions& options, EventLog::Detail detail);
  RunResult finish();

 private:
  void make_value_checkers();
  void make_message_checkers();
  void make_cluster();
  void on_commit(int peer, const dnn::StepRecord& record);
  void say(const std::string& line) { log_.line(now_ms(), line); }
  std::int64_t now_ms() const { return cluster_ ? cluster_->now_ms() : 0; }
  // Virtual time in which a healthy cluster does the rest, from its worst state.
  std::int64_t bound_ms(std::uint64_t steps) const;
  bool run_to_the_end();
  void note_weights(int peer, std::uint64_t boundary);
  void check_disk(int peer) { disks_->check(now_ms(), peer, cluster_->disk(peer).durable()); }
  void check_the_end();
  bool is_slow(int peer) const {
    return scenario_.cluster.compute.slowness[static_cast<std::size_t>(peer)] > 1.0;
  }
  // More than the code corrects may be wrong anywhere.
  bool can_be_judged(int peer, std::uint64_t boundary) const {
    return !scenario_.beyond_budget &&
           !may_be_unrepaired(injectors_[static_cast<std::size_t>(peer)].get(), boundary,
                              impaired_steps_[static_cast<std::size_t>(peer)]);
  }
  bool is_used(codes::Index layer, codes::Index shard) const {
    return layer > 0 || shard == scenario_.cluster.code.pass(codes::PassKind::kForward).shard;
  }

  Scenario scenario_;
  EventLog log_;
  Violations violations_;
  ReferenceRun reference_;
  LineageChecker lineage_;
  std::vector<std::unique_ptr<node::Injector>> injectors_;
  std::vector<std::set<std::uint64_t>> impaired_steps_;  // by peer: done while it was
  std::unique_ptr<ValueChecker> values_;
  std::unique_ptr<WeightsChecker> weights_;
  std::unique_ptr<DiskChecker> disks_;
  std::unique_ptr<MemoryChecker> memory_;
  std::unique_ptr<TraceChecker> trace_;
  std::unique_ptr<NonsensePeer> nonsense_;
  std::unique_ptr<FrameTap> frames_;
  std::unique_ptr<SimCluster> cluster_;
  std::unique_ptr<Nemesis> nemesis_;
  std::int64_t healed_at_ms_ = 0;
  std::vector<std::uint64_t> followed_at_;  // by peer: from where on it followed last
};

Run::Run(const ScenarioOptions& options, EventLog::Detail detail)
    : scenario_(draw_scenario(options)),
      log_(detail),
      reference_(scenario_.cluster.plan, *scenario_.train),
      lineage_(static_cast<std::uint64_t>(scenario_.train->count()), violations_) {
  log_.line(0, to_text(scenario_));
  make_value_checkers();
  make_message_checkers();
  make_cluster();
}

void Run::make_value_checkers() {
  const int peers = scenario_.peers();
  followed_at_.resize(static_cast<std::size_t>(peers));
  const auto specs = node::parse_inject_specs(scenario_.soft_errors).value();
  ValueCheckerOptions value_options;
  value_options.reference = &reference_;
  value_options.code = &scenario_.cluster.code;
  value_options.may_blame_anyone = scenario_.beyond_budget;
  value_options.somebody_sends_nonsense = scenario_.nonsense.has_value();
  value_options.now_ms = [this] { return now_ms(); };
  value_options.on_commit = [this](int peer, const dnn::StepRecord& record,
                                   std::span<const std::uint32_t> samples) {
    lineage_.on_commit(now_ms(), peer, trace_->epoch_of(peer), record.step, record.epoch, samples);
    on_commit(peer, record);
  };
  value_options.on_round = [this](int peer, const protocol::RoundReport& report) {
    trace_->on_round(now_ms(), peer, report.key, report.present);
  };
  value_options.on_follow = [this](int peer, std::uint64_t boundary) {
    trace_->on_follow(peer);
    followed_at_[static_cast<std::size_t>(peer)] = boundary;
  };
  value_options.on_line = [this](int peer, const std::string& line) {
    say(fmt::format("peer {} {}", peer, line));
  };
  for (int p = 0; p < peers; ++p) {
    injectors_.push_back(specs.empty() ? nullptr
                                       : node::Injector::make(specs, scenario_.options.seed, p, "").value());
    value_options.truth.push_back(injectors_.back().get());
    impaired_steps_.emplace_back();
  }
  values_ = std::make_unique<ValueChecker>(peers, std::move(value_options), violations_);

  weights_ = std::make_unique<WeightsChecker>(scenario_.cluster.code, reference_, violations_);
  disks_ = std::make_unique<DiskChecker>(violations_, [this](int peer, const node::Checkpoint& checkpoint) {
    if (can_be_judged(peer, checkpoint.id.boundary))
      weights_->note(now_ms(), "checkpoint", checkpoint.id.epoch, checkpoint.id.boundary, peer,
                     checkpoint.layers);
  });
}

void Run::make_message_checkers() {
  TraceCheckerOptions trace_options;
  trace_options.peers = scenario_.peers();
  const auto layers = static_cast<codes::Index>(scenario_.cluster.plan.network.layers().size());
  for (codes::Index l = 0; l < layers; ++l)
    for (const codes::PassKind pass : {codes::PassKind::kForward, codes::PassKind::kBackward})
      if (l > 0 || pass == codes::PassKind::kForward)
        trace_options.needed[dnn::training_slot(layers, l, pass)] = scenario_.needed(pass);
  const auto batches = static_cast<std::size_t>(
      (scenario_.test->count() + scenario_.cluster.plan.eval_batch - 1) / scenario_.cluster.plan.eval_batch);
  memory_ = std::make_unique<MemoryChecker>(
      memory_bounds(scenario_.cluster.code, scenario_.cluster.plan,
                    trace_options.needed.size() + batches * static_cast<std::size_t>(layers)),
      violations_);
  trace_options.durable_record = [this](int peer) { return cluster_->durable_record(peer); };
  trace_ = std::make_unique<TraceChecker>(std::move(trace_options), violations_);
  if (scenario_.nonsense) nonsense_ = std::make_unique<NonsensePeer>(*scenario_.nonsense);
  frames_ = std::make_unique<FrameTap>(log_, *trace_, nonsense_.get());
}

void Run::make_cluster() {
  ClusterOptions options = scenario_.cluster;
  options.network.observer = frames_.get();
  std::vector<codes::FaultTap*> taps;
  std::vector<protocol::PeerObserver*> observers;
  for (int p = 0; p < scenario_.peers(); ++p) {
    taps.push_back(injectors_[static_cast<std::size_t>(p)].get());
    options.training_observers.push_back(values_->training_observer(p));
    observers.push_back(values_->peer_observer(p));
  }
  cluster_ = std::make_unique<SimCluster>(options, *scenario_.train, *scenario_.test, taps, observers);
  NemesisHooks hooks;
  hooks.on_line = [this](const std::string& line) { say(line); };
  hooks.on_crash = [this](int peer) {
    values_->note_crash(peer);
    check_disk(peer);
  };
  hooks.on_restart = [this](int peer) { trace_->on_restart(peer); };
  nemesis_ = std::make_unique<Nemesis>(scenario_, *cluster_, std::move(hooks));
  if (!nonsense_) return;
  values_->note_crash(scenario_.nonsense->self);  // who blames it is right
  cluster_->at(scenario_.nonsense_from_ms, [this] { nonsense_->start(*cluster_); });
}

void Run::on_commit(int peer, const dnn::StepRecord& record) {
  log_.number(record.loss);
  trace_->on_commit(now_ms(), peer, record.step);
  memory_->check(now_ms(), peer, cluster_->peer(peer).memory());
  if (nemesis_->is_impaired(peer)) impaired_steps_[static_cast<std::size_t>(peer)].insert(record.step);
  if ((record.step + 1) % kWeightsEvery == 0) note_weights(peer, record.step + 1);
  if (record.step + 1 >= scenario_.heal_step && !nemesis_->has_healed()) {
    healed_at_ms_ = now_ms();
    cluster_->at(now_ms(), [this] { nemesis_->heal(); });
  }
}

void Run::note_weights(int peer, std::uint64_t boundary) {
  if (!cluster_->is_active(peer) || !can_be_judged(peer, boundary)) return;
  WeightsChecker::Shards shards;
  for (codes::Index l = 0; l < cluster_->layer_count(); ++l)
    shards.push_back(cluster_->program(peer).layer(l).shards());
  weights_->note(now_ms(), "memory", trace_->epoch_of(peer), boundary, peer, shards);
}

std::int64_t Run::bound_ms(std::uint64_t steps) const {
  const ClusterOptions& cluster = scenario_.cluster;
  const double slowest =
      cluster.compute.slowness.empty()
          ? 1.0
          : *std::max_element(cluster.compute.slowness.begin(), cluster.compute.slowness.end());
  constexpr double kRounds = 8.0, kPieces = 20.0;  // of a step, of a round; more than there are
  const double step_ms = kRounds * (static_cast<double>(cluster.network.most_delay_ms) +
                                    kPieces * slowest * cluster.compute.mean_ms *
                                        (1.0 + cluster.compute.tail * cluster.compute.tail_factor));
  return static_cast<std::int64_t>(3.0 * step_ms * static_cast<double>(steps + 20)) +
         60 * cluster.patience_ms;
}

bool Run::run_to_the_end() {
  nemesis_->start();
  // While faults last a step may take longer; in the end it is healed, wherever it stands.
  const std::uint64_t steps = scenario_.options.steps;
  const std::int64_t latest_heal = 20 * bound_ms(steps);
  cluster_->at(latest_heal, [this] { nemesis_->heal(); });
  if (cluster_->run(latest_heal)) return true;
  healed_at_ms_ = std::max(healed_at_ms_, std::min(now_ms(), latest_heal));
  return cluster_->run(healed_at_ms_ + bound_ms(steps));
}

void Run::check_the_end() {
  for (int p = 0; p < scenario_.peers(); ++p) check_disk(p);
  weights_->check_decoded(now_ms());
  std::uint64_t most = 0;
  for (int p = 0; p < scenario_.peers(); ++p) most = std::max(most, cluster_->program(p).steps_done());
  lineage_.check(now_ms(), most);
  const std::uint64_t steps = scenario_.options.steps;
  for (int p = 0; p < scenario_.peers(); ++p) {
    if (nonsense_ && nonsense_->talks_as(p)) continue;
    const protocol::Peer& peer = cluster_->peer(p);
    const std::uint64_t done = cluster_->program(p).steps_done();
    values_->check_status(p, peer.status());
    memory_->check(now_ms(), p, peer.memory());
    // What it followed ends before it is rebuilt, or is over when it gets there.
    const bool late_in_the_end = followed_at_[static_cast<std::size_t>(p)] + kLastSteps > steps;
    // Nor does anybody wait longer than a patience for who is too slow (ASSUMPTIONS.md, "The end of a run").
    if (peer.failure() && (late_in_the_end || is_slow(p)) && peer.failure()->kind == FailureKind::kNetwork)
      continue;
    if (peer.failure())
      violations_.add(now_ms(), fmt::format("end: peer {} left after step {} with exit code {}: {}", p, done,
                                            static_cast<int>(peer.failure()->kind), peer.failure()->message));
    else if (peer.status().phase != protocol::PeerPhase::kEnded)
      violations_.add(now_ms(),
                      fmt::format("progress: peer {} has done {} steps and waits for {}; healed at {} ms", p,
                                  done, peer.status().waiting_text, healed_at_ms_));
    else if (done != steps)
      violations_.add(now_ms(), fmt::format("end: peer {} ended after {} steps", p, done));
    else if (peer.status().mode != protocol::PeerMode::kActive)
      // Who is too slow for the others may lose its place again and again, or anybody in the last steps.
      is_slow(p) || late_in_the_end
          ? void()
          : violations_.add(now_ms(), fmt::format("end: peer {} was not rebuilt when all had ended; healed "
                                                  "at {} ms",
                                                  p, healed_at_ms_));
    else
      for (codes::Index l = 0; l < cluster_->layer_count(); ++l)
        for (codes::Index s = 0; s < static_cast<codes::Index>(scenario_.cluster.code.shards.size()); ++s)
          if (is_used(l, s))
            values_->check_shard(scenario_.cluster.code, p, l, s,
                                 cluster_->program(p).layer(l).shard(s).weights, steps);
  }
}

RunResult Run::finish() {
  (void)run_to_the_end();
  check_the_end();
  RunResult result;
  result.seed = scenario_.options.seed;
  result.code = fmt::format("{} {}x{}x{} of {}", scenario_.code_name, scenario_.grid.m, scenario_.grid.n,
                            scenario_.grid.d, scenario_.peers());
  result.faults = nemesis_->tally();
  const NetworkCounters& network = cluster_->network().counters();
  result.faults.of(FaultKind::kLoss) += network.lost;
  result.faults.of(FaultKind::kDelay) += network.straggled;
  result.faults.of(FaultKind::kReordering) += network.reordered;
  result.faults.of(FaultKind::kDuplication) += network.duplicated;
  result.faults.of(FaultKind::kCorruption) += network.corrupted;
  for (const auto& injector : injectors_)
    if (injector)
      for (const node::Injection& one : injector->injections()) ++result.faults.of(one.stage);
  for (int p = 0; p < scenario_.peers(); ++p) {
    const auto& failure = cluster_->peer(p).failure();
    result.refusals += failure && failure->kind == FailureKind::kRefused;
    result.steps = std::max(result.steps, cluster_->program(p).steps_done());
    result.rollbacks = std::max(result.rollbacks, cluster_->peer(p).status().rollbacks);
  }
  const ValueCounts& counts = values_->counts();
  result.repairs = counts.repairs;
  result.rebuilds = counts.rebuilds;
  result.located = counts.located;
  result.committed_wrong = counts.committed_wrong;
  result.committed = counts.committed;
  result.virtual_ms = now_ms();
  result.violations = violations_.lines();
  result.largest_share = violations_.largest_share();
  result.largest_share_of = violations_.largest_share_of();
  for (const std::string& line : result.violations) log_.line(now_ms(), "VIOLATION " + line);
  result.log_hash = log_.hash();
  result.log = log_.text();
  return result;
}

}  // namespace

RunResult run_scenario(const ScenarioOptions& options, EventLog::Detail detail) {
  const FlushDenormals flush;
  return Run(options, detail).finish();
}

}  // namespace polydot::simulator
