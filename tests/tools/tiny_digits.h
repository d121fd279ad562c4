// A data set that is loaded and learned at once: 8x8 pixels, ten classes, IDX.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "tests/tools/process.h"

namespace polydot::tools {

inline constexpr std::uint32_t kTinySide = 8, kTinyTrainCount = 320, kTinyTestCount = 100;

inline std::string big_endian(std::uint32_t number) {
  std::string bytes;
  for (const int shift : {24, 16, 8, 0}) bytes.push_back(static_cast<char>(number >> shift & 0xff));
  return bytes;
}

inline std::string tiny_labels(std::uint32_t count) {
  std::string bytes = big_endian(0x801) + big_endian(count);
  for (std::uint32_t i = 0; i < count; ++i) bytes.push_back(static_cast<char>(i % 10));
  return bytes;
}

// Each class is bright in places of its own; the rest is noise.
inline std::string tiny_images(std::uint32_t count, std::uint32_t noise) {
  std::string bytes = big_endian(0x803) + big_endian(count) + big_endian(kTinySide) + big_endian(kTinySide);
  for (std::uint32_t i = 0; i < count; ++i)
    for (std::uint32_t pixel = 0; pixel < kTinySide * kTinySide; ++pixel) {
      noise = noise * 1664525 + 1013904223;
      const std::uint32_t bright = pixel % 10 == i % 10 ? 100 : 0;
      bytes.push_back(static_cast<char>(bright + (noise >> 24) / 2));
    }
  return bytes;
}

// The folder, for --data.
inline std::string write_tiny_digits(const Scratch& scratch, std::uint32_t seed = 1) {
  const std::string folder = scratch / ("tiny-" + std::to_string(seed));
  std::filesystem::create_directories(folder);
  write_file(folder + "/train-images-idx3-ubyte", tiny_images(kTinyTrainCount, seed));
  write_file(folder + "/train-labels-idx1-ubyte", tiny_labels(kTinyTrainCount));
  write_file(folder + "/t10k-images-idx3-ubyte", tiny_images(kTinyTestCount, seed + 1000));
  write_file(folder + "/t10k-labels-idx1-ubyte", tiny_labels(kTinyTestCount));
  return folder;
}

// The smallest run: flags of train and init.
inline Words tiny_network(const std::string& data) {
  return {"--dataset", "idx", "--data", data, "--hidden", "16", "--batch", "32"};
}

}  // namespace polydot::tools
