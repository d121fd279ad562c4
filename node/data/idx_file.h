// The IDX format of MNIST and Fashion-MNIST: a training part and a test part in four files of one folder.
//
// Files     node/data/idx_names.h
// Format    images: 0x00000803, count, rows, columns as four big-endian 32-bit numbers, then a byte a pixel;
//           labels: 0x00000801, count, then a byte a label; also 0x00000B01 and 0x00000C01, with labels of
//           two and four bytes. Nothing follows. Each different label is a class, in the order of their
//           numbers
// Errors    FailureKind::kData, one line that names the file. What a header claims is checked against limits
//           and the length of the file before memory is taken for it
// Source    http://yann.lecun.com/exdb/mnist
#pragma once

#include <array>
#include <filesystem>

#include "codes/base/result.h"
#include "dnn/data/dataset.h"
#include "node/inputs/data_pair.h"

namespace polydot::node {

// path: a folder, or a folder and what the names in it begin with. Images of the two parts must be of one
// size.
Result<DataPair> read_idx(const std::filesystem::path& path);

// What write_idx writes.
inline constexpr std::array kIdxFileNames{"train-images-idx3-ubyte", "train-labels-idx1-ubyte",
                                          "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"};

// Writes the four files, plain, each whole or not at all, and makes the folder if need be. Both parts must
// hold bytes. Features that are no square number are written as images of one row.
Outcome write_idx(const std::filesystem::path& directory, const dnn::Dataset& train,
                  const dnn::Dataset& test);

}  // namespace polydot::node
