#include "node/data/dataset_loader.h"

#include <fmt/format.h>

#include <algorithm>
#include <new>

#include "dnn/data/strokes.h"
#include "node/data/idx_file.h"
#include "node/tables/csv_file.h"

namespace polydot::node {
namespace {

DataPair load_strokes() {
  return make_data_pair(dnn::make_strokes(dnn::StrokesPart::kTrain, dnn::kStrokesTrainCount),
                        dnn::make_strokes(dnn::StrokesPart::kTest, dnn::kStrokesTestCount));
}

Outcome check(const DataSource& source) {
  // Silently training on something else than the given files would be worse than a line.
  if (source.dataset == "strokes") {
    if (source.path.empty()) return Unit{};
    return usage_failure(fmt::format(
        "the data set strokes is built in and reads no files: drop --data {} or give --dataset idx or csv",
        source.path));
  }
  if (source.dataset != "idx" && source.dataset != "csv")
    return usage_failure(fmt::format("unknown data set {}: choose strokes, idx or csv", source.dataset));
  if (source.path.empty())
    return usage_failure(
        fmt::format("the data set {} needs --data with the path of its files", source.dataset));
  return Unit{};
}

Failure too_large(const DataSource& source) {
  return data_failure(fmt::format("{}: the data set does not fit into this machine's memory", source.path));
}

// A part with its labels as the model numbers its classes. names: of the labels that it has.
Result<dnn::Dataset> with_classes(const dnn::Dataset& data, const std::vector<std::string>& names,
                                  const std::vector<std::string>& classes, const std::string& path) {
  std::vector<dnn::Label> numbers, labels;
  std::vector<bool> known;
  for (const std::string& name : names) {
    const auto found = std::find(classes.begin(), classes.end(), name);
    known.push_back(found != classes.end());
    numbers.push_back(static_cast<dnn::Label>(found - classes.begin()));
  }
  for (const dnn::Label label : data.labels()) {
    if (!known[label])
      return data_failure(fmt::format("{}: the label {} is none of the {} classes of the model", path,
                                      names[label], classes.size()));
    labels.push_back(numbers[label]);
  }
  const auto count = static_cast<dnn::Index>(classes.size());
  return dnn::Dataset::from_bytes({data.bytes().begin(), data.bytes().end()}, data.features(),
                                  std::move(labels), count);
}

}  // namespace

Result<DataPair> load_data(const DataSource& source) {
  if (Outcome good = check(source); !good) return good.failure();
  if (source.dataset == "strokes") return load_strokes();
  try {
    return source.dataset == "idx" ? read_idx(source.path) : read_csv(source);
  } catch (const std::bad_alloc&) {
    return too_large(source);
  }
}

Result<DataPair> load_data(const Config& config) {
  const auto source = source_of(config);
  return source ? load_data(*source) : source.failure();
}

Result<dnn::Dataset> load_for_model(const InputDescription& model, dnn::Index inputs,
                                    const DataSource& source) {
  const std::string name = source.path.empty() ? source.dataset : source.path;
  const auto check_features = [&](dnn::Index features) -> Outcome {
    if (features == inputs) return Unit{};
    return data_failure(
        fmt::format("{}: samples of {} numbers, but the model has {} inputs: not the data set it was "
                    "trained on",
                    name, features, inputs));
  };
  if (source.dataset == "csv" && !source.path.empty()) try {
      auto table = read_csv_for(model, source);
      if (!table) return table;
      if (Outcome fits = check_features(table->features()); !fits) return fits.failure();
      return table;
    } catch (const std::bad_alloc&) {
      return too_large(source);
    }
  const auto data = load_data(source);
  if (!data) return data.failure();
  if (Outcome fits = check_features(data->test.features()); !fits) return fits.failure();
  auto test = with_classes(data->test, data->inputs.classes, model.classes, name);
  if (!test) return test;
  return standardised(*std::move(test), model);
}

Result<DataPair> write_dataset(const DataSource& source, const std::string& out_directory) {
  DataSource raw = source;
  // Bytes stay what they are, whatever they would be scaled by.
  if (raw.csv.scale == CsvOptions::Scale::kRecognised) raw.csv.scale = CsvOptions::Scale::kPixels;
  Result<DataPair> data = load_data(raw);
  if (!data) return data;
  if (Outcome written = write_idx(out_directory, data->train, data->test); !written) return written.failure();
  return data;
}

}  // namespace polydot::node
