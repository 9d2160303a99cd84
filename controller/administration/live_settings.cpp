// controller/administration/live_settings.cpp: see controller/administration/live_settings.hpp.
#include "controller/administration/live_settings.hpp"

#include <algorithm>

#include "controller/audit/record.hpp"
#include "storage/codec.hpp"
#include "storage/keys.hpp"

namespace grid::controller::commands {

namespace {

constexpr std::uint8_t tuning_version = 1;

std::string encode_tuning(const Tuning& tuning) {
    storage::Encoder out;
    out.u8(tuning_version).boolean(tuning.auto_approve).texts(tuning.default_groups);
    return out.take();
}

std::optional<Tuning> decode_tuning(std::string_view value) {
    storage::Decoder in(value);
    if (in.u8() != tuning_version) return std::nullopt;
    Tuning tuning;
    tuning.auto_approve = in.boolean();
    tuning.default_groups = in.texts();
    if (!in.ok()) return std::nullopt;
    return tuning;
}

std::string describe(const Tuning& tuning) {
    std::string text = tuning.auto_approve ? "auto-approve on, default groups:"
                                           : "auto-approve off, default groups:";
    for (const std::string& group : tuning.default_groups) text += " " + group;
    return text;
}

}   // namespace

Tuning tuning_of(const Settings& settings) {
    return {settings.auto_approve, make_groups(settings.default_groups).value_or(Groups{})};
}

std::optional<Failure> refuse_tuning(const Tuning& tuning) {
    if (std::ranges::find(tuning.default_groups, administrators_group) ==
        tuning.default_groups.end())
        return std::nullopt;
    // With auto_approve every holder of a certificate would otherwise be an administrator.
    return Failure{
        Errc::MalformedRequest, "administrators are made one by one, not by the default groups", {}
    };
}

std::string tuning_key() {
    return storage::Encoder()
        .u8(static_cast<std::uint8_t>(storage::Tag::Settings))
        .raw("accounts")
        .take();
}

void apply_tuning(State& state, const std::optional<storage::Record>& record) {
    // A record that cannot be understood approves no account.
    Tuning tuning = tuning_of(state.configured);
    if (record) tuning = decode_tuning(record->value).value_or(Tuning{});
    state.settings.auto_approve = tuning.auto_approve;
    state.settings.default_groups = tuning.default_groups;
}

storage::Batch tune(const State& state, const Tuning& tuning, const pubsub::Context& context) {
    storage::Batch batch;
    if (tuning == tuning_of(state.settings)) return batch;
    if (tuning == tuning_of(state.configured))
        batch.erase(storage::Family::Control, tuning_key());
    else
        batch.put(storage::Family::Control, tuning_key(), encode_tuning(tuning));
    audit::Record record = audit::by(context.actor, audit::Outcome::Allow, "settings");
    record.detail = describe(tuning);
    audit::append(batch, std::move(record));
    return batch;
}

}   // namespace grid::controller::commands
