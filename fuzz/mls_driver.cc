// The interpreter of qnpc-mls-driver against any lines: each is answered by one JSON object,
// whatever stands in it. The lines come from an honest conversation, edited, so that they reach
// every operation from the first second.

#include <nlohmann/json.hpp>

#include "fuzz/mls_group.h"
#include "tools/mls_driver/driver.h"

using namespace qnpc;

namespace {

using Json = nlohmann::json;

// Clients in one driver, deterministic: the same lines make the same handles and keys.
class Conversation {
 public:
  Json ask(const std::string& line) {
    const std::string answer = driver_.answer(line);
    fuzz::must(answer.find('\n') == std::string::npos);
    Json reply = Json::parse(answer, nullptr, /*allow_exceptions=*/false);
    fuzz::must(reply.is_object());
    return reply;
  }

 private:
  test::SeededRandom random_{1};
  driver::Driver driver_{random_, [] { return test::test_time; }};
};

// An honest conversation: two members, and every kind of operation at least once.
std::vector<std::string> honest_lines() {
  Conversation conversation;
  std::vector<std::string> lines;
  auto ask = [&](const char* op, Json fields) {
    fields["op"] = op;
    lines.push_back(fields.dump());
    Json reply = conversation.ask(lines.back());
    fuzz::must(!reply.contains("error"));
    return reply;
  };
  const Json suite{{"cipher_suite", 1}, {"identity", "61"}};
  ask("create_group", suite);                                                       // handle 1
  Json bob = ask("create_key_package", {{"cipher_suite", 1}, {"identity", "62"}});  // 2
  Json add{{"proposal_type", "add"}, {"key_package", bob["key_package"]}};
  Json commit = ask("commit", {{"state_id", 1}, {"by_value", {add}}});
  ask("handle_pending_commit", {{"state_id", 1}});
  ask("join_group", {{"transaction_id", 2}, {"welcome", commit["welcome"]}});  // 3
  ask("store_psk", {{"state_or_transaction_id", 1}, {"psk_id", "01"}, {"psk_secret", "02"}});
  ask("store_psk", {{"state_or_transaction_id", 3}, {"psk_id", "01"}, {"psk_secret", "02"}});
  Json message = ask("protect", {{"state_id", 1}, {"plaintext", "00"}});
  ask("unprotect", {{"state_id", 3}, {"ciphertext", message["ciphertext"]}});
  ask("export", {{"state_id", 1}, {"label", "x"}, {"key_length", 9}});
  Json info = ask("group_info", {{"state_id", 1}, {"external_tree", true}});
  Json signer = ask("create_external_signer", suite);  // 4
  Json sender =
      ask("add_external_signer", {{"state_id", 3}, {"external_sender", signer["external_sender"]}});
  Json update = ask("update_proposal", {{"state_id", 3}});
  Json psk = ask("external_psk_proposal", {{"state_id", 3}, {"psk_id", "01"}});
  Json past = ask("resumption_psk_proposal", {{"state_id", 3}, {"epoch_id", 1}});
  Json references{sender["proposal"], update["proposal"], psk["proposal"], past["proposal"]};
  commit = ask("commit", {{"state_id", 1}, {"by_reference", references}, {"force_path", true}});
  ask("handle_commit", {{"state_id", 3}, {"proposal", references}, {"commit", commit["commit"]}});
  ask("handle_pending_commit", {{"state_id", 1}});
  info = ask("group_info", {{"state_id", 1}});
  ask("external_signer_proposal",
      {{"signer_id", 4},
       {"group_info", info["group_info"]},
       {"description", {{"proposal_type", "remove"}, {"removed_id", "62"}}}});
  ask("new_member_add_proposal", {{"group_info", info["group_info"]}, {"identity", "63"}});  // 5
  Json carol = ask("create_key_package", {{"cipher_suite", 1}, {"identity", "62"}});         // 6
  ask("create_branch", {{"state_id", 1}, {"key_packages", {carol["key_package"]}}});         // 7
  ask("external_join", {{"group_info", info["group_info"]}, {"identity", "64"}});            // 8
  Json reinit = ask("re_init_proposal", {{"state_id", 3}, {"cipher_suite", 2}});
  ask("re_init_commit", {{"state_id", 1}, {"by_reference", {reinit["proposal"]}}});
  ask("handle_pending_re_init_commit", {{"state_id", 1}});  // 9
  ask("free", {{"state_id", 7}});
  return lines;
}

}  // namespace

// The first byte says which line of the honest conversation is edited; those before it are sent as
// they are, and then one more honest one: what was answered with an error has broken nothing.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const std::vector<std::string> lines = honest_lines();
  if (size < 1) return 0;
  const size_t choice = data[0] % lines.size();
  Conversation conversation;
  for (size_t i = 0; i < choice; ++i) conversation.ask(lines[i]);
  const View script = View(data, size).subspan(1);
  conversation.ask(to_text(fuzz::edited(as_view(lines[choice]), script)));
  conversation.ask(to_text(script));
  fuzz::must(conversation.ask(R"({"op":"name"})").contains("name"));
  return 0;
}
