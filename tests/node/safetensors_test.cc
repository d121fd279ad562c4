#include "node/model/safetensors.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

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

// What the resident memory of a process grows by while it reads the file, in MiB; it is refused.
long memory_to_refuse(const std::string& path) {
  int answer[2];
  EXPECT_EQ(::pipe(answer), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    const auto most = [] {
      rusage use{};
      ::getrusage(RUSAGE_SELF, &use);
      return use.ru_maxrss / 1024;
    };
    const long before = most();
    const bool refused = !read_safetensors(path).ok();
    const long grown = refused ? most() - before : -1;
    (void)!::write(answer[1], &grown, sizeof grown);
    ::_exit(0);
  }
  long grown = -1;
  EXPECT_EQ(::read(answer[0], &grown, sizeof grown), static_cast<ssize_t>(sizeof grown));
  ::waitpid(child, nullptr, 0);
  ::close(answer[0]);
  ::close(answer[1]);
  return grown;
}

// The file has 4 MB, whatever its header asks for.
TEST(SafeTensors, AHeaderCannotAskForMuchMemory) {
  const ScratchFolder folder;
  constexpr std::size_t kHeader = 4 << 20, kData = 1 << 20;
  const auto repeated = [&](const std::string& begin, const std::string& part) {
    std::string text = begin;
    while (text.size() < kHeader) text += part;
    return text;
  };
  const std::string deep = repeated("", "["), deep_inside = repeated(R"({"a":)", R"({"a":)");
  const std::string wide = repeated(R"({"a":{"shape":[)", "1,"), lists = repeated("[", "[],");
  std::string names = R"({)";
  for (int n = 0; names.size() < kHeader; ++n) names += "\"" + std::to_string(n) + "\":0,";
  for (const std::string& header : {deep, deep_inside, wide, lists, names}) {
    SCOPED_TRACE(header.substr(0, 20));
    write_text(folder / "x", with_header(header, kData));
    const long grown = memory_to_refuse((folder / "x").string());
    EXPECT_GE(grown, 0) << "it was read";
    EXPECT_LE(grown, 48);
    write_text(folder / "x", with_header(header, 0));
    expect_data_failure(read_safetensors(folder / "x"), {"/x: ", "is no model"});
  }
}

// 64 Ki inputs, each with two numbers in the metadata, to one unit: the most header for the fewest data.
TEST(SafeTensors, TheHeaderOfAWideModelIsRead) {
  const ScratchFolder folder;
  SafeTensors file;
  constexpr std::uint64_t kInputs = 65'536;
  std::string numbers;
  for (std::uint64_t n = 0; n < kInputs; ++n) numbers += "0.10000000149011612,-0.10000000149011612,";
  file.metadata["standardisation"] = numbers;
  file.tensors["weight"] = {{1, kInputs}, std::vector<float>(kInputs, 1.0f)};
  ASSERT_TRUE(write_safetensors(folder / "x", file));
  const auto read = read_safetensors(folder / "x");
  ASSERT_TRUE(read) << read.failure().message;
  EXPECT_EQ(read->metadata, file.metadata);
}

}  // namespace
}  // namespace polydot::node
