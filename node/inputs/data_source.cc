#include "node/inputs/data_source.h"

namespace polydot::node {

Result<DataSource> source_of(const Config& config) {
  const bool csv = config.shared.dataset == "csv";
  if (!csv && !config.shared.csv.empty()) return usage_failure("--csv is for --dataset csv");
  if (!csv && !config.shared.label.empty()) return usage_failure("--label is for --dataset csv");
  if (!csv && !config.local.test_data.empty()) return usage_failure("--test-data is for --dataset csv");
  auto options = parse_csv_options(config.shared.csv, config.shared.label);
  if (!options) return options.failure();
  return DataSource{config.shared.dataset, config.local.data, config.local.test_data, *std::move(options)};
}

}  // namespace polydot::node
