// controller/accounts/greetings.cpp: see controller/accounts/greetings.hpp.
#include "controller/accounts/greetings.hpp"

#include "storage/codec.hpp"
#include "storage/keys.hpp"
#include "xml/writer.hpp"

namespace grid::controller {

namespace {

constexpr std::uint8_t greeting_version = 1;

std::optional<Greeting> decode_greeting(std::string_view value) {
    storage::Decoder in(value);
    if (in.u8() != greeting_version) return std::nullopt;
    Greeting greeting;
    greeting.set = in.i64();
    greeting.changed_by = in.text();
    greeting.text = in.text();
    return in.ok() ? std::optional(std::move(greeting)) : std::nullopt;
}

std::string id_of(std::string_view name, const Greeting& greeting) {
    return std::string(name) + "-" + std::to_string(greeting.set);
}

}   // namespace

std::string encode(const Greeting& greeting) {
    storage::Encoder out;
    out.u8(greeting_version).i64(greeting.set).text(greeting.changed_by).text(greeting.text);
    return out.take();
}

void Greetings::apply(std::string_view name, const std::optional<storage::Record>& record) {
    auto now = record ? decode_greeting(record->value) : std::nullopt;
    if (name == motd_name)
        motd = std::move(now);
    else if (name == welcome_name)
        welcome = std::move(now);
}

std::string greeting_key(std::string_view name) {
    return std::string(1, static_cast<char>(storage::Tag::Settings)).append(name);
}

xml::Bytes headline(
    const Settings& settings, std::string_view id, std::string_view subject, std::string_view body
) {
    std::string out = " from='";
    xml::append_escaped_attr(out, settings.address.str());
    out += "' id='" + std::string(id) + "' type='headline'>";
    if (!subject.empty()) {
        out += "<subject>";
        xml::append_escaped_text(out, subject);
        out += "</subject>";
    }
    out += "<body>";
    xml::append_escaped_text(out, body);
    out += "</body></message>";
    return std::make_shared<const std::string>(std::move(out));
}

void greet(
    const Account& account,
    const xml::Jid& full,
    storage::Millis now,
    const Settings& settings,
    const Greetings& greetings,
    Visits& visits,
    SessionControl& control
) {
    const Visit* before = visits.find(account);
    const auto& [motd, welcome] = greetings;
    if (welcome && before == nullptr && account.created >= welcome->set)
        control.tell(full, headline(settings, id_of(welcome_name, *welcome), {}, welcome->text));
    if (motd && (before == nullptr || before->motd != motd->set))
        control.tell(full, headline(settings, id_of(motd_name, *motd), {}, motd->text));
    visits.came(account, now);
    if (motd) visits.was_sent_motd(account, motd->set);
}

}   // namespace grid::controller
