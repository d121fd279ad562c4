#include "tools/simulator/weights_checker.h"

#include <fmt/format.h>

#include <algorithm>

#include "codes/decode/set_decoder.h"
#include "codes/decode/shard_check.h"
#include "codes/kernels/encode.h"
#include "tools/simulator/value_checker.h"

namespace polydot::simulator {

bool may_be_unrepaired(const node::Injector* truth, std::uint64_t boundary,
                       const std::set<std::uint64_t>& impaired_steps) {
  if (truth == nullptr) return false;
  const auto& all = truth->injections();
  return std::any_of(all.begin(), all.end(), [&](const node::Injection& one) {
    // These change what is sent, and nothing that is kept.
    const bool passes = one.stage == codes::Stage::kEncode || one.stage == codes::Stage::kProduct ||
                        one.stage == codes::Stage::kContribution;
    if (passes || one.step > boundary) return false;
    const auto impaired =
        std::distance(impaired_steps.lower_bound(one.step), impaired_steps.upper_bound(boundary));
    return boundary <= one.step + kRepairSteps + static_cast<std::uint64_t>(impaired);
  });
}

// The first layer has no backward round: a shard for that pass alone is never used there.
bool WeightsChecker::is_used(std::size_t layer, std::size_t shard) const {
  return layer > 0 || static_cast<codes::Index>(shard) == code_.pass(codes::PassKind::kForward).shard;
}

double WeightsChecker::allowed(std::uint64_t boundary) const {
  return tolerance_of(kStoredTolerance, reference_.rounding(boundary));
}

void WeightsChecker::note(std::int64_t at_ms, const std::string& where, std::uint32_t epoch,
                          std::uint64_t boundary, int peer, const Shards& shards) {
  for (std::size_t l = 0; l < shards.size(); ++l)
    for (std::size_t s = 0; s < shards[l].size(); ++s) {
      if (!is_used(l, s)) continue;
      ++shards_checked_;
      const double distance =
          reference_.shard_distance(code_, peer, static_cast<codes::Index>(l), static_cast<codes::Index>(s),
                                    shards[l][s].weights, boundary);
      if (violations_.exceeds("a shard in " + where, distance, allowed(boundary)))
        violations_.add(at_ms,
                        fmt::format("stored: peer {}'s shard {} of layer {} in the {} of step {}, epoch {}, "
                                    "is {:.2g} from the reference's, {:.2g} are allowed",
                                    peer, s, l, where, boundary, epoch, distance, allowed(boundary)));
    }
  held_[{where, epoch, boundary}].insert_or_assign(peer, shards);
}

void WeightsChecker::check_decoded(std::int64_t at_ms) {
  for (const auto& [group, held] : held_)
    for (std::size_t l = 0; l < held.begin()->second.size(); ++l)
      for (std::size_t s = 0; s < code_.shards.size(); ++s)
        if (is_used(l, s)) decode(at_ms, group, held, l, s);
}

void WeightsChecker::decode(std::int64_t at_ms, const Group& group, const std::map<int, Shards>& held,
                            std::size_t layer, std::size_t shard) {
  codes::PeerSet peers;
  for (const auto& [peer, shards] : held) peers.insert(peer);
  const codes::ShardCode& shard_code = code_.shards[shard];
  const codes::LinearCode code = shard_code.as_code();
  const auto decoder = codes::make_set_decoder(code, codes::VectorD::Ones(code.peers()), peers);
  if (!decoder.decodable || decoder.gain > codes::kRebuildGain) return;
  std::vector<const codes::Matrix*> parts;
  for (const auto& [peer, shards] : held) parts.push_back(&shards[layer][shard].weights);
  const auto& [where, epoch, boundary] = group;
  const codes::Matrix& right = reference_.weights(boundary)[layer];
  const codes::Matrix decoded =
      codes::decode_weights(shard_code, decoder.decoder, parts, right.rows(), right.cols());
  ++sets_decoded_;
  const double distance = static_cast<double>((decoded - right).norm()) / static_cast<double>(right.norm());
  // A decode is louder than its shards by its gain at most.
  const double most = allowed(boundary) * std::max(1.0, decoder.gain);
  if (violations_.exceeds("a layer decoded from " + where, distance, most))
    violations_.add(at_ms,
                    fmt::format("decoded: layer {} of the {} of step {}, epoch {}, decoded from {} peers' "
                                "shards {}, is {:.2g} from the reference's, {:.2g} are allowed",
                                layer, where, boundary, epoch, peers.size(), shard, distance, most));
}

}  // namespace polydot::simulator
