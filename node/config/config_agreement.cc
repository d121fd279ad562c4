#include "node/config/config_agreement.h"

#include <xxhash.h>

#include "node/config/config_schema.h"
#include "node/config/config_values.h"

namespace polydot::node {

protocol::SharedLines shared_lines(const Config& config) {
  protocol::SharedLines lines;
  for (const Field& field : fields())
    if (field.shared()) lines[field.path()] = toml_value(field, config);
  return lines;
}

std::uint64_t plan_digest(const Config& config, std::uint64_t data_digest) {
  std::string text = std::to_string(data_digest) + '\n';
  for (const auto& [path, value] : shared_lines(config))
    if (!path.starts_with("shared.cluster.")) text += path + '=' + value + '\n';
  return XXH3_64bits(text.data(), text.size());
}

}  // namespace polydot::node
