// controller/administration/settings_acts.cpp: see controller/administration/settings_acts.hpp.
#include "controller/administration/settings_acts.hpp"

#include <algorithm>

#include "controller/audit/record.hpp"
#include "storage/codec.hpp"
#include "storage/keys.hpp"

namespace grid::controller::administration {

namespace {

constexpr std::uint8_t settings_version = 1;

std::string encode_settings(const LiveSettings& settings) {
    storage::Encoder out;
    out.u8(settings_version).boolean(settings.auto_approve).texts(settings.default_groups);
    return out.take();
}

std::optional<LiveSettings> decode_settings(std::string_view value) {
    storage::Decoder in(value);
    if (in.u8() != settings_version) return std::nullopt;
    LiveSettings stored;
    stored.auto_approve = in.boolean();
    stored.default_groups = in.texts();
    if (!in.ok()) return std::nullopt;
    return stored;
}

std::string describe(const LiveSettings& settings) {
    std::string text = settings.auto_approve ? "auto-approve on, default groups:"
                                             : "auto-approve off, default groups:";
    for (const std::string& group : settings.default_groups) text += " " + group;
    return text;
}

std::optional<Failure> check_settings(const LiveSettings& wanted) {
    if (std::ranges::none_of(wanted.default_groups, gives_role)) return std::nullopt;
    // With auto_approve every holder of a certificate would otherwise have the role.
    return Failure{
        Errc::MalformedRequest,
        "administrators, operators and auditors are made one by one, not by the default groups",
        {}
    };
}

}   // namespace

LiveSettings live_settings(const Settings& settings) {
    return {settings.auto_approve, make_groups(settings.default_groups).value_or(Groups{})};
}

std::string settings_key() {
    return storage::Encoder()
        .u8(static_cast<std::uint8_t>(storage::Tag::Settings))
        .raw("accounts")
        .take();
}

void apply_settings(State& state, const std::optional<storage::Record>& record) {
    // A record that cannot be understood approves no account.
    LiveSettings now = live_settings(state.configured);
    if (record) now = decode_settings(record->value).value_or(LiveSettings{});
    state.settings.auto_approve = now.auto_approve;
    state.settings.default_groups = now.default_groups;
    // A record from before these groups gave roles.
    std::erase_if(state.settings.default_groups, gives_role);
}

Outcome<storage::Batch> change_settings(const ActContext& call, const LiveSettings& wanted) {
    if (auto failure = check_settings(wanted)) return *failure;
    storage::Batch batch;
    if (wanted == live_settings(call.state.settings)) return batch;
    call.expect_settings(batch, settings_key());
    if (wanted == live_settings(call.state.configured))
        batch.erase(storage::Family::Control, settings_key());
    else
        batch.put(storage::Family::Control, settings_key(), encode_settings(wanted));
    audit::Record record = audit::by(call.actor(), audit::Outcome::Allow, "settings");
    record.detail = describe(wanted);
    audit::append(batch, std::move(record));
    call.expect_right(batch);
    return batch;
}

}   // namespace grid::controller::administration
