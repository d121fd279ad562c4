// The features of a table as inputs of a network: each column by its own mean and deviation, in double, or
// all columns by one, where they are pixels.
#pragma once

#include <cstdint>
#include <string>

#include "dnn/data/dataset.h"
#include "node/inputs/input_description.h"
#include "node/tables/csv_part.h"

namespace polydot::node {

// Inputs further from 0 than this many deviations are bounded: what is hardly ever there has a huge one, and
// would rule the training.
inline constexpr double kMostDeviations = 32.0;

// All features of both parts are whole numbers 0..255, there are at least 64, and of those that are not
// constant at least half reach half of the greatest number.
bool are_pixels(const CsvPart& train, const CsvPart& test);

// mean, deviation and limit of `inputs`, from the training part: of each column, or one for all.
void describe_columns(const CsvPart& train, InputDescription& inputs);
void describe_pixels(const CsvPart& train, InputDescription& inputs);
// The part as the network sees it; the bytes themselves where all are bytes, and scaled by one mean.
dnn::Dataset dataset_of(const CsvPart& part, const InputDescription& inputs);

// Of raw numbers, labels and shape; the same on every processor.
std::uint64_t digest_of(const CsvPart& part);

// "7 features (4 of decimals, 2 of whole numbers, 1 constant), each scaled by its own mean and deviation,
// largest input 8.2"
std::string text_of_scaling(const CsvPart& train, const CsvPart& test, const InputDescription& inputs,
                            bool pixels);

}  // namespace polydot::node
