#include "node/safetensors.h"

#include <gtest/gtest.h>

#include <cstring>

#include "tests/node/scratch_folder.h"

namespace polydot::node {
namespace {

SafeTensors sample() {
  SafeTensors file;
  file.metadata = {{"format", "polydot"}, {"quote", "\"{}\n"}};
  file.tensors["b"] = {{2, 3}, {1, 2, 3, 4, 5, 6}};
  file.tensors["a"] = {{1}, {-0.5f}};
  file.tensors["empty"] = {{0, 4}, {}};
  file.tensors["scalar"] = {{}, {7}};
  return file;
}

// A file with this header and so many bytes of data.
std::string with_header(const std::string& header, std::size_t data_bytes) {
  const std::uint64_t length = header.size();
  std::string bytes(8, '\0');
  std::memcpy(bytes.data(), &length, 8);
  return bytes + header + std::string(data_bytes, '\0');
}

TEST(SafeTensors, ReadsBackAsItWas) {
  const ScratchFolder folder;
  const SafeTensors written = sample();
  ASSERT_TRUE(write_safetensors(folder / "x", written));
  const auto read = read_safetensors(folder / "x");
  ASSERT_TRUE(read) << read.failure().message;
  EXPECT_EQ(read->metadata, written.metadata);
  ASSERT_EQ(read->tensors.size(), written.tensors.size());
  for (const auto& [name, tensor] : written.tensors) {
    EXPECT_EQ(read->tensors.at(name).shape, tensor.shape) << name;
    EXPECT_EQ(read->tensors.at(name).values, tensor.values) << name;
  }
  ASSERT_TRUE(write_safetensors(folder / "none", {}));
  EXPECT_TRUE(read_safetensors(folder / "none"));
}

TEST(SafeTensors, TheDataBeginAtAMultipleOfEight) {
  const ScratchFolder folder;
  ASSERT_TRUE(write_safetensors(folder / "x", sample()));
  const std::string bytes = read_text(folder / "x");
  std::uint64_t length = 0;
  std::memcpy(&length, bytes.data(), 8);
  EXPECT_EQ(length % 8, 0U);
  EXPECT_EQ(bytes[8], '{');
  EXPECT_EQ(bytes.size(), 8 + length + 8 * sizeof(float));
}

TEST(SafeTensors, WhatDoesNotFitIsRefused) {
  const ScratchFolder folder;
  const auto refused = [&](const std::string& bytes, std::string_view part) {
    SCOPED_TRACE(bytes);
    write_text(folder / "x", bytes);
    expect_data_failure(read_safetensors(folder / "x"), {"/x: ", part});
  };
  const auto tensor = [](const std::string& shape, const std::string& offsets) {
    return R"({"a":{"dtype":"F32","shape":)" + shape + R"(,"data_offsets":)" + offsets + "}}";
  };
  refused("", "cut short");
  refused("1234567", "cut short");
  refused(std::string(8, '\xff'), "cut short");
  refused(with_header("{", 0), "no JSON");
  refused(with_header("[]", 0), "no JSON");
  refused(with_header("{}", 4), "more data");
  refused(with_header(R"({"a":1})", 0), "needs dtype");
  refused(with_header(R"({"a":{"dtype":"F16","shape":[2],"data_offsets":[0,4]}})", 4), "dtype F32");
  refused(with_header(R"({"__metadata__":{"a":1}})", 0), "texts");
  refused(with_header(tensor("[1]", "[0,8]"), 8), "do not fit");
  refused(with_header(tensor("[2]", "[0,8]"), 4), "do not fit");
  refused(with_header(tensor("[1]", "[4,8]"), 8), "gaps");
  refused(with_header(tensor("[1]", "[8,4]"), 8), "do not fit");
  refused(with_header(tensor("[-1]", "[0,4]"), 4), "whole numbers");
  refused(with_header(tensor("[1.5]", "[0,4]"), 4), "whole numbers");
  refused(with_header(tensor("[1]", "[0]"), 4), "whole numbers");
  refused(with_header(tensor("[4294967296,4294967296]", "[0,0]"), 0), "do not fit");
  refused(with_header(tensor("[4611686018427387905]", "[0,4]"), 4), "do not fit");
  const std::string two = R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},)"
                          R"("b":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})";
  refused(with_header(two, 4), "overlap");
  expect_data_failure(read_safetensors(folder / "none"), {"none", "no such file"});
}

TEST(SafeTensors, EveryTornFileIsRefused) {
  const ScratchFolder folder;
  ASSERT_TRUE(write_safetensors(folder / "x", sample()));
  const std::string good = read_text(folder / "x");
  for (std::size_t size = 0; size < good.size(); ++size) {
    write_text(folder / "torn", good.substr(0, size));
    EXPECT_FALSE(read_safetensors(folder / "torn")) << size;
  }
}

}  // namespace
}  // namespace polydot::node
