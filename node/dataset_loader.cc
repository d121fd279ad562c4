#include "node/dataset_loader.h"

#include <fmt/format.h>

#include <new>

#include "dnn/strokes.h"
#include "node/csv_file.h"
#include "node/idx_file.h"

namespace polydot::node {
namespace {

DataPair load_strokes() {
  return make_data_pair(dnn::make_strokes(dnn::StrokesPart::kTrain, dnn::kStrokesTrainCount),
                        dnn::make_strokes(dnn::StrokesPart::kTest, dnn::kStrokesTestCount));
}

}  // namespace

Result<DataPair> load_data(const std::string& dataset, const std::string& path) {
  if (dataset == "strokes") {
    // Silently training on something else than the given files would be worse than a line.
    if (!path.empty())
      return usage_failure(fmt::format(
          "the data set strokes is built in and reads no files: drop --data {} or give --dataset idx or csv",
          path));
    return load_strokes();
  }
  if (dataset != "idx" && dataset != "csv")
    return usage_failure(fmt::format("unknown data set {}: choose strokes, idx or csv", dataset));
  if (path.empty())
    return usage_failure(fmt::format("the data set {} needs --data with the path of its files", dataset));
  try {
    return dataset == "idx" ? read_idx(path) : read_csv(path);
  } catch (const std::bad_alloc&) {
    return data_failure(fmt::format("{}: the data set does not fit into this machine's memory", path));
  }
}

Outcome write_dataset(const std::string& dataset, const std::string& path, const std::string& out_directory) {
  const Result<DataPair> data = load_data(dataset, path);
  if (!data) return data.failure();
  return write_idx(out_directory, data->train, data->test);
}

}  // namespace polydot::node
