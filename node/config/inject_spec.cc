#include "node/config/inject_spec.h"

#include <algorithm>

#include <fmt/format.h>

#include "node/config/fault_models.h"
#include "node/config/inject_settings.h"
#include "node/text/config_words.h"

namespace polydot::node {
namespace {

using codes::Stage;

struct StageName {
  std::string_view name;
  Stage value;
};
constexpr StageName kStages[] = {
    {"batch", Stage::kBatch},         {"weights", Stage::kWeights},
    {"optimizer", Stage::kOptimizer}, {"encode", Stage::kEncode},
    {"product", Stage::kProduct},     {"contribution", Stage::kContribution},
    {"decode", Stage::kDecode},       {"activation", Stage::kActivation},
    {"loss", Stage::kLoss},           {"hadamard", Stage::kHadamard},
    {"update", Stage::kUpdate},
};
static_assert(std::size(kStages) == codes::kStageCount);

template <typename Table>
std::vector<std::string_view> names(const Table& table) {
  std::vector<std::string_view> all;
  for (const auto& entry : table) all.push_back(entry.name);
  return all;
}

// The entry of that name; a failure lists all and names the nearest.
template <typename Table>
auto look_up(const Table& table, std::string_view word, const char* what)
    -> Result<decltype(&*std::begin(table))> {
  for (const auto& entry : table)
    if (entry.name == word) return &entry;
  return usage_failure(fmt::format("no {} '{}': must be {}; nearest: {}", what, word, list_of(names(table)),
                                   nearest_word(word, names(table))));
}

Failure wrong_part(std::string_view spec, const std::string& why) {
  return usage_failure(fmt::format("--inject {}: {}", spec, why));
}

// What a model cannot do without.
const char* missing_part(const InjectSpec& spec) {
  if (!spec.rate && !spec.first_step)
    return "rate=R or step=S is missing: how often (a probability from 0 to 1), or when";
  if (spec.model == FaultModel::kKBits && !spec.bits) return "kbits needs bits=K, how many";
  if (spec.model == FaultModel::kScale && !spec.factor) return "scale needs factor=F";
  if (spec.model == FaultModel::kScale && *spec.factor == 1.0)
    return "factor=1 leaves every number as it is: give another";
  if (spec.model == FaultModel::kCorrelated && spec.factor == 0.0)
    return "factor=0 is an error of 0: give another";
  if (spec.model == FaultModel::kFloor && !spec.times) return "floor needs times=T, how many noise floors";
  const bool has_floor = spec.stage == Stage::kEncode || spec.stage == Stage::kProduct;
  if (spec.model == FaultModel::kFloor && !has_floor)
    return "floor is for the stages encode and product: no other has a published floor";
  return nullptr;
}

}  // namespace

bool InjectSpec::covers_peer(std::int64_t peer) const {
  return peers.empty() || std::find(peers.begin(), peers.end(), peer) != peers.end();
}

bool InjectSpec::covers_step(std::uint64_t step) const {
  if (first_step && (step < *first_step || step > *last_step)) return false;
  return !every || (step - first_step.value_or(0)) % *every == 0;
}

bool InjectSpec::covers(std::int64_t peer, const codes::TapPoint& point) const {
  return covers_peer(peer) && covers_step(point.step) && (!slot || *slot == point.slot) &&
         (!layer || *layer == point.layer) && (!pass || *pass == point.pass);
}

std::string_view name_of(Stage stage) {
  for (const StageName& entry : kStages)
    if (entry.value == stage) return entry.name;
  return "?";
}

Outcome InjectSpecReader::set_stage(std::string_view word) {
  const auto stage = look_up(kStages, word, "stage");
  if (!stage) return stage.failure();
  spec_.stage = (*stage)->value;
  return Unit{};
}

Outcome InjectSpecReader::set_model(std::string_view word) {
  const auto model = look_up(fault_models(), word, "model");
  if (!model) return model.failure();
  spec_.model = (*model)->model;
  return Unit{};
}

Outcome InjectSpecReader::set(std::string_view key, std::string_view value) {
  const auto all = inject_settings();
  auto found = std::find_if(all.begin(), all.end(), [&](const InjectSetting& s) {
    return s.name == key || (!s.alias.empty() && s.alias == key);
  });
  if (found == all.end()) return look_up(all, key, "setting").failure();
  if (std::find(seen_.begin(), seen_.end(), found->name) != seen_.end())
    return usage_failure(fmt::format("{} is given twice", key));
  seen_.push_back(found->name);
  if (const char* must = found->set(value, spec_))
    return usage_failure(fmt::format("{}={}: must be {}", key, value, must));
  return Unit{};
}

Result<InjectSpec> InjectSpecReader::finish() const {
  for (const InjectSetting& setting : inject_settings()) {
    const bool given = std::find(seen_.begin(), seen_.end(), setting.name) != seen_.end();
    if (given && !setting.fits(spec_))
      return usage_failure(
          fmt::format("{} means nothing to {}:{}", setting.name, name_of(spec_.stage), name_of(spec_.model)));
  }
  const auto has = [&](std::string_view name) {
    return std::find(seen_.begin(), seen_.end(), name) != seen_.end();
  };
  if (has("step") && has("steps")) return usage_failure("step and steps are both given");
  if (const char* missing = missing_part(spec_)) return usage_failure(missing);
  return spec_;
}

Result<InjectSpec> parse_inject_spec(std::string_view text) {
  const auto parts = split(text, ':');
  if (parts.size() < 3) return wrong_part(text, "must be STAGE:MODEL:rate=R or STAGE:MODEL:step=S");
  InjectSpecReader reader;
  if (const Outcome stage = reader.set_stage(parts[0]); !stage)
    return wrong_part(text, stage.failure().message);
  if (const Outcome model = reader.set_model(parts[1]); !model)
    return wrong_part(text, model.failure().message);
  for (std::size_t i = 2; i < parts.size(); ++i) {
    const auto equals = parts[i].find('=');
    const std::string_view value = equals == std::string_view::npos ? "" : parts[i].substr(equals + 1);
    const Outcome set = reader.set(parts[i].substr(0, equals), value);
    if (!set) return wrong_part(text, set.failure().message);
  }
  auto spec = reader.finish();
  if (!spec) return wrong_part(text, spec.failure().message);
  return spec;
}

Result<std::vector<InjectSpec>> parse_inject_specs(const std::vector<std::string>& texts) {
  std::vector<InjectSpec> specs;
  for (const std::string& text : texts) {
    auto spec = parse_inject_spec(text);
    if (!spec) return spec.failure();
    specs.push_back(*spec);
  }
  return specs;
}

Outcome check_fault_peers(const std::vector<InjectSpec>& specs, std::int64_t peers) {
  for (const InjectSpec& spec : specs)
    for (const std::int64_t peer : spec.peers)
      if (peer >= peers)
        return wrong_part(to_text(spec), fmt::format("there is no peer {}, only 0 to {}", peer, peers - 1));
  return Unit{};
}

std::string to_text(const InjectSpec& spec) {
  std::string text = fmt::format("{}:{}", name_of(spec.stage), name_of(spec.model));
  for (const InjectSetting& setting : inject_settings())
    if (const std::string value = setting.text(spec); !value.empty())
      text += fmt::format(":{}={}", setting.name, value);
  return text;
}

}  // namespace polydot::node
