// Text from elsewhere (a wire, a file, a command line) as it may go to a terminal or a log: one line in which
// nothing moves the cursor, changes the colour or the direction of writing, or hides.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace polydot::node {

inline constexpr std::size_t kMostPrinted = 2000;  // bytes of one line

// UTF-8 stays as it is; control characters (C0, DEL, C1), what changes the direction or the line, and bytes
// that are no UTF-8 are written as \n, \t, \xNN or \uNNNN. A backslash is itself: this is to be read, not
// read back. At most `most` bytes, and then how many bytes of the text are missing.
std::string printable(std::string_view text, std::size_t most = kMostPrinted);

// "polydot: TEXT" in one line on stderr.
void say(std::string_view text);

}  // namespace polydot::node
