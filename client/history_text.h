// history_text: an entry of the history as a person or a program reads it.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "client/contact_book.h"
#include "client/output.h"

namespace qnpc::client {

/// `group` is null for an entry that belongs to none. Further lines of a text are indented, so that
/// none of them can pass for an entry of its own.
std::string history_line(const HistoryEntry& entry, const Group* group, const ContactBook& book,
                         const Output& output);

nlohmann::json history_object(const HistoryEntry& entry, const Group* group,
                              const ContactBook& book);

}  // namespace qnpc::client
