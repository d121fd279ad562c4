// What the launcher does while the peers of a run work: it passes on signals, shows progress, and sees who
// ends. It computes nothing for them, and writes nothing into the run.
#pragma once

#include <optional>

#include "tools/launcher.h"
#include "tools/options.h"
#include "tools/progress.h"
#include "tools/run_folder.h"

namespace polydot::tools {

// From now on the stop signals (node/system/stop_signals.h) end the run, not this process.
void catch_run_signals();
// They end this process again.
void release_run_signals();
// The last that came.
std::optional<int> caught_run_signal();

enum class Followed {
  kEnded,     // every peer has ended
  kDetached,  // every peer trains or has ended, and the request is to leave them alone then
  kTooFew,    // so many ended before the first step that the others could not begin: they were ended
};

// needed: peers without whom nothing can begin. The first signal is passed on, the second kills.
Followed follow_run(Launcher& launcher, Progress& progress, const TrainRequest& request,
                    const RunFolder& folder, int needed);

}  // namespace polydot::tools
