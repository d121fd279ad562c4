// What the planner found, as text for people.
#pragma once

#include <string>

#include "tools/options.h"
#include "tools/plan_model.h"
#include "tools/plan_search.h"

namespace polydot::tools {

// What a plan is judged on. rates: as measured, read or built in.
Hardware hardware_of(const PlanRequest& request, const Calibration& rates);
Workload workload_of(const PlanRequest& request);

// source: where the rates come from.
std::string text_of(const Ranking& ranking, const PlanRequest& request, const Hardware& hardware,
                    const std::string& source);

// The time of one plan that somebody named.
std::string text_of(const Prediction& cost, const Prediction& alone, const PlanRequest& request,
                    const Hardware& hardware, const std::string& source);

}  // namespace polydot::tools
