// settings_limits: the limits among the settings. docs/operating.md has them all, with reasons.
#pragma once

#include <CLI/CLI.hpp>

#include "server/settings.h"

namespace qnpc::server {

void declare_limits(CLI::App& app, Settings& settings);

}  // namespace qnpc::server
