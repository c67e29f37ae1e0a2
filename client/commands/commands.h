// commands: one function for each command, one file for each function. They throw Error, and print
// what was asked for through the output of the context.
#pragma once

#include "client/session.h"

namespace qnpc::client::commands {

void ping(Context& context);
void register_identity(Context& context);
void fetch_key(Context& context);
void demo_group(Context& context);
void create_group(Context& context);
void invite(Context& context);
void remove(Context& context);
void leave(Context& context);
void update(Context& context);
void rename(Context& context);
void rejoin(Context& context);
void join(Context& context);
void send(Context& context);
void receive(Context& context);
void whoami(Context& context);
void groups(Context& context);
void members(Context& context);
void sync(Context& context);
void trust_server(Context& context);

}  // namespace qnpc::client::commands
