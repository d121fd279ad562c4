// One command's flags, on top of CLI11: schema fields as flags, compact help, and unknown flags that name the
// nearest right one. Nothing that CLI11 throws leaves this class.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "codes/base/result.h"
#include "node/config/config_draft.h"
#include "node/config/config_schema.h"

// Its headers take the compiler five seconds: only options_parser.cc includes them.
namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace polydot::tools {

class OptionsParser {
 public:
  // `usage` follows "polydot" in the help's first line; `footer` holds the examples.
  OptionsParser(const std::string& usage, const std::string& summary, const std::string& footer);
  OptionsParser(const OptionsParser&) = delete;
  OptionsParser& operator=(const OptionsParser&) = delete;
  ~OptionsParser();

  void add_text(const std::string& flag, std::string& value, const std::string& placeholder,
                const std::string& help);
  void add_switch(const std::string& flag, bool& value, const std::string& help);
  // What is given without a flag, any number of words.
  void add_words(const std::string& name, std::vector<std::string>& values, const std::string& help);
  // Taken, but not part of the help.
  void hide(const std::string& flag);
  // The flag of every field that is `wanted` and has one.
  void add_fields(const std::function<bool(const node::Field&)>& wanted);

  // Help, if it was asked for; then nothing else counts.
  Result<std::optional<std::string>> parse(std::vector<std::string> arguments);
  // After parse: the flags given, on top of what the draft has.
  Outcome apply_fields(node::ConfigDraft& draft) const;
  std::string help() const;

 private:
  Outcome check_extras() const;

  std::unique_ptr<CLI::App> app_;
  std::vector<std::pair<const node::Field*, CLI::Option*>> fields_;
};

// Defaults, then the file unless its path is empty, then the flags; settled, not yet validated.
Result<node::Config> layered(const std::string& config_path, const OptionsParser& parser);
Result<node::Config> layered_and_valid(const std::string& config_path, const OptionsParser& parser);

// The number that a flag was given; `fallback` when it was not.
Result<std::int64_t> in_range(const std::string& flag, const std::string& text, std::int64_t fallback,
                              std::int64_t min, std::int64_t max);

}  // namespace polydot::tools
