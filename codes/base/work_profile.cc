#include "codes/base/work_profile.h"

#include <utility>

namespace polydot::codes {

namespace {
thread_local WorkProfile* t_profile = nullptr;
}

const char* name_of(Work work) {
  static constexpr std::array<const char*, kWorkKinds> kNames{
      "encode", "product", "decode", "check", "activation", "update", "receive", "send", "other", "idle"};
  return kNames[static_cast<std::size_t>(work)];
}

Work WorkProfile::enter(Work next) {
  const double now = clock_(now_);
  seconds_[static_cast<std::size_t>(now_)] += now - since_;
  since_ = (next == Work::kIdle) == (now_ == Work::kIdle) ? now : clock_(next);
  return std::exchange(now_, next);
}

WorkProfile::Seconds WorkProfile::take() {
  enter(now_);
  return std::exchange(seconds_, {});
}

WorkListener::WorkListener(WorkProfile& profile) : before_(std::exchange(t_profile, &profile)) {}
WorkListener::~WorkListener() { t_profile = before_; }

WorkScope::WorkScope(Work work) : profile_(t_profile) {
  if (profile_ != nullptr) before_ = profile_->enter(work);
}
WorkScope::~WorkScope() {
  if (profile_ != nullptr) profile_->enter(before_);
}

}  // namespace polydot::codes
