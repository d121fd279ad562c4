// polydot data: a data set as IDX files.
#include <cstdio>

#include <fmt/format.h>

#include "node/dataset_loader.h"
#include "node/idx_file.h"
#include "tools/commands.h"
#include "tools/exit_code.h"
#include "tools/free_name.h"

namespace polydot::tools {

int run_data(const DataRequest& request) {
  for (const char* name : node::kIdxFileNames)
    if (const Outcome free = check_free(request.out + "/" + name, request.force); !free)
      return report(free.failure());
  const Outcome written = node::write_dataset(request.dataset, request.data, request.out);
  if (!written) return report(written.failure());
  std::fputs(fmt::format("{}: {} as IDX; train with --dataset idx --data {}\n", request.out, request.dataset,
                         request.out)
                 .c_str(),
             stdout);
  return kExitDone;
}

}  // namespace polydot::tools
