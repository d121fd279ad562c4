#include "node/inputs/data_pair.h"

#include <bit>
#include <utility>

#include <fmt/format.h>

#include "codes/base/check.h"
#include "node/text/printable.h"

namespace polydot::node {

std::vector<std::string> numbered_classes(dnn::Index count) {
  std::vector<std::string> names;
  for (dnn::Index c = 0; c < count; ++c) names.push_back(std::to_string(c));
  return names;
}

DataPair make_data_pair(dnn::Dataset train, dnn::Dataset test, std::vector<std::string> classes) {
  POLYDOT_CHECK_EQ(train.features(), test.features());
  POLYDOT_CHECK_EQ(train.classes(), test.classes());
  test.set_standardisation(train.standardisation());
  const std::uint64_t digest = std::rotl(train.digest(), 1) ^ test.digest();
  InputDescription inputs;
  inputs.mean = train.standardisation().mean.cast<double>();
  inputs.deviation = train.standardisation().deviation.cast<double>();
  inputs.classes = classes.empty() ? numbered_classes(train.classes()) : std::move(classes);
  return {std::move(train), std::move(test), std::move(inputs), digest, ""};
}

Outcome check_classes(const DataPair& data, const std::string& test) {
  std::vector<bool> known(data.inputs.classes.size());
  for (const dnn::Label label : data.train.labels()) known[label] = true;
  for (const dnn::Label label : data.test.labels())
    if (known[label]) return Unit{};
  return data_failure(
      fmt::format("{}: none of its labels is one of the training part: written in another way?", test));
}

std::string text_of_classes(const DataPair& data) {
  constexpr std::size_t kShown = 12, kNameBytes = 40;
  const std::vector<std::string>& names = data.inputs.classes;
  std::vector<std::size_t> train(names.size()), test(names.size());
  for (const dnn::Label label : data.train.labels()) ++train[label];
  for (const dnn::Label label : data.test.labels()) ++test[label];
  std::string text, never;
  for (std::size_t c = 0; c < names.size(); ++c) {
    const std::string name = printable(names[c], kNameBytes);
    if (c < kShown) text += fmt::format("{}{} {}", c == 0 ? "" : ", ", name, train[c] + test[c]);
    if (train[c] == 0) never += (never.empty() ? "" : ", ") + name;
  }
  if (names.size() > kShown) text += ", ..";
  if (!never.empty()) text += ", never in the training part: " + printable(never, 10 * kNameBytes);
  return fmt::format("{} classes ({})", names.size(), text);
}

}  // namespace polydot::node
