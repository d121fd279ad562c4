// The signals that end a run after the step at hand, with a checkpoint, and the second of them at once: those
// of terminals (HUP, INT, QUIT), of supervisors (TERM), and the warnings of batch systems (USR1, USR2).
#pragma once

namespace polydot::node {

// From now on they come to `handler`; HUP not where it was ignored at the start (nohup). Nor does a reader of
// stdout or stderr that goes away end the process, or a file that may not grow (ulimit -f).
// sender: the process that sent it, 0: the system (a terminal).
void catch_stop_signals(void (*handler)(int signal, int sender));
// Only the latter.
void survive_lost_readers();
// They end the process again.
void release_stop_signals();

}  // namespace polydot::node
