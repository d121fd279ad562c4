// polydot data: a data set as IDX files.
#include <cstdio>

#include <fmt/format.h>

#include "node/data/dataset_loader.h"
#include "node/data/idx_file.h"
#include "tools/commands.h"
#include "tools/exit_code.h"
#include "tools/free_name.h"

namespace polydot::tools {

namespace {

int describe(const node::DataSource& source) {
  const auto data = node::load_data(source);
  if (!data) return report(data.failure());
  std::string text = data->understood;
  if (text.empty())
    text = fmt::format("{}: {} features; {}; {} for training, {} for the test", source.dataset,
                       data->train.features(), node::text_of_classes(*data), data->train.count(),
                       data->test.count());
  // A clause a line, for the eye.
  for (std::size_t at = text.find("; "); at != std::string::npos; at = text.find("; ", at + 1))
    text.replace(at, 2, "\n  ");
  std::puts(text.c_str());
  return kExitDone;
}

}  // namespace

int run_data(const DataRequest& request) {
  if (request.describe) return describe(request.source);
  for (const char* name : node::kIdxFileNames)
    if (const Outcome free =
            check_free(request.out + "/" + name, request.force, "--out",
                       {request.source.path, request.source.test_path, request.source.path + "/" + name});
        !free)
      return report(free.failure());
  const auto written = node::write_dataset(request.source, request.out);
  if (!written) return report(written.failure());
  if (written->inputs.classes != node::numbered_classes(written->train.classes()))
    std::fputs(fmt::format("{}: IDX knows no names: the classes are numbered in this order: {}\n",
                           request.out, node::text_of_classes(*written))
                   .c_str(),
               stdout);
  std::fputs(fmt::format("{}: {} as IDX; train with --dataset idx --data {}\n", request.out,
                         request.source.dataset, request.out)
                 .c_str(),
             stdout);
  return kExitDone;
}

}  // namespace polydot::tools
