// Where the four files of an IDX set are, as archives and their users name them.
//
// Names     [PREFIX-](train|t10k|test)-(images[-.]idx3|labels[-.]idx1)-ubyte[.gz]; plain before compressed.
//           EMNIST's sets have a prefix each: emnist-letters, ..
// Places    the folder itself, else the nearest in it, up to two deep, that holds all four: MNIST/raw; a file
// may
//           also be in a folder of its own name
#pragma once

#include <filesystem>

#include "codes/base/result.h"

namespace polydot::node {

struct IdxFiles {
  std::filesystem::path images, labels;
};
struct IdxSet {
  IdxFiles train, test;
};

// path: a folder that holds one set, or DIR/PREFIX. Failure: kData: no set, a file that is missing, or
// several sets, by name.
Result<IdxSet> find_idx_set(const std::filesystem::path& path);

}  // namespace polydot::node
