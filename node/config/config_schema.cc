#include "node/config/config_schema.h"

#include <algorithm>
#include <array>

#include "codes/base/peer_set.h"

namespace polydot::node {
namespace {

template <auto Member>
Slot shared(Config& config) {
  return &(config.shared.*Member);
}
template <auto Member>
Slot local(Config& config) {
  return &(config.local.*Member);
}

using S = SharedConfig;
using L = LocalConfig;

constexpr Limits kAny{};
constexpr Limits kNotNegative{.min = 0};
constexpr Limits kPositive{.min = 0, .open_min = true};
constexpr Limits kCount{.min = 0, .max = 1e15};  // exact as a double
constexpr Limits kPositiveCount{.min = 1, .max = 1e15};
constexpr Limits kPeers{.min = 1, .max = codes::kMaxPeers};
constexpr Limits kUnits{.min = 1, .max = 1 << 20};
constexpr Limits kFraction{.min = 0, .max = 1, .open_max = true};  // 1 would never forget
constexpr Limits kFactor{.min = 0, .max = 1, .open_min = true};
constexpr Limits kPatience{.min = 10, .max = 24.0 * 3600 * 1000};
constexpr Limits kThreads{.min = 1, .max = 1024};

constexpr std::array<std::string_view, 0> kFree{};
constexpr std::array<std::string_view, 5> kCodes{"polydot", "monomial", "mds", "replication", "uncoded"};
constexpr std::array<std::string_view, 3> kDatasets{"strokes", "idx", "csv"};
constexpr std::array<std::string_view, 6> kActivations{"smelu", "gelu",    "silu",
                                                       "tanh",  "sigmoid", "identity"};
constexpr std::array<std::string_view, 2> kLosses{"cross_entropy", "mse"};
constexpr std::array<std::string_view, 3> kSchedules{"constant", "step", "cosine"};
constexpr std::array<std::string_view, 4> kLogs{"error", "warn", "info", "debug"};

constexpr std::string_view kCluster = "shared.cluster", kCode = "shared.code", kData = "shared.data",
                           kNetwork = "shared.network", kTraining = "shared.training", kLocal = "local";

// clang-format off
constexpr Field kFields[] = {
    {kCluster, "id", "", "HEX", "32 hex digits that name the cluster", shared<&S::cluster_id>, kAny, kFree},
    {kCluster, "endpoints", "", "LIST", "host:port of each peer, by index", shared<&S::endpoints>, kAny, kFree},
    {kCluster, "patience_ms", "--patience-ms", "MS", "how long a round waits for a missing peer; all time-outs follow", shared<&S::patience_ms>, kPatience, kFree},

    {kCode, "name", "--code", "NAME", "polydot, monomial, mds, replication or uncoded", shared<&S::code>, kAny, kCodes},
    {kCode, "peers", "--peers", "P", "number of peers; uncoded: m n", shared<&S::peers>, kPeers, kFree},
    {kCode, "grid", "--grid", "MxN[xD]", "row and column blocks of a weight matrix, groups of a batch", shared<&S::grid>, kAny, kFree},
    {kCode, "margin", "--margin", "N", "contributions beyond the threshold to wait for; 0: rounds may go unchecked", shared<&S::margin>, kCount, kFree},
    {kCode, "clean_every", "", "N", "steps between two cleanings of the shards; 0: when noise asks for it", shared<&S::clean_every>, kCount, kFree},

    {kData, "dataset", "--dataset", "NAME", "strokes (embedded), idx or csv", shared<&S::dataset>, kAny, kDatasets},
    {kData, "label", "--label", "NAME|N", "csv: column of the label, by name or number from 1", shared<&S::label>, kAny, kFree},
    {kData, "csv", "--csv", "OPTIONS", "csv: delimiter= heading= encoding= decimal= missing= scale= counters= split=", shared<&S::csv>, kAny, kFree},

    {kNetwork, "hidden", "--hidden", "N,N,..", "units of the hidden layers, or none", shared<&S::hidden>, kUnits, kFree},
    {kNetwork, "activation", "--activation", "NAME", "smelu, gelu, silu, tanh, sigmoid or identity", shared<&S::activation>, kAny, kActivations},

    {kTraining, "loss", "--loss", "NAME", "cross_entropy or mse", shared<&S::loss>, kAny, kLosses},
    {kTraining, "batch", "--batch", "N", "samples a step", shared<&S::batch>, kUnits, kFree},
    {kTraining, "epochs", "--epochs", "N", "passes over the training part", shared<&S::epochs>, kPositiveCount, kFree},
    {kTraining, "steps", "--steps", "N", "length in steps instead of epochs; 0: epochs decide", shared<&S::steps>, kCount, kFree},
    {kTraining, "lr", "--lr", "RATE", "learning rate", shared<&S::lr>, kPositive, kFree},
    {kTraining, "momentum", "--momentum", "X", "of SGD", shared<&S::momentum>, kFraction, kFree},
    {kTraining, "weight_decay", "--weight-decay", "X", "of all weights", shared<&S::weight_decay>, kNotNegative, kFree},
    {kTraining, "clip_norm", "--clip-norm", "X", "largest global norm of the gradient; 0: any", shared<&S::clip_norm>, kNotNegative, kFree},
    {kTraining, "schedule", "--schedule", "NAME", "of the learning rate: constant, step or cosine", shared<&S::schedule>, kAny, kSchedules},
    {kTraining, "warmup_steps", "--warmup-steps", "N", "steps of linear warm-up", shared<&S::warmup_steps>, kCount, kFree},
    {kTraining, "step_size", "--step-size", "N", "schedule step: steps between two drops", shared<&S::step_size>, kPositiveCount, kFree},
    {kTraining, "gamma", "--gamma", "X", "schedule step: factor of a drop", shared<&S::gamma>, kFactor, kFree},
    {kTraining, "seed", "--seed", "N", "of weights, sample order and injected faults", shared<&S::seed>, kCount, kFree},
    {kTraining, "checkpoint_every", "--checkpoint-every", "N", "steps between two checkpoints; 0: only at the end", shared<&S::checkpoint_every>, kCount, kFree},

    {kLocal, "data", "--data", "PATH", "file or folder of the data set (idx, csv)", local<&L::data>, kAny, kFree},
    {kLocal, "test_data", "--test-data", "FILE", "csv: the test part, if it is a file of its own", local<&L::test_data>, kAny, kFree},
    {kLocal, "bind", "--bind", "ADDR:PORT", "listen here instead of at the own endpoint", local<&L::bind>, kAny, kFree},
    {kLocal, "sockets_only", "", "", "share no memory with peers of this host", local<&L::sockets_only>, kAny, kFree},
    {kLocal, "out", "--out", "DIR", "write config.toml, metrics.csv, summary.json there", local<&L::out>, kAny, kFree},
    {kLocal, "threads", "--threads", "N", "threads of one peer's products", local<&L::threads>, kThreads, kFree},
    {kLocal, "log", "--log", "LEVEL", "error, warn, info or debug", local<&L::log>, kAny, kLogs},
    {kLocal, "allow_injection", "--allow-injection", "", "let faults be ordered from outside", local<&L::allow_injection>, kAny, kFree},
    {kLocal, "inject", "--inject", "SPEC", "a fault, STAGE:MODEL:rate=R or :step=S[:key=value]..; may be repeated", local<&L::inject>, kAny, kFree},
    {kLocal, "campaign", "--campaign", "FILE", "faults from a TOML file, see tools/campaigns", local<&L::campaign>, kAny, kFree},
    {kLocal, "quiet", "--quiet", "", "no progress", local<&L::quiet>, kAny, kFree},
    {kLocal, "json", "--json", "", "the summary as JSON, alone, on stdout", local<&L::json>, kAny, kFree},
};
// clang-format on

}  // namespace

std::span<const Field> fields() { return kFields; }

const Field* field_of_flag(std::string_view flag) {
  if (flag.empty()) return nullptr;
  const auto found = std::find_if(std::begin(kFields), std::end(kFields),
                                  [&](const Field& field) { return field.flag == flag; });
  return found == std::end(kFields) ? nullptr : found;
}

const Field& field_at(std::string_view path) {
  const auto found = std::find_if(std::begin(kFields), std::end(kFields),
                                  [&](const Field& field) { return field.path() == path; });
  POLYDOT_CHECK(found != std::end(kFields));
  return *found;
}

}  // namespace polydot::node
