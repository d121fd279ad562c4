#include "node/process/peer_process.h"

#include <fmt/format.h>
#include <malloc.h>
#include <unistd.h>
#include <xmmintrin.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <random>

#include "node/config/config_agreement.h"
#include "node/config/run_limits.h"
#include "node/data/dataset_loader.h"
#include "node/faults/campaign.h"
#include "node/faults/fault_places.h"
#include "node/faults/injector.h"
#include "node/files/run_layout.h"
#include "node/model/input_json.h"
#include "node/model/plan_of.h"
#include "node/process/peer_home.h"
#include "node/process/pump.h"
#include "node/process/training_job.h"
#include "node/records/peer_records.h"
#include "node/records/peer_status.h"
#include "node/records/run_summary.h"
#include "node/system/open_files.h"
#include "node/system/patient_clock.h"
#include "node/system/rate.h"
#include "node/system/stop_signals.h"
#include "node/text/printable.h"
#include "node/transport/zmq_transport.h"

namespace polydot::node {

namespace {

volatile std::sig_atomic_t g_signal = 0;
volatile std::sig_atomic_t g_launcher = 0;  // its process; 0: started by hand
// The first one came from the launcher; that of who signalled it may still be on the way.
volatile std::sig_atomic_t g_passed_on = 0;

// The second one ends the process. What the launcher passes on is none: whoever signals a whole group, as
// batch systems do, sends it to the peers and to the launcher, which has another way to end them at once.
void on_signal(int signal, int sender) {
  if (g_signal != 0 && (g_launcher == 0 || sender != g_launcher)) {
    if (g_passed_on == 0) _exit(128 + signal);
    g_passed_on = 0;
  }
  if (g_signal == 0) {
    g_signal = signal;
    g_passed_on = g_launcher != 0 && sender == g_launcher;
  }
}

std::int64_t now_ms() {
  using namespace std::chrono;
  return duration_cast<milliseconds>(steady_clock::now().time_since_epoch()).count();
}

// A waiting peer says for whom and since when, once it has lasted and then now and then.
class WaitingLine {
 public:
  void look(const protocol::Status& status, std::int64_t now) {
    if (status.waiting_for.empty() || now - status.waiting_since_ms < kFirstMs) return void(last_ms_ = -1);
    if (last_ms_ >= 0 && now - last_ms_ < kAgainMs) return;
    last_ms_ = now;
    say(fmt::format(
        "waiting for {:.1f} s{} for peers {}", static_cast<double>(now - status.waiting_since_ms) / 1000.0,
        status.phase == protocol::PeerPhase::kJoining ? " to start,"
                                                      : " at step " + std::to_string(status.key.step),
        status.waiting_text));
  }

