#include "tools/plan_model.h"

#include <algorithm>

#include "codes/base/check.h"
#include "node/config/host_plan.h"
#include "node/transport/shared_slab.h"

namespace polydot::tools {
namespace {

using codes::Index;
using codes::PassKind;
using codes::Shape;

constexpr double kFloatBytes = sizeof(float);
constexpr double kPerGiga = 1e-6;   // ms a thing at one giga-thing a second
constexpr double kPerNano = 1e-6;   // ms a ns
constexpr double kPerMicro = 1e-3;  // ms a us
// Velocity times mu, plus the gradient, and the weights minus it: what momentum reads and writes beyond them.
constexpr double kMomentumPasses = 5.0;
// Own contributions are kept, and resent on request, in this step and the next.
constexpr double kStepsKept = 2.0;

double count(Index number) { return static_cast<double>(number); }

// rows x inner by inner x cols.
double product_ms(Index rows, Index inner, Index cols, double gflops, const Calibration& rates) {
  const double flops = 2.0 * count(rows) * count(inner) * count(cols);
  const double touched = count(rows * inner) + count(inner * cols) + count(rows * cols);
  return kPerGiga * (flops / gflops + kFloatBytes * touched / rates.panel_gbs);
}

// One round of one layer at one peer.
struct Round {
  double payload_bytes = 0.0;  // of one contribution
  double entries = 0.0;        // of one contribution, scrubs apart
  double cpu_ms = 0.0;
};

class Cost {
 public:
  Cost(const CodeShape& code, const Workload& work, const Hardware& hardware)
      : code_(code),
        work_(work),
        hardware_(hardware),
        rates_(hardware.rates),
        others_(count(code.peers - 1)),
        counts_(node::proportional_counts(
            std::vector<std::int64_t>(static_cast<std::size_t>(hardware.hosts), 1), code.peers)) {}

  Prediction all() {
    const std::vector<Shape> layers = work_.weights();
    sum_.activation_ms += values_ms(work_.inputs);
    for (std::size_t l = 0; l < layers.size(); ++l) add(round(PassKind::kForward, layers[l]));
    for (std::size_t l = layers.size() - 1; l > 0; --l) add(round(PassKind::kBackward, layers[l]));
    double update_ms = 0.0;
    for (const Shape& weights : layers) update_ms += update(weights);
    sum_.update_ms = update_ms;
    on_hosts(update_ms, 0.0);
    on_hosts(values_ms(work_.inputs), 0.0);
    add_memory(layers);
    return sum_;
  }

 private:
  double values_ms(Index rows) const { return kPerNano * rates_.activation_ns * count(rows * work_.batch); }
  // A byte of a payload, to all others, from a peer of the fullest host.
  double byte_ns_to_others(double payload_bytes) const {
    const double here = count(*std::max_element(counts_.begin(), counts_.end())) - 1.0;
    const bool shared = payload_bytes >= static_cast<double>(node::kLeastSharedBytes);
    return here * (shared ? rates_.shared_ns : rates_.byte_ns) + (others_ - here) * rates_.byte_ns;
  }
  double encode_ms(Index rows) const {
    return kPerGiga * kFloatBytes * count(rows * work_.batch) / rates_.encode_gbs;
  }
  bool is_scrubbed(PassKind kind) const {
    const PassShape& pass = code_.passes[static_cast<std::size_t>(kind)];
    const ShardBlocks& blocks = code_.shards[static_cast<std::size_t>(pass.shard)];
    const bool first_use = kind == PassKind::kForward || pass.shard != code_.passes[0].shard;
    return first_use && blocks.rows * blocks.cols < code_.peers;
  }

  Round round(PassKind kind, Shape weights) {
    const PassShape& pass = code_.passes[static_cast<std::size_t>(kind)];
    const bool forward = kind == PassKind::kForward;
    const Shape shard = code_.shard(pass.shard, weights), payload = code_.payload(kind, weights, work_.batch);
    const Index operand_rows = forward ? weights.cols : weights.rows;
    const Index result_rows = forward ? weights.rows : weights.cols;
    const Index inner = forward ? shard.cols : shard.rows;
    const Index scrubs = is_scrubbed(kind) ? (work_.momentum ? 2 : 1) : 0;
    Round round;
    round.entries = count(payload.size());
    round.payload_bytes = kFloatBytes * count(payload.rows * (payload.cols + scrubs));

    const double product = product_ms(payload.rows, inner, payload.cols, rates_.product_gflops, rates_) +
                           kPerGiga * kFloatBytes * count(scrubs * shard.size()) / rates_.memory_gbs;
    const double values = round.entries * count(code_.peers);
    const double outputs = count(pass.wanted + std::max<Index>(0, code_.peers - pass.rank));
    const double decode =
        kPerGiga * values * (kFloatBytes / rates_.decode_gbs + 2.0 * outputs / rates_.combine_gflops) +
        kPerMicro * rates_.column_us * count(payload.cols);
    const double encode = encode_ms(operand_rows);
    const double activation = values_ms(result_rows);
    const double transport =
        2.0 * (kPerNano * byte_ns_to_others(round.payload_bytes) * round.payload_bytes +
               kPerMicro * others_ * (rates_.message_us + rates_.peer_us * count(code_.peers)));
    const double fixed =
        kPerMicro * rates_.round_us + kPerNano * rates_.operand_ns * count(operand_rows * work_.batch);
    sum_.product_ms += product;
    sum_.encode_ms += encode;
    sum_.decode_ms += decode;
    sum_.activation_ms += activation;
    sum_.transport_ms += transport;
    sum_.fixed_ms += fixed;
    round.cpu_ms = product + encode + decode + activation + transport + fixed;
    return round;
  }

