// Assertions that are always on. A broken invariant ends the process at once, with both values printed: a
// dead peer costs the others one erasure, a wrong answer costs more.
#pragma once

#include <cstdlib>
#include <iostream>

namespace polydot::codes::internal {

template <typename A, typename B>
[[noreturn]] void check_failed(const char* file, int line, const char* text, const A& a, const B& b) {
  std::cerr << file << ":" << line << ": broken invariant " << text << ": " << a << " against " << b
            << std::endl;
  std::abort();
}

}  // namespace polydot::codes::internal

#define POLYDOT_CHECK_OP(a, op, b)                                                                           \
  do {                                                                                                       \
    const auto& polydot_a = (a);                                                                             \
    const auto& polydot_b = (b);                                                                             \
    if (!(polydot_a op polydot_b))                                                                           \
      ::polydot::codes::internal::check_failed(__FILE__, __LINE__, #a " " #op " " #b, polydot_a, polydot_b); \
  } while (false)

#define POLYDOT_CHECK_EQ(a, b) POLYDOT_CHECK_OP(a, ==, b)
#define POLYDOT_CHECK_LE(a, b) POLYDOT_CHECK_OP(a, <=, b)
#define POLYDOT_CHECK_GE(a, b) POLYDOT_CHECK_OP(a, >=, b)
#define POLYDOT_CHECK_LT(a, b) POLYDOT_CHECK_OP(a, <, b)
#define POLYDOT_CHECK(condition) POLYDOT_CHECK_OP(static_cast<bool>(condition), ==, true)