 private:
  static constexpr std::int64_t kFirstMs = 3000, kAgainMs = 10000;
  std::int64_t last_ms_ = -1;
};

// What is beyond the rate is not answered: who asks so often has other answers.
void answer_orders(const protocol::Peer& peer, ZmqTransport& transport, const PeerProcessOptions& options,
                   const FaultCheck& check, Injector* injector, Rate& rate, std::int64_t now) {
  Injector* const allowed = options.config.local.allow_injection ? injector : nullptr;
  while (const auto request = transport.receive_control())
    if (rate.may(now))
      transport.reply_control(*request, request->text == kStatusOrder
                                            ? status_text(options.self, peer.status(), peer.members(now), now)
                                            : answer_control(request->text, check, allowed));
}

// After a freeze what waits is of rounds long past: all of it is heard before anything is done about it, or
// the peer would follow the others from one old place to the next.
void hear_what_was_missed(protocol::Peer& peer, ZmqTransport& transport, const protocol::WireContext& context,
                          std::int64_t now) {
  constexpr std::int64_t kQuietMs = 10, kMostMs = 300;
  const std::int64_t end = now_ms() + kMostMs;
  do transport.wait(kQuietMs);
  while (hear(peer, transport, context, now) > 0 && now_ms() < end);
}

// A longer one is none of the others' doing.
constexpr std::int64_t kLongestPauseMs = 200;

void drive(protocol::Peer& peer, ZmqTransport& transport, const protocol::WireContext& context,
           const PeerProcessOptions& options, const FaultCheck& check, Injector* injector,
           PeerRecords& records, const KeepRecord& keep, std::string understood) {
  const codes::WorkListener listener(records.work());
  WaitingLine waiting;
  Rate orders(200, 50);
  PatientClock clock(std::max(kLongestPauseMs, options.config.shared.patience_ms / 4));
  const auto hear_first = [&](std::int64_t now) { hear_what_was_missed(peer, transport, context, now); };
  while (peer.status().phase != protocol::PeerPhase::kEnded) {
    if (g_signal != 0) peer.stop_after_step(128 + static_cast<std::uint32_t>(g_signal));
    const std::int64_t now = read_and_hear(clock, now_ms, hear_first);
    // Not before: what ends the start is to be one line.
    if (peer.status().phase == protocol::PeerPhase::kRunning && !understood.empty())
      say(std::exchange(understood, ""));
    const bool more = pump_once(peer, transport, context, now, options.self, injector, keep);
    answer_orders(peer, transport, options, check, injector, orders, now);
    if (more) continue;
    waiting.look(peer.status(), now);
    constexpr std::int64_t kLongestSleepMs = 100;  // signals are looked at in between
    const codes::WorkScope scope(codes::Work::kIdle);
    transport.wait(std::clamp<std::int64_t>(peer.next_deadline_ms() - now, 0, kLongestSleepMs));
  }
}

protocol::PeerOptions peer_options(const PeerProcessOptions& options, const DataPair& data) {
  protocol::PeerOptions peer;
  peer.self = options.self;
  peer.peers = static_cast<int>(options.config.shared.peers);
  peer.patience_ms = options.config.shared.patience_ms;
  peer.margin = static_cast<int>(options.config.shared.margin);
  peer.clean_every = static_cast<std::uint64_t>(options.config.shared.clean_every);
  peer.shared = shared_lines(options.config);
  char digest[24];
  std::snprintf(digest, sizeof digest, "%016llx", static_cast<unsigned long long>(data.digest));
  peer.shared["data digest"] = digest;
  peer.shared["wire version"] = std::to_string(protocol::kWireVersion);
  return peer;
}

// Which run of its process this is. Not from the seed: two processes must not draw the same.
std::uint64_t draw_incarnation() {
  std::random_device random;
  return std::uint64_t{random()} << 32 | random();
}

// What may have to be sent at once to a peer that keeps up: some rounds, and pieces for every shard. Whoever
// was frozen has to read through what waits, and all of it is long past.
std::size_t queue_bytes(protocol::Job& job) {
  constexpr codes::Index kRounds = 8;
  constexpr std::size_t kLeast = std::size_t{1} << 20, kMost = std::size_t{64} << 20;
  codes::Index entries = kRounds * static_cast<codes::Index>(job.max_contribution_entries());
  for (const codes::ShardPart& part : job.state()->parts()) entries += job.state()->piece_shape(part).size();
  return std::clamp(static_cast<std::size_t>(entries) * sizeof(float), kLeast, kMost);
}

Result<std::unique_ptr<ZmqTransport>> open_transport(const PeerProcessOptions& options,
                                                     std::uint64_t incarnation,
                                                     const protocol::WireContext& context,
                                                     protocol::Job& job) {
  ZmqOptions zmq;
  zmq.cluster = context.cluster;
  zmq.index = options.self;
  zmq.incarnation = incarnation;
  zmq.endpoints = options.config.shared.endpoints;
  if (!options.config.local.bind.empty())
    zmq.endpoints[static_cast<std::size_t>(options.self)] = options.config.local.bind;
  zmq.listen_fd = options.listen_fd;
  zmq.max_payload_bytes = context.max_payload_bytes;
  zmq.max_queue_bytes = queue_bytes(job);
  zmq.share_memory = !options.config.local.sockets_only;
  return make_zmq_transport(zmq);
}

PeerIdentity identity_of(const PeerProcessOptions& options, std::uint64_t data_digest) {
  return {cluster_words(options.config.shared), plan_digest(options.config, data_digest), options.self,
          static_cast<int>(options.config.shared.peers)};
}

// So that the weights can be exported where the data are not.
Outcome keep_inputs(const std::string& folder, const DataPair& data) {
  if (folder.empty()) return Unit{};
  return write_trained_on(folder, {data.inputs, data.train.features(), data.digest});
}

// A round allocates and frees the same large matrices again and again: given back to the system each time,
// they would be cleared each time. What ZeroMQ's thread takes for a contribution is freed by this one: in an
// arena of its own it would be used for nothing else.
void keep_memory() {
  ::mallopt(M_ARENA_MAX, 1);
  ::mallopt(M_MMAP_THRESHOLD, 32 << 20);
  ::mallopt(M_TRIM_THRESHOLD, 512 << 20);
}

// How the process ends. The records come last: whoever waits for them may then read the checkpoint.
Result<int> finish(const Config& config, int self, const protocol::Peer& peer, TrainingJob& job,
                   PeerRecords& records, std::uint64_t steps_per_epoch) {
  int exit_code = peer.failure()   ? static_cast<int>(peer.failure()->kind)
                  : peer.stopped() ? 128 + static_cast<int>(g_signal)
                                   : 0;
  const Outcome saved = job.keep_last();
  if (!saved && exit_code == 0) exit_code = static_cast<int>(saved.failure().kind);
  if (Outcome written = records.finish(peer, self, exit_code, steps_per_epoch); !written)
    return written.failure();
  // Nobody collects for the others: whoever finds all records there writes the run's summary.
  if (!config.local.out.empty()) (void)summarize_if_complete(config);
  if (peer.failure()) return *peer.failure();
  if (!saved) return saved.failure();
  return exit_code;
}

}  // namespace

Result<int> run_peer_process(const PeerProcessOptions& options) {
  _mm_setcsr(_mm_getcsr() | 0x8040);  // FTZ and DAZ: the same arithmetic at every peer, and no slow denormals
  g_launcher = options.listen_fd >= 0 ? getppid() : 0;
  catch_stop_signals(on_signal);
  const Config& config = options.config;
  const std::string folder = config.local.out.empty() ? "" : peer_folder(config.local.out, options.self);
  if (Outcome files = provide_open_files(open_files_of_peer(static_cast<int>(config.shared.peers))); !files)
    return files.failure();
  auto home = PeerHome::open(folder);
  if (!home) return home.failure();
  auto data = load_data(config);
  if (!data) return data.failure();
  auto plan = plan_of(config.shared, data->train, data->test);
  if (!plan) return plan.failure();
  auto code = configured_code(config.shared);
  if (!code) return code.failure();
  auto specs = configured_faults(config);
  if (!specs) return specs.failure();
  const PeersHere here = one_peer_here(config.shared.endpoints, options.self, config.local.sockets_only);
  if (Outcome fits = check_run(*code, *plan, data->train, data->test, here); !fits) return fits.failure();
  if (Outcome strike = check_can_strike(*specs, *code, *plan, data->train.count()); !strike)
    return strike.failure();

  if (Outcome settled = home->settle(identity_of(options, data->digest)); !settled) return settled.failure();
  PeerRecords records;
  const Records mode = home->has_records() ? Records::kGoOn : Records::kBeginAnew;
  if (Outcome kept = keep_inputs(folder, *data); !kept) return kept.failure();
  if (Outcome opened = records.open(folder, mode, static_cast<int>(config.shared.peers)); !opened)
    return opened.failure();
  std::unique_ptr<Injector> injector;
  if (!specs->empty() || config.local.allow_injection) {
    auto made = Injector::make(std::move(*specs), plan->seed, options.self,
                               folder.empty() ? "" : folder + kInjectionsFile, mode, records.steps());
    if (!made) return made.failure();
    injector = std::move(*made);
  }
  dnn::TrainingProgram program(*code, options.self, *plan, data->train, data->test, injector.get(), &records);
  TrainingJob job(program, home->shelf(), static_cast<std::uint64_t>(config.shared.checkpoint_every));
  keep_memory();  // not before: what it took to make the shards is given back

  protocol::WireContext context;
  context.cluster = cluster_words(config.shared);
  context.peers = static_cast<int>(config.shared.peers);
  context.max_entries = job.max_contribution_entries();
  const std::uint64_t incarnation = draw_incarnation();
  auto transport = open_transport(options, incarnation, context, job);
  if (!transport) return transport.failure();
  records.watch(transport->get());
  protocol::PeerOptions peer_settings = peer_options(options, *data);
  peer_settings.record = home->record();
  peer_settings.incarnation = incarnation;
  protocol::Peer peer(peer_settings, job, injector.get(), &records);
  const auto keep = [&](const protocol::BallotRecord& record) { return home->keep(record); };
  // Of a step that is over, the last thing heard is that it came too late.
  const auto check = [&](const InjectSpec& spec) -> Outcome {
    if (Outcome exist = check_fault_peers({spec}, config.shared.peers); !exist) return exist;
    if (spec.last_step && *spec.last_step < job.steps_done())
      return usage_failure(fmt::format("{}: the run has done {} steps", to_text(spec), job.steps_done()));
    return check_can_strike({spec}, *code, *plan, data->train.count());
  };
  drive(peer, **transport, context, options, check, injector.get(), records, keep, data->understood);

  injector.reset();  // settles its log
  return finish(config, options.self, peer, job, records, program.steps_per_epoch());
}

}  // namespace polydot::node
