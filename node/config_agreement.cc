#include "node/config_agreement.h"

#include "node/config_schema.h"
#include "node/config_values.h"

namespace polydot::node {

protocol::SharedLines shared_lines(const Config& config) {
  protocol::SharedLines lines;
  for (const Field& field : fields())
    if (field.shared()) lines[field.path()] = toml_value(field, config);
  return lines;
}

}  // namespace polydot::node
