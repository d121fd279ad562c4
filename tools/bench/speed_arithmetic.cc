#include "tools/bench/speed_arithmetic.h"

#include <algorithm>
#include <initializer_list>
#include <limits>

#include <fmt/format.h>

#include "codes/base/check.h"
#include "codes/base/peer_set.h"
#include "codes/decode/set_decoder.h"

namespace polydot::bench {

namespace {

constexpr double kFloatBytes = sizeof(float);

// With the column of the bias.
codes::Shape weights_of(const dnn::Dense& layer) { return {layer.outputs, layer.inputs + 1}; }

bool corrects(const codes::ProductCode& code, Index errors) {
  return std::all_of(code.passes.begin(), code.passes.end(), [&](const codes::Pass& pass) {
    return codes::error_bounds(pass.code, code.peers()).independent >= errors;
  });
}

bool is_usable(const codes::ProductCode& code) {
  const codes::PeerSet everybody = codes::PeerSet::all(static_cast<int>(code.peers()));
  return std::all_of(code.passes.begin(), code.passes.end(), [&](const codes::Pass& pass) {
    return codes::gain_of(pass.code, pass.sigma, everybody) <= codes::kUsableGain;
  });
}

double work_of_all(const node::RunProfile& profile, std::initializer_list<codes::Work> kinds) {
  double sum = 0.0;
  for (const codes::Work kind : kinds) sum += profile.work_ms[static_cast<std::size_t>(kind)];
  return sum * profile.peers;
}

}  // namespace

double median(std::vector<double> values) {
  POLYDOT_CHECK(!values.empty());
  std::sort(values.begin(), values.end());
  const std::size_t half = values.size() / 2;
  return values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2.0;
}

Ratio ratio_of(const std::vector<double>& measured, const std::vector<double>& beside) {
  POLYDOT_CHECK_EQ(measured.size(), beside.size());
  Ratio ratio{.measured = median(measured), .beside = median(beside), .pairs = measured.size()};
  ratio.value = ratio.measured / ratio.beside;
  ratio.lowest = std::numeric_limits<double>::infinity();
  for (std::size_t k = 0; k < measured.size(); ++k) {
    ratio.lowest = std::min(ratio.lowest, measured[k] / beside[k]);
    ratio.highest = std::max(ratio.highest, measured[k] / beside[k]);
  }
  return ratio;
}

double arithmetic_share(const codes::ProductCode& code) {
  return static_cast<double>(code.peers()) / static_cast<double>(code.m * code.n);
}

double coding_ms(const node::RunProfile& profile) {
  return work_of_all(profile, {codes::Work::kEncode, codes::Work::kDecode, codes::Work::kCheck});
}

double arithmetic_ms(const node::RunProfile& profile) {
  return work_of_all(profile, {codes::Work::kProduct, codes::Work::kUpdate});
}

Index fewest_peers_correcting(const std::string& name, codes::Grid grid, Index errors) {
  for (Index peers = std::max<Index>(codes::fewest_peers(name, grid), 1); peers <= codes::kMaxPeers; ++peers)
    if (const auto code = codes::make_code(name, grid, peers); code && corrects(*code, errors)) return peers;
  return -1;
}

double received_bytes(const codes::ProductCode& code, const dnn::NetworkSpec& network, Index batch) {
  double entries = 0.0;
  const auto add = [&](codes::PassKind pass, const dnn::Dense& layer) {
    entries += static_cast<double>(
        codes::contribution_shape(code, code.pass(pass), weights_of(layer), batch).size());
  };
  const std::vector<dnn::Dense> layers = network.layers();
  for (std::size_t l = 0; l < layers.size(); ++l) {
    add(codes::PassKind::kForward, layers[l]);
    if (l > 0) add(codes::PassKind::kBackward, layers[l]);
  }
  return kFloatBytes * entries * static_cast<double>(code.peers() - 1);
}

double host_received_bytes(double sent, Index peers, Index here) {
  POLYDOT_CHECK_LE(2, peers);
  return sent / static_cast<double>(peers - 1) * static_cast<double>(here * (peers - here));
}

double least_bytes(const dnn::NetworkSpec& network, Index batch) {
  Index rows = 0;
  const std::vector<dnn::Dense> layers = network.layers();
  for (std::size_t l = 0; l < layers.size(); ++l) rows += layers[l].outputs + (l > 0 ? layers[l].inputs : 0);
  return kFloatBytes * static_cast<double>(rows * batch);
}

Result<CodeChoice> least_receiving_code(Index peers, Index errors, const dnn::NetworkSpec& network,
                                        Index batch) {
  CodeChoice best;
  double fewest = std::numeric_limits<double>::infinity();
  for (const char* name : {"polydot", "mds", "replication"})
    for (Index m = 1; m <= peers; ++m)
      for (Index n = 1; n <= peers; ++n)
        for (Index d = 1; d <= peers; ++d) {
          const codes::Grid grid{m, n, d};
          if (codes::fewest_peers(name, grid) > peers) continue;
          const auto code = codes::make_code(name, grid, peers);
          if (!code || !corrects(*code, errors) || !is_usable(*code)) continue;
          const double bytes = received_bytes(*code, network, batch);
          if (bytes < fewest) fewest = bytes, best = {name, grid};
        }
  if (best.name.empty())
    return usage_failure(fmt::format("no code corrects {} wrong peers of {}", errors, peers));
  return best;
}

double state_bytes(const codes::ProductCode& code, const dnn::NetworkSpec& network, Index batch,
                   bool has_momentum) {
  double entries = 0.0;
  for (const dnn::Dense& layer : network.layers())
    for (const codes::ShardCode& shard : code.shards) {
      const codes::Shape weights = weights_of(layer);
      entries += static_cast<double>(codes::shard_shape(shard, weights.rows, weights.cols).size());
    }
  if (has_momentum) entries *= 2.0;
  Index width = network.inputs, rows = width;
  for (const dnn::Operation& operation : network.operations) {
    if (const auto* dense = std::get_if<dnn::Dense>(&operation)) width = dense->outputs;
    rows += width;
  }
  return kFloatBytes * (entries + static_cast<double>(rows * batch));
}

}  // namespace polydot::bench