  double update(Shape weights) const {
    double ms = 0.0;
    for (Index s = 0; s < static_cast<Index>(code_.shards.size()); ++s) {
      const Shape shard = code_.shard(s, weights);
      ms += encode_ms(weights.rows) + encode_ms(weights.cols) +
            product_ms(shard.rows, work_.batch, shard.cols, rates_.update_gflops, rates_);
      if (work_.momentum)
        ms += kPerGiga * kMomentumPasses * kFloatBytes * count(shard.size()) / rates_.memory_gbs;
    }
    return ms;
  }

  void add(const Round& round) {
    sum_.sent_bytes += others_ * round.payload_bytes;
    // Into a host: from each remote peer, for each of its own.
    double crossing = 0.0;
    for (const Index here : counts_) crossing = std::max(crossing, count(here * (code_.peers - here)));
    const double link_bytes = crossing * round.payload_bytes;
    sum_.link_bytes += link_bytes;
    const double wire_ms = hardware_.link_bytes_s > 0.0 ? 1e3 * link_bytes / hardware_.link_bytes_s : 0.0;
    on_hosts(round.cpu_ms, wire_ms);
    if (code_.peers > 1) sum_.step_ms += kPerMicro * rates_.wait_us;
    largest_round_ = std::max(largest_round_, count(code_.peers) * round.payload_bytes);
    kept_ += round.payload_bytes;
  }

  // A part of the step that takes a peer so much processor time, and the fullest host's link so long.
  void on_hosts(double cpu_ms, double wire_ms) {
    const double peers = count(*std::max_element(counts_.begin(), counts_.end()));
    const double waves = std::max(1.0, peers / count(hardware_.cores));
    // Where peers take turns, the other cores have nothing to do while the last peer finishes its turn: on
    // average half a turn.
    const double cores = count(hardware_.cores);
    const double tail_ms = waves > 1.0 ? 0.5 * cpu_ms * (1.0 - 1.0 / cores) : 0.0;
    const double compute_ms = cpu_ms * waves + tail_ms;
    const double hidden_ms = (1.0 - 1.0 / waves) * std::min(compute_ms, wire_ms);
    sum_.compute_ms += compute_ms;
    sum_.wire_ms += wire_ms - hidden_ms;
    sum_.step_ms += compute_ms + wire_ms - hidden_ms;
  }

  void add_memory(const std::vector<Shape>& layers) {
    double entries = 0.0, widest = 0.0;
    for (const Shape& weights : layers) {
      for (Index s = 0; s < static_cast<Index>(code_.shards.size()); ++s)
        entries += (work_.momentum ? 2.0 : 1.0) * count(code_.shard(s, weights).size());
      // Inputs, activation inputs and deltas of the whole batch are kept for the step.
      entries += count((weights.cols + 2 * weights.rows) * work_.batch);
      widest = std::max(widest, count(std::max(weights.cols, weights.rows) * work_.batch));
    }
    // An operand and a product besides.
    sum_.memory_bytes = kFloatBytes * (entries + 2.0 * widest) + largest_round_ + kStepsKept * kept_;
    sum_.host_memory_bytes = sum_.memory_bytes * count(*std::max_element(counts_.begin(), counts_.end()));
  }

  const CodeShape& code_;
  const Workload& work_;
  const Hardware& hardware_;
  const Calibration& rates_;
  double others_;
  std::vector<Index> counts_;  // peers of each host
  double largest_round_ = 0.0, kept_ = 0.0;
  Prediction sum_;
};

}  // namespace

std::vector<Shape> Workload::weights() const {
  std::vector<Shape> shapes;
  Index in = inputs;
  const auto add = [&](Index out) {
    shapes.push_back({out, in + 1});  // the bias is one more column
    in = out;
  };
  for (const Index units : hidden) add(units);
  add(classes);
  return shapes;
}

Prediction predict(const CodeShape& code, const Workload& work, const Hardware& hardware) {
  POLYDOT_CHECK_LE(1, work.batch);
  POLYDOT_CHECK_LE(1, hardware.cores);
  POLYDOT_CHECK_LE(1, hardware.hosts);
  return Cost(code, work, hardware).all();
}

Prediction predict_alone(const Workload& work, const Hardware& hardware) {
  const Calibration& rates = hardware.rates;
  Prediction sum;
  double entries = 0.0;
  bool first = true;
  sum.activation_ms = kPerNano * rates.activation_ns * count(work.inputs * work.batch);
  for (const Shape& weights : work.weights()) {
    const auto activate = [&](Index rows) {
      sum.activation_ms += kPerNano * rates.activation_ns * count(rows * work.batch);
    };
    sum.product_ms += product_ms(weights.rows, weights.cols, work.batch, rates.product_gflops, rates);
    activate(weights.rows);
    if (!first) {
      sum.product_ms += product_ms(weights.cols, weights.rows, work.batch, rates.product_gflops, rates);
      activate(weights.cols);
    }
    sum.update_ms += product_ms(weights.rows, work.batch, weights.cols, rates.update_gflops, rates);
    if (work.momentum)
      sum.update_ms += kPerGiga * kMomentumPasses * kFloatBytes * count(weights.size()) / rates.memory_gbs;
    entries += (work.momentum ? 2.0 : 1.0) * count(weights.size()) +
               count((weights.cols + 2 * weights.rows) * work.batch);
    first = false;
  }
  sum.memory_bytes = sum.host_memory_bytes = kFloatBytes * entries;
  sum.compute_ms = sum.processor_ms() / (1.0 + rates.parallel * count(hardware.cores - 1));
  sum.step_ms = sum.compute_ms;
  return sum;
}

}  // namespace polydot::tools
