#include "node/system/stop_signals.h"

#include <array>
#include <csignal>

namespace polydot::node {

namespace {

constexpr std::array kStopSignals{SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2};

void (*g_handler)(int signal, int sender) = nullptr;

void on_signal(int signal, siginfo_t* info, void* /*context*/) {
  g_handler(signal, info->si_code <= 0 ? static_cast<int>(info->si_pid) : 0);
}

void set_action(const struct sigaction& action) {
  for (const int signal : kStopSignals) {
    struct sigaction before {};
    sigaction(signal, nullptr, &before);
    // INT and QUIT are ignored in what a script starts with &; who sends them to such a process means it.
    const bool ignored = (before.sa_flags & SA_SIGINFO) == 0 && before.sa_handler == SIG_IGN;
    if (signal == SIGHUP && ignored) continue;
    sigaction(signal, &action, nullptr);
  }
}

}  // namespace

void catch_stop_signals(void (*handler)(int signal, int sender)) {
  g_handler = handler;
  struct sigaction action {};
  action.sa_sigaction = on_signal;
  action.sa_flags = SA_SIGINFO;
  set_action(action);
  survive_lost_readers();
}

// The call that fails says so.
void survive_lost_readers() {
  for (const int signal : {SIGPIPE, SIGXFSZ}) std::signal(signal, SIG_IGN);
}

void release_stop_signals() {
  struct sigaction action {};
  action.sa_handler = SIG_DFL;
  set_action(action);
}

}  // namespace polydot::node
