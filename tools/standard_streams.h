// stdin, stdout and stderr as the program needs them, whatever it was started with.
#pragma once

namespace polydot::tools {

// Supervisors and cron start programs with some of them closed; then the first files and sockets to be opened
// would get their numbers, and what is printed would end up there. Those that are closed become /dev/null.
// Call first of all.
void open_missing_streams();

// Writes what is left of stdout; call last. exit_code: of the command. Returns it, or that of
// FailureKind::kData with a line on stderr if the command was done and not all of its output could be
// written. A reader that went away has seen what it wanted: no failure.
int settle_stdout(int exit_code);

}  // namespace polydot::tools
