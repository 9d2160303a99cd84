// controller/contacts/contact.cpp: see contact.hpp.
#include "controller/contacts/contact.hpp"

#include "storage/codec.hpp"
#include "storage/keys.hpp"

namespace grid::controller::contacts {

namespace {

constexpr std::uint8_t contact_version = 1, request_version = 1, removal_version = 1;
constexpr std::uint8_t flag_to = 1, flag_from = 2, flag_asks = 4, flag_approved = 8;

std::string key(storage::Tag tag, std::string_view owner, std::string_view contact) {
    storage::Encoder out(owner.size() + contact.size() + 4);
    return out.u8(static_cast<std::uint8_t>(tag)).text(owner).raw(contact).take();
}

}   // namespace

std::size_t Contact::bytes() const {
    std::size_t sum = name.size();
    for (const std::string& group : groups) sum += group.size();
    return sum;
}

std::string item_key(std::string_view owner, std::string_view contact) {
    return key(storage::Tag::Contact, owner, contact);
}
std::string request_key(std::string_view owner, std::string_view contact) {
    return key(storage::Tag::ContactRequest, owner, contact);
}
std::string removal_key(std::string_view owner) { return key(storage::Tag::Contact, owner, {}); }
std::string removal_value() { return storage::Encoder().u8(removal_version).take(); }

std::string encode(const Contact& contact) {
    const auto flag = [](bool is_set, std::uint8_t bit) { return is_set ? bit : std::uint8_t{0}; };
    storage::Encoder out;
    out.u8(contact_version)
        .u8(static_cast<std::uint8_t>(
            flag(contact.to, flag_to) | flag(contact.from, flag_from) |
            flag(contact.asks, flag_asks) | flag(contact.is_approved, flag_approved)
        ))
        .text(contact.name)
        .texts(contact.groups);
    return out.take();
}

std::optional<Contact> decode_contact(std::string_view value) {
    storage::Decoder in(value);
    if (in.u8() != contact_version) return std::nullopt;
    Contact contact;
    const std::uint8_t flags = in.u8();
    contact.to = (flags & flag_to) != 0;
    contact.from = (flags & flag_from) != 0;
    contact.asks = (flags & flag_asks) != 0;
    contact.is_approved = (flags & flag_approved) != 0;
    contact.name = in.text();
    contact.groups = in.texts();
    if (!in.ok() || !in.at_end()) return std::nullopt;
    return contact;
}

std::string encode(const Request& request) {
    return storage::Encoder(request.stanza.size() + 8)
        .u8(request_version)
        .text(request.stanza)
        .take();
}

std::optional<Request> decode_request(std::string_view value) {
    storage::Decoder in(value);
    if (in.u8() != request_version) return std::nullopt;
    Request request;
    request.stanza = in.text();
    if (!in.ok() || !in.at_end()) return std::nullopt;
    return request;
}

}   // namespace grid::controller::contacts
