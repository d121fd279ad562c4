// Refuses to run on a processor that lacks the instructions this program was compiled with, before any of
// them is executed: a line and exit code 2 instead of a crash.
//
// Everything here is plain data and built-ins. An inline function of the standard library might be the copy
// that another unit compiled for the newer processor.
#pragma once

#include <cstdint>

namespace polydot::tools {

// Sets of instructions, one bit each, in the order of this list. The names are the compiler's.
using InstructionSet = std::uint64_t;

// clang-format off
#define POLYDOT_INSTRUCTIONS(X)                                                                             \
  X(kSse3, "sse3") X(kSsse3, "ssse3") X(kSse41, "sse4.1") X(kSse42, "sse4.2") X(kPopcnt, "popcnt")          \
  X(kLzcnt, "lzcnt") X(kMovbe, "movbe") X(kAdx, "adx") X(kAes, "aes") X(kPclmul, "pclmul")                  \
  X(kAvx, "avx") X(kF16c, "f16c") X(kFma, "fma") X(kBmi, "bmi") X(kBmi2, "bmi2") X(kAvx2, "avx2")           \
  X(kAvxVnni, "avxvnni") X(kGfni, "gfni") X(kVaes, "vaes") X(kVpclmulqdq, "vpclmulqdq")                     \
  X(kFma4, "fma4") X(kXop, "xop") X(kSse4a, "sse4a") X(kAvx512f, "avx512f") X(kAvx512cd, "avx512cd")        \
  X(kAvx512bw, "avx512bw") X(kAvx512dq, "avx512dq") X(kAvx512vl, "avx512vl") X(kAvx512er, "avx512er")       \
  X(kAvx512ifma, "avx512ifma") X(kAvx512vbmi, "avx512vbmi") X(kAvx512vbmi2, "avx512vbmi2")                  \
  X(kAvx512vnni, "avx512vnni") X(kAvx512bitalg, "avx512bitalg") X(kAvx512vpopcntdq, "avx512vpopcntdq")      \
  X(kAvx512bf16, "avx512bf16") X(kAvx512fp16, "avx512fp16")
// clang-format on

#define POLYDOT_ENUMERATOR(name, text) name,
enum Instruction : int { POLYDOT_INSTRUCTIONS(POLYDOT_ENUMERATOR) kInstructionCount };
#undef POLYDOT_ENUMERATOR

#define POLYDOT_TEXT(name, text) text,
inline constexpr const char* kInstructionNames[] = {POLYDOT_INSTRUCTIONS(POLYDOT_TEXT)};
#undef POLYDOT_TEXT
static_assert(kInstructionCount <= 64);

// What the rest of the program was compiled for (required_instructions.cc). Initialised without code.
extern const InstructionSet kRequiredInstructions;

// What this processor has and the system lets it use. Everything on processors that are not x86.
InstructionSet supported_instructions();

constexpr InstructionSet missing_instructions(InstructionSet required, InstructionSet supported) {
  return required & ~supported;
}

// Writes the line that names the `missing` ones into `line` (cut to `size_bytes`, zero included); returns its
// length. Precondition: size_bytes >= 1.
unsigned describe_missing(InstructionSet missing, char* line, unsigned size_bytes);

}  // namespace polydot::tools
