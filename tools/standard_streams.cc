#include "tools/standard_streams.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string>

#include "tools/exit_code.h"

namespace polydot::tools {

namespace {

bool reader_is_gone(int error) {
  pollfd out{.fd = STDOUT_FILENO, .events = POLLOUT, .revents = 0};
  return error == EPIPE || (poll(&out, 1, 0) == 1 && (out.revents & POLLERR) != 0);
}

}  // namespace

void open_missing_streams() {
  for (const int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
    // The lowest free number is taken, and all below are open.
    if (fcntl(stream, F_GETFD) < 0) (void)open("/dev/null", stream == STDIN_FILENO ? O_RDONLY : O_WRONLY);
}

int settle_stdout(int exit_code) {
  errno = 0;
  const bool failed_now = std::fflush(stdout) != 0;
  const int error = failed_now ? errno : 0;  // of what failed before, nothing is known any more
  if ((!failed_now && std::ferror(stdout) == 0) || reader_is_gone(error)) return exit_code;
  const int code = report(data_failure("stdout cannot be written" +
                                       (error != 0 ? std::string(": ") + std::strerror(error) : "")));
  return exit_code == kExitDone ? code : exit_code;
}

}  // namespace polydot::tools
