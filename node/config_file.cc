// Writing a configuration: the text, and the file that is there whole or not at all.
#include <fcntl.h>
#include <unistd.h>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include <fmt/format.h>

#include "node/config_toml.h"
#include "node/config_values.h"

namespace polydot::node {
namespace {

// One entry a line, each with its index, so that a peer's endpoint can be found by eye.
std::string listed(const std::vector<std::string>& words, const std::string& inline_list) {
  if (words.size() < 2) return inline_list;
  Config one;
  std::string text = "[\n";
  for (std::size_t i = 0; i < words.size(); ++i) {
    one.local.out = words[i];
    text += fmt::format("  {},  # {}\n", toml_value(field_at("local.out"), one), i);
  }
  return text + "]";
}

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int fd() const { return fd_; }

 private:
  int fd_;
};

bool write_whole(const std::string& path, const std::string& text) {
  const Descriptor file(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666));
  if (file.fd() < 0) return false;
  std::size_t done = 0;
  while (done < text.size()) {
    const ssize_t count = ::write(file.fd(), text.data() + done, text.size() - done);
    if (count < 0 && errno != EINTR) return false;
    if (count > 0) done += static_cast<std::size_t>(count);
  }
  return ::fsync(file.fd()) == 0;
}

}  // namespace

std::string to_toml(const Config& config) {
  std::string text = "# polydot. [shared] must be equal at all peers; [local] is each process's own.\n";
  std::string_view table;
  for (const Field& field : fields()) {
    if (field.table != table) text += fmt::format("\n[{}]\n", table = field.table);
    std::string value = toml_value(field, config);
    Config copy = config;
    const Slot slot = field.slot(copy);
    if (const auto* words = std::get_if<std::vector<std::string>*>(&slot)) value = listed(**words, value);
    text += fmt::format("{} = {}  # {}\n", field.key, value, field.help);
  }
  return text;
}

Outcome save_config(const Config& config, const std::string& path, Existing existing) {
  const std::string temporary = fmt::format("{}.{}.tmp", path, ::getpid());
  const auto fail = [&](int error) {
    ::unlink(temporary.c_str());
    if (error == EEXIST)
      return usage_failure(fmt::format("{} exists: choose another name, or --force to replace it", path));
    return usage_failure(fmt::format("{} cannot be written: {}", path, std::strerror(error)));
  };
  if (!write_whole(temporary, to_toml(config))) return fail(errno);
  // link, unlike rename, refuses an existing name, without a moment in between.
  if (existing == Existing::kKeep) {
    if (::link(temporary.c_str(), path.c_str()) != 0) return fail(errno);
    ::unlink(temporary.c_str());
  } else if (::rename(temporary.c_str(), path.c_str()) != 0) {
    return fail(errno);
  }
  return Unit{};
}

}  // namespace polydot::node
