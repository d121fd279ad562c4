// Compiled for the oldest processor of the architecture (CMakeLists.txt), whatever the rest is compiled for.
#include "tools/processor_check.h"

#include <unistd.h>

namespace polydot::tools {
namespace {

constexpr int kUsageExitCode = 2;

unsigned append(const char* text, char* line, unsigned length, unsigned size_bytes) {
  while (*text != '\0' && length + 1 < size_bytes) line[length++] = *text++;
  return length;
}

// Runs before the constructors of every other unit.
__attribute__((constructor(101))) void refuse_a_processor_that_lacks_instructions() {
  const InstructionSet missing = missing_instructions(kRequiredInstructions, supported_instructions());
  if (missing == 0) return;
  char line[640];
  const unsigned length = describe_missing(missing, line, sizeof(line));
  // Nothing better can be done if even this fails.
  [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, line, length);
  ::_exit(kUsageExitCode);
}

}  // namespace

InstructionSet supported_instructions() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_cpu_init();
  InstructionSet supported = 0;
#define POLYDOT_SUPPORTS(name, text) \
  if (__builtin_cpu_supports(text)) supported |= InstructionSet{1} << name;
  POLYDOT_INSTRUCTIONS(POLYDOT_SUPPORTS)
#undef POLYDOT_SUPPORTS
  return supported;
#else
  return ~InstructionSet{0};
#endif
}

unsigned describe_missing(InstructionSet missing, char* line, unsigned size_bytes) {
  // The end of the line must fit however many names there are.
  constexpr char kEnd[] = "; build it on this machine, or for an older POLYDOT_ARCH\n";
  const unsigned body_bytes =
      size_bytes > sizeof(kEnd) ? size_bytes - static_cast<unsigned>(sizeof(kEnd)) + 1 : 1;
  unsigned length = append(
      "polydot: this processor lacks instructions that the program was built with:", line, 0, body_bytes);
  for (int i = 0; i < kInstructionCount; ++i) {
    if ((missing >> i & 1) == 0) continue;
    length = append(" ", line, length, body_bytes);
    length = append(kInstructionNames[i], line, length, body_bytes);
  }
  length = append(kEnd, line, length, size_bytes);
  line[length] = '\0';
  return length;
}

}  // namespace polydot::tools
