#include "tools/options_parser.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "node/config/config_toml.h"
#include "node/config/config_values.h"
#include "node/text/config_words.h"
#include "tools/exit_code.h"

namespace polydot::tools {
namespace {

constexpr std::size_t kHelpColumn = 26;

// A line an option: flag, placeholder, meaning with its default.
class CompactFormatter : public CLI::Formatter {
 public:
  explicit CompactFormatter(std::string usage) : usage_(std::move(usage)) { column_width(kHelpColumn); }
  std::string make_usage(const CLI::App*, std::string) const override {
    return "Usage: polydot " + usage_ + "\n";
  }
  // Headings are enough to tell the groups apart; blank lines would cost the screen.
  std::string make_group(std::string group, bool positional,
                         std::vector<const CLI::Option*> options) const override {
    const std::string text = CLI::Formatter::make_group(std::move(group), positional, std::move(options));
    return text.substr(text.find_first_not_of('\n'));
  }
  std::string make_option_opts(const CLI::Option* option) const override {
    return option->get_type_name().empty() ? "" : " " + option->get_type_name();
  }

 private:
  std::string usage_;
};

std::string group_of(const node::Field& field) {
  if (field.table == "shared.cluster" || field.table == "shared.code") return "Cluster and code";
  if (field.table == "shared.data" || field.table == "shared.network") return "Data and network";
  if (field.table == "shared.training") return "Training";
  return "This process";
}

std::string help_of(const node::Field& field) {
  const std::string value = node::text_value(field, node::Config{});
  const bool telling = !field.placeholder.empty() && value != "none";
  return telling ? fmt::format("{} [{}]", field.help, value) : std::string(field.help);
}

std::string_view without_dashes(std::string_view flag) {
  return flag.substr(std::min(flag.find_first_not_of('-'), flag.size()));
}

}  // namespace

OptionsParser::OptionsParser(const std::string& usage, const std::string& summary, const std::string& footer)
    : app_(std::make_unique<CLI::App>(summary)) {
  app_->formatter(std::make_shared<CompactFormatter>(usage));
  app_->set_help_flag("-h,--help", "this text");
  app_->allow_extras();
  app_->footer(footer + (footer.empty() ? "" : "\n\n") + std::string(kExitCodesHelp));
}

OptionsParser::~OptionsParser() = default;

std::string OptionsParser::help() const { return app_->help(); }

void OptionsParser::add_text(const std::string& flag, std::string& value, const std::string& placeholder,
                             const std::string& help) {
  app_->add_option(flag, value, help)
      ->type_name(placeholder)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
}

void OptionsParser::add_switch(const std::string& flag, bool& value, const std::string& help) {
  app_->add_flag(flag, value, help);
}

void OptionsParser::add_words(const std::string& name, std::vector<std::string>& values,
                              const std::string& help) {
  app_->add_option(name, values, help)->type_name("");
}

void OptionsParser::hide(const std::string& flag) { app_->get_option(flag)->group(""); }

void OptionsParser::add_fields(const std::function<bool(const node::Field&)>& wanted) {
  for (const node::Field& field : node::fields()) {
    if (field.flag.empty() || !wanted(field)) continue;
    const std::string flag(field.flag);
    CLI::Option* option = field.placeholder.empty() ? app_->add_flag(flag) : app_->add_option(flag);
    option->description(help_of(field))->group(group_of(field));
    if (field.placeholder.empty()) {
      option->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
    } else {
      node::Config config;
      const bool repeats = std::holds_alternative<std::vector<std::string>*>(field.slot(config));
      option->type_name(std::string(field.placeholder))->type_size(1)->expected(1);
      option->multi_option_policy(repeats ? CLI::MultiOptionPolicy::TakeAll
                                          : CLI::MultiOptionPolicy::TakeLast);
      if (repeats) option->expected(1, CLI::detail::expected_max_vector_size)->allow_extra_args(false);
    }
    fields_.emplace_back(&field, option);
  }
}

Result<std::optional<std::string>> OptionsParser::parse(std::vector<std::string> arguments) {
  std::reverse(arguments.begin(), arguments.end());  // CLI11 takes them from the back
  try {
    app_->parse(std::move(arguments));
  } catch (const CLI::CallForHelp&) {
    return std::optional(app_->help());
  } catch (const CLI::ArgumentMismatch& error) {
    const std::string_view message = error.what();
    return usage_failure(fmt::format("{} needs a value", message.substr(0, message.find(':'))));
  } catch (const CLI::ParseError& error) {
    return usage_failure(error.what());
  }
  // CLI11 takes `--lr --momentum` for the value "--momentum".
  for (const CLI::Option* option : app_->get_options())
    for (const std::string& text : option->results())
      if (text.starts_with("--") || (text.empty() && option->get_name() != "--hidden"))
        return usage_failure(fmt::format("{} needs a value", option->get_name()));
  if (const Outcome extras = check_extras(); !extras) return extras.failure();
  return std::optional<std::string>();
}

Outcome OptionsParser::check_extras() const {
  const std::vector<std::string> extras = app_->remaining();
  if (extras.empty()) return Unit{};
  const std::string& extra = extras.front();
  if (!extra.starts_with('-')) return usage_failure(fmt::format("unexpected argument '{}'", extra));
  const std::string unknown = extra.substr(0, extra.find('='));
  std::vector<std::string> names;
  for (const CLI::Option* option : app_->get_options())
    if (!option->get_group().empty() && !option->get_lnames().empty())
      names.push_back(option->get_lnames().front());
  const std::vector<std::string_view> candidates(names.begin(), names.end());
  return usage_failure(fmt::format("no flag {}; nearest: --{}", unknown,
                                   node::nearest_word(without_dashes(unknown), candidates)));
}

Outcome OptionsParser::apply_fields(node::ConfigDraft& draft) const {
  for (const auto& [field, option] : fields_) {
    if (option->count() == 0) continue;
    Outcome set = node::set_flag(*field, option->results(), draft);
    if (!set) return set;
  }
  return Unit{};
}

Result<node::Config> layered(const std::string& config_path, const OptionsParser& parser) {
  node::ConfigDraft draft;
  if (!config_path.empty()) {
    if (const Outcome read = node::read_config_file(config_path, draft); !read) return read.failure();
  }
  if (const Outcome flags = parser.apply_fields(draft); !flags) return flags.failure();
  return node::settle(draft);
}

Result<node::Config> layered_and_valid(const std::string& config_path, const OptionsParser& parser) {
  Result<node::Config> config = layered(config_path, parser);
  if (!config) return config;
  if (const Outcome valid = node::validate(*config); !valid) return valid.failure();
  return config;
}

Result<std::int64_t> in_range(const std::string& flag, const std::string& text, std::int64_t fallback,
                              std::int64_t min, std::int64_t max) {
  if (text.empty()) return fallback;
  std::int64_t number = 0;
  const char* const last = text.data() + text.size();
  const auto [end, error] = std::from_chars(text.data(), last, number);
  if (error == std::errc{} && end == last && number >= min && number <= max) return number;
  return usage_failure(fmt::format("{} = {}: must be a whole number from {} to {}", flag, text, min, max));
}

}  // namespace polydot::tools
