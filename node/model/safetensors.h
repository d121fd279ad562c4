// Named float32 tensors and text in one file, as other programs read them: the safetensors format.
//
// Format    8 bytes: length N of the header, little-endian; N bytes of JSON, padded with blanks: a tensor's
//           name to {"dtype":"F32","shape":[..],"data_offsets":[begin,end]}, and "__metadata__" to texts by
//           name; then the data, row-major, without gaps. https://huggingface.co/docs/safetensors
// Limits    only F32; a header of at most 100 MB, as the format says; to be read, of at most 1 MiB and 16
// bytes for
//           each byte of data, without lists in lists, with at most 100,000 values
// Errors    kData, one line that begins with the file. Reading holds every size against the file's before it
//           takes memory for it
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "codes/base/result.h"

namespace polydot::node {

struct Tensor {
  std::vector<std::uint64_t> shape;
  std::vector<float> values;  // row-major
};

struct SafeTensors {
  std::map<std::string, std::string> metadata;
  std::map<std::string, Tensor> tensors;
};

// Writes the whole file or nothing. Precondition: shapes and numbers of values agree.
Outcome write_safetensors(const std::filesystem::path& path, const SafeTensors& contents);
Result<SafeTensors> read_safetensors(const std::filesystem::path& path);

}  // namespace polydot::node
