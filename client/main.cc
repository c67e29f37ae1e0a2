// main: prepares the process, then leaves everything to the command line.
#include <sys/prctl.h>
#include <sys/resource.h>

#include <csignal>

#include "client/cli.h"

namespace {

// Keys live in this process: no core file may keep them, no debugger of the same user read them.
void keep_memory_private() {
  rlimit none{0, 0};
  setrlimit(RLIMIT_CORE, &none);
  prctl(PR_SET_DUMPABLE, 0);
}

}  // namespace

int main(int argc, char** argv) {
  keep_memory_private();
  std::signal(SIGPIPE, SIG_IGN);  // a closed pipe is an error of writing, and is reported
  return static_cast<int>(qnpc::client::run_command_line(argc, argv));
}
