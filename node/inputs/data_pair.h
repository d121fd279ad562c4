// A training part and a test part that belong together.
#pragma once

#include <cstdint>
#include <string>

#include "codes/base/result.h"
#include "dnn/data/dataset.h"
#include "node/inputs/input_description.h"

namespace polydot::node {

// Both parts have the same features and classes, and are standardised as the training part asks for.
struct DataPair {
  dnn::Dataset train;
  dnn::Dataset test;
  InputDescription inputs;
  // Of the contents of both: peers whose digests differ would train on different data.
  std::uint64_t digest = 0;
  // In one line, for the user: rows, columns, label, classes, split, scaling. Empty: nothing was to be
  // understood.
  std::string understood;
};

// Of parts that are standardised by the training part's own mean and deviation. classes: their names; empty:
// "0", "1", ..
DataPair make_data_pair(dnn::Dataset train, dnn::Dataset test, std::vector<std::string> classes = {});

// "26 classes (a 120, b 97, ..)": how many samples each class has in both parts, and which are never trained.
std::string text_of_classes(const DataPair& data);
// Failure: kData, no label of the test part is one of the training part.
Outcome check_classes(const DataPair& data, const std::string& test);
std::vector<std::string> numbered_classes(dnn::Index count);

}  // namespace polydot::node
