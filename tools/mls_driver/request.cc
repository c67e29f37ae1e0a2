#include "tools/mls_driver/request.h"

namespace qnpc::driver {
namespace {

[[noreturn]] void wrong_type(const char* field, const char* expected) {
  throw Error(Reason::malformed, std::string(field) + " is not " + expected);
}

Bytes from_json(const Json& value, const char* field) {
  std::optional<Bytes> out;
  if (value.is_string()) {
    out = from_hex(value.get_ref<const std::string&>());
  }
  if (!out) wrong_type(field, "a string of hexadecimal digits");
  return std::move(*out);
}

}  // namespace

Request::Request(const Json& object) : object_(&object) {
  if (!object.is_object()) throw Error(Reason::malformed, "a request is a JSON object");
}

const Json* Request::find(const char* field) const {
  auto it = object_->find(field);
  return it == object_->end() || it->is_null() ? nullptr : &*it;
}

std::string Request::text(const char* field) const {
  const Json* value = find(field);
  if (value == nullptr) return {};
  if (!value->is_string()) wrong_type(field, "a string");
  return value->get<std::string>();
}

bool Request::flag(const char* field) const {
  const Json* value = find(field);
  if (value == nullptr) return false;
  if (!value->is_boolean()) wrong_type(field, "a boolean");
  return value->get<bool>();
}

uint64_t Request::number(const char* field, uint64_t largest) const {
  const Json* value = find(field);
  if (value == nullptr) return 0;
  if (!value->is_number_unsigned()) wrong_type(field, "an unsigned integer");
  const auto out = value->get<uint64_t>();
  if (out > largest) wrong_type(field, "in the range of its type");
  return out;
}

uint32_t Request::handle(const char* field) const {
  return static_cast<uint32_t>(number(field, UINT32_MAX));
}

Bytes Request::bytes(const char* field) const {
  const Json* value = find(field);
  return value == nullptr ? Bytes{} : from_json(*value, field);
}

std::vector<Bytes> Request::list_of_bytes(const char* field) const {
  std::vector<Bytes> out;
  const Json* value = find(field);
  if (value == nullptr) return out;
  if (!value->is_array()) wrong_type(field, "a list");
  for (const Json& element : *value) out.push_back(from_json(element, field));
  return out;
}

Request Request::message(const char* field) const {
  static const Json empty = Json::object();
  const Json* value = find(field);
  return Request(value == nullptr ? empty : *value);
}

std::vector<Request> Request::list_of_messages(const char* field) const {
  std::vector<Request> out;
  const Json* value = find(field);
  if (value == nullptr) return out;
  if (!value->is_array()) wrong_type(field, "a list");
  for (const Json& element : *value) out.emplace_back(element);
  return out;
}

const mls::Suite& Request::suite(const char* field) const {
  return mls::suite_of(static_cast<mls::CipherSuite>(number(field, UINT16_MAX)));
}

std::vector<mls::KeyPackage> Request::key_packages(const char* field) const {
  std::vector<mls::KeyPackage> out;
  for (const Bytes& message : list_of_bytes(field)) {
    out.push_back(content_of<mls::KeyPackage>(message, field));
  }
  return out;
}

mls::Extensions Request::extensions(const char* field) const {
  mls::Extensions out;
  for (const Request& extension : list_of_messages(field)) {
    auto type = static_cast<mls::ExtensionType>(extension.number("extension_type", UINT16_MAX));
    out.push_back({type, extension.bytes("extension_data")});
  }
  return out;
}

std::optional<mls::RatchetTree> Request::tree(const char* field) const {
  Bytes encoded = bytes(field);
  if (encoded.empty()) return std::nullopt;
  return codec::decode<mls::RatchetTree>(encoded);
}

mls::WireFormat Request::wire_format() const {
  return flag("encrypt_handshake") ? mls::WireFormat::private_message
                                   : mls::WireFormat::public_message;
}

}  // namespace qnpc::driver
