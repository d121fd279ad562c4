// The clocks that a profile of work is read from.
#pragma once

#include "codes/base/work_profile.h"

namespace polydot::node {

// Seconds; since when does not matter.
double thread_cpu_seconds();   // of the calling thread
double process_cpu_seconds();  // of all threads, in the kernel too
double wall_seconds();

// For codes::WorkProfile.
double work_clock(codes::Work work);

}  // namespace polydot::node
