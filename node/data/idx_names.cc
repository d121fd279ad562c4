#include "node/data/idx_names.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "node/files/data_files.h"

namespace polydot::node {
namespace {

namespace fs = std::filesystem;

constexpr int kDeepest = 2;
constexpr std::size_t kMostEntries = 1'000'000;  // a second's work

struct Named {
  std::string prefix;
  bool train = false, images = false, compressed = false;
};

// [PREFIX-](train|t10k|test)-(images-idx3|labels-idx1)-ubyte[.gz]; a point instead of the "-" before idx.
std::optional<Named> parse_name(std::string_view name) {
  Named named;
  const auto take_end = [&](std::string_view end) {
    const bool there = name.ends_with(end);
    if (there) name.remove_suffix(end.size());
    return there;
  };
  named.compressed = take_end(".gz");
  named.images = take_end("-images-idx3-ubyte") || take_end("-images.idx3-ubyte");
  if (!named.images && !take_end("-labels-idx1-ubyte") && !take_end("-labels.idx1-ubyte"))
    return std::nullopt;
  named.train = take_end("train");
  if (!named.train && !take_end("t10k") && !take_end("test")) return std::nullopt;
  if (name.empty()) return named;
  if (name.size() < 2 || (name.back() != '-' && name.back() != '_')) return std::nullopt;
  named.prefix = name.substr(0, name.size() - 1);
  return named;
}

struct Found {
  Named named;
  fs::path path;
  int depth = 0;
};

// Failure: kData, it is no folder of a data set.
Result<std::vector<Found>> find_in(const fs::path& folder) {
  std::vector<Found> found;
  std::error_code error;
  std::size_t seen = 0;
  const auto options = fs::directory_options::skip_permission_denied;
  for (auto entry = fs::recursive_directory_iterator(folder, options, error);
       !error && entry != fs::recursive_directory_iterator(); entry.increment(error), ++seen) {
    if (seen >= kMostEntries)
      return file_failure(folder, "holds more than {} files: give the folder of the data set itself",
                          kMostEntries);
    std::error_code ignored;
    if (entry.depth() >= kDeepest) entry.disable_recursion_pending();
    const auto named = parse_name(entry->path().filename().string());
    if (named && entry->is_regular_file(ignored)) found.push_back({*named, entry->path(), entry.depth()});
  }
  return found;
}

// Where a file belongs: its folder, or that around it if it has the file's own name, as some archives unpack.
fs::path home_of(const Found& one) {
  const fs::path folder = one.path.parent_path();
  return folder.filename() == one.path.filename() ? folder.parent_path() : folder;
}

// Of one kind in one place, plain before compressed. Failure: there is none.
Result<fs::path> choose(const std::vector<Found>& there, const fs::path& home, const std::string& prefix,
                        bool train, bool images) {
  const Found* best = nullptr;
  for (const Found& one : there)
    if (one.named.train == train && one.named.images == images &&
        (best == nullptr || one.named.compressed < best->named.compressed))
      best = &one;
  if (best != nullptr) return best->path;
  const std::string name = fmt::format("{}{}{}-{}-ubyte", prefix, prefix.empty() ? "" : "-",
                                       train ? "train" : "t10k", images ? "images-idx3" : "labels-idx1");
  return file_failure(home, "no {} or {}.gz in this folder: fetch it", name, name);
}

Result<IdxSet> set_in(const std::vector<Found>& there, const fs::path& home, const std::string& prefix) {
  IdxSet set;
  for (const auto& [file, train, images] : {std::tuple{&set.train.images, true, true},
                                            {&set.train.labels, true, false},
                                            {&set.test.images, false, true},
                                            {&set.test.labels, false, false}}) {
    auto path = choose(there, home, prefix, train, images);
    if (!path) return path.failure();
    *file = *std::move(path);
  }
  return set;
}

// The one set that is there: all four files in one place, the nearest. prefix: only sets that begin so.
Result<IdxSet> only_set(const std::vector<Found>& all, const fs::path& folder,
                        const std::optional<std::string>& prefix) {
  std::map<std::pair<fs::path, std::string>, std::vector<Found>> places;
  for (const Found& one : all)
    if (!prefix || one.named.prefix == *prefix) places[{home_of(one), one.named.prefix}].push_back(one);
  if (places.empty()) places[{folder, prefix.value_or("")}];
  const auto depth_of = [](const fs::path& path) { return std::distance(path.begin(), path.end()); };
  std::optional<IdxSet> best;
  std::ptrdiff_t depth = 0;
  std::vector<std::string> as_near;
  std::optional<Failure> incomplete;
  for (const auto& [place, there] : places) {
    auto set = set_in(there, place.first, place.second);
    if (!set) {
      if (!incomplete) incomplete = set.failure();
      continue;
    }
    const std::ptrdiff_t own = depth_of(place.first);
    if (best && own > depth) continue;
    if (best && own < depth) as_near.clear();
    as_near.push_back((place.first / place.second).string());
    best = *std::move(set);
    depth = own;
  }
  if (!best) return *incomplete;
  if (as_near.size() > 1)
    return file_failure(folder, "several sets: {}; give --data one of these",
                        fmt::to_string(fmt::join(as_near, ", ")));
  return *best;
}

}  // namespace

Result<IdxSet> find_idx_set(const fs::path& path) {
  std::error_code error;
  if (fs::is_directory(path, error)) {
    const auto all = find_in(path);
    return all ? only_set(*all, path, std::nullopt) : all.failure();
  }
  if (fs::exists(path, error))
    return file_failure(path,
                        "is not a folder: give the one that holds train-images-idx3-ubyte and the others");
  const fs::path folder = path.has_parent_path() ? path.parent_path() : fs::path(".");
  const auto all = find_in(folder);
  if (!all) return all.failure();
  const std::string prefix = path.filename().string();
  const bool known =
      std::any_of(all->begin(), all->end(), [&](const Found& one) { return one.named.prefix == prefix; });
  if (!known) return file_failure(path, "no such folder, and no set whose names begin so");
  return only_set(*all, folder, prefix);
}

}  // namespace polydot::node
