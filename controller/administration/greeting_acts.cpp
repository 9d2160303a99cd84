// controller/administration/greeting_acts.cpp: see controller/administration/greeting_acts.hpp.
#include "controller/administration/greeting_acts.hpp"

#include "controller/administration/act_event.hpp"
#include "controller/audit/record.hpp"

namespace grid::controller::administration {

namespace {

std::optional<Failure> check_greeting(const std::string& text) {
    if (text.find_first_not_of(" \t\r\n") != std::string::npos && text.size() <= greeting_bytes_max)
        return std::nullopt;
    return malformed("the text has 1 byte to 16 KiB");
}

/// Texts are not on the audit, which never holds payloads.
storage::Batch on_record(const ActContext& call, storage::Batch batch, const char* operation) {
    audit::append(batch, audit::by(call.actor(), audit::Outcome::Allow, operation));
    call.expect_right(batch);
    return batch;
}

storage::Batch put_greeting(
    const ActContext& call,
    std::string_view name,
    const std::string& text,
    storage::Millis set,
    std::string event = {}
) {
    storage::Batch batch;
    call.expect_settings(batch, greeting_key(name));
    batch.put(
        storage::Family::Control, greeting_key(name),
        encode(Greeting{text, call.actor().jid.bare().str(), set})
    );
    batch.event = std::move(event);
    return batch;
}

storage::Batch erase_greeting(
    const ActContext& call,
    std::string_view name,
    const std::optional<Greeting>& present,
    const char* operation
) {
    storage::Batch batch;
    if (!present) return batch;
    call.expect_settings(batch, greeting_key(name));
    batch.erase(storage::Family::Control, greeting_key(name));
    return on_record(call, std::move(batch), operation);
}

}   // namespace

Outcome<storage::Batch> set_motd(const ActContext& call, const std::string& text, bool corrects) {
    if (auto failure = check_greeting(text)) return *failure;
    const auto& present = call.state.greetings.motd;
    if (corrects && present)
        return on_record(call, put_greeting(call, motd_name, text, present->set), "edit-motd");
    const storage::Millis set = call.context.now;
    const ActEvent event{ActEvent::Kind::Motd, {text, std::to_string(set)}};
    return on_record(call, put_greeting(call, motd_name, text, set, encode(event)), "set-motd");
}

storage::Batch delete_motd(const ActContext& call) {
    return erase_greeting(call, motd_name, call.state.greetings.motd, "delete-motd");
}

Outcome<storage::Batch> set_welcome(const ActContext& call, const std::string& text) {
    if (auto failure = check_greeting(text)) return *failure;
    const auto& present = call.state.greetings.welcome;
    const storage::Millis set = present ? present->set : call.context.now;
    return on_record(call, put_greeting(call, welcome_name, text, set), "set-welcome");
}

storage::Batch delete_welcome(const ActContext& call) {
    return erase_greeting(call, welcome_name, call.state.greetings.welcome, "delete-welcome");
}

}   // namespace grid::controller::administration
