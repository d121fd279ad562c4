// The codes that the tests of dnn/ run: every factory, m or n of 1, m != n, batch groups, many peers.
#pragma once

#include <iostream>
#include <string>
#include <utility>
#include <vector>

#include "codes/families/factories.h"

namespace polydot::dnn::testing {

struct CodeChoice {
  const char* name;
  codes::Grid grid;
  Index peers;
};

inline const std::vector<CodeChoice> kCodeChoices = {
    {"polydot", {2, 2, 1}, 10},    {"polydot", {3, 2, 1}, 13}, {"polydot", {2, 3, 2}, 19},
    {"polydot", {1, 3, 1}, 8},     {"polydot", {3, 1, 1}, 8},  {"polydot", {3, 3, 1}, 20},
    {"monomial", {2, 2, 1}, 9},    {"mds", {2, 2, 1}, 7},      {"mds", {3, 2, 1}, 8},
    {"replication", {2, 2, 1}, 8}, {"uncoded", {2, 3, 1}, 6},
};

inline codes::ProductCode make(const CodeChoice& choice) {
  Result<codes::ProductCode> code = codes::make_code(choice.name, choice.grid, choice.peers);
  if (!code.ok()) std::cerr << code.failure().message << std::endl;
  return std::move(code).value();
}

inline std::string label(const CodeChoice& choice) {
  return std::string(choice.name) + "_" + std::to_string(choice.grid.m) + "x" +
         std::to_string(choice.grid.n) + "x" + std::to_string(choice.grid.d) + "_of_" +
         std::to_string(choice.peers);
}

// For GoogleTest's messages.
inline void PrintTo(const CodeChoice& choice, std::ostream* out) { *out << label(choice); }

}  // namespace polydot::dnn::testing
