#include "tools/mls_driver/driver.h"

#include <algorithm>

#include "tools/mls_driver/operations.h"

namespace qnpc::driver {
namespace {

struct Operation {
  std::string_view name;
  Json (*run)(Client& client, const Request& request);
};

constexpr Operation operations[] = {
    {"name", name},
    {"supported_ciphersuites", supported_ciphersuites},
    {"create_group", create_group},
    {"create_key_package", create_key_package},
    {"join_group", join_group},
    {"external_join", external_join},
    {"group_info", group_info},
    {"state_auth", state_auth},
    {"export", export_secret},
    {"protect", protect},
    {"unprotect", unprotect},
    {"store_psk", store_psk},
    {"add_proposal", add_proposal},
    {"update_proposal", update_proposal},
    {"remove_proposal", remove_proposal},
    {"external_psk_proposal", external_psk_proposal},
    {"resumption_psk_proposal", resumption_psk_proposal},
    {"group_context_extensions_proposal", group_context_extensions_proposal},
    {"commit", commit},
    {"handle_commit", handle_commit},
    {"handle_pending_commit", handle_pending_commit},
    {"re_init_proposal", re_init_proposal},
    {"re_init_commit", commit},
    {"handle_pending_re_init_commit", handle_pending_re_init_commit},
    {"handle_re_init_commit", handle_re_init_commit},
    {"re_init_welcome", re_init_welcome},
    {"handle_re_init_welcome", handle_re_init_welcome},
    {"create_branch", create_branch},
    {"create_subgroup", create_branch},  // what its reply is called in the proto
    {"handle_branch", handle_branch},
    {"new_member_add_proposal", new_member_add_proposal},
    {"create_external_signer", create_external_signer},
    {"add_external_signer", add_external_signer},
    {"external_signer_proposal", external_signer_proposal},
    {"free", free_handle},
};

Json failure(std::string_view reason, std::string_view message) {
  return {{"error", reason}, {"message", message}};
}

// Counts the values of a line before any is kept: a value takes many times its bytes in memory.
class Measure final : public Json::json_sax_t {
 public:
  bool null() override { return count(); }
  bool boolean(bool) override { return count(); }
  bool number_integer(number_integer_t) override { return count(); }
  bool number_unsigned(number_unsigned_t) override { return count(); }
  bool number_float(number_float_t, const string_t&) override { return count(); }
  bool string(string_t&) override { return count(); }
  bool binary(binary_t&) override { return count(); }
  bool key(string_t&) override { return count(); }
  bool start_object(size_t) override { return begin(); }
  bool start_array(size_t) override { return begin(); }
  bool end_object() override { return end(); }
  bool end_array() override { return end(); }
  bool parse_error(size_t, const std::string&, const Json::exception&) override {
    throw Error(Reason::malformed, "the line is no JSON");
  }

 private:
  bool count() {
    if (++values_ > limits::mls_driver_values) {
      throw Error(Reason::too_large, "the line holds too many values");
    }
    return true;
  }
  bool begin() {
    if (++depth_ > limits::mls_driver_depth) {
      throw Error(Reason::too_large, "the line's values are nested too deeply");
    }
    return count();
  }
  bool end() {
    --depth_;
    return true;
  }

  size_t values_ = 0;
  size_t depth_ = 0;
};

Json run(Client& client, std::string_view line) {
  Measure measure;
  Json::sax_parse(line, &measure);  // throws what answer() replies
  const Json parsed = Json::parse(line);
  const Request request(parsed);
  const std::string op = request.text("op");
  auto it = std::ranges::find(operations, op, &Operation::name);
  if (it == std::end(operations)) throw Error(Reason::usage, "unknown op: " + op);
  return it->run(client, request);
}

}  // namespace

std::string answer_too_long() {
  return failure(qnpc::name(Reason::too_large), "the line is too long").dump();
}

std::string Driver::answer(std::string_view line) {
  if (line.size() > limits::mls_driver_line) return answer_too_long();
  Json reply;
  try {
    Client client{random_, clock_(), handles_};
    reply = run(client, line);
  } catch (const mls::Rejected& rejected) {
    reply = failure(mls::name(rejected.reject()), rejected.what());
  } catch (const Error& error) {
    reply = failure(qnpc::name(error.reason()), error.what());
  } catch (const std::exception& error) {
    reply = failure(qnpc::name(Reason::internal), error.what());
  }
  // An op that is no UTF-8 may stand in the message.
  return reply.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace qnpc::driver
