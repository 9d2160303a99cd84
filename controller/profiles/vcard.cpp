// controller/profiles/vcard.cpp: see controller/profiles/vcard.hpp.
#include "controller/profiles/vcard.hpp"

#include "controller/accounts/profile_key.hpp"
#include "controller/audit/record.hpp"
#include "storage/codec.hpp"
#include "xml/parser.hpp"
#include "xml/writer.hpp"

namespace grid::controller {

namespace {

constexpr std::uint8_t profile_version = 1;
const std::string own_vcard = "own account", no_vcard_owner = "no enabled account";

/// `account`: the record's `created`, so that an account does not inherit an earlier one's vCard.
std::string encode_profile(const Account& account, storage::Millis now, std::string_view vcard) {
    storage::Encoder out;
    out.u8(profile_version).i64(account.created).i64(now).text(vcard);
    return out.take();
}

/// nullopt: it is another account's, or cannot be understood.
std::optional<std::string> decode_profile(std::string_view value, storage::Millis created) {
    storage::Decoder in(value);
    if (in.u8() != profile_version || in.i64() != created) return std::nullopt;
    (void)in.i64();   // when it was written
    std::string vcard(in.text());
    return in.ok() ? std::optional(std::move(vcard)) : std::nullopt;
}

/// Wider than those of any stream: what was accepted can be read back.
xml::Limits stored_limits() {
    xml::Limits limits;
    limits.stanza_bytes_max = 16UL * 1024 * 1024;
    limits.depth_max = limits.attributes_max = limits.declarations_max = 100'000;
    limits.bindings_max = limits.elements_max = limits.name_bytes_max = 10'000'000;
    return limits;
}

xml::StanzaError no_vcard() { return xml::service_unavailable("nobody is there"); }

using VcardAnswer = std::variant<xml::StanzaError, pubsub::Reply>;

/// On the reader pool.
VcardAnswer show_vcard(
    const std::vector<std::optional<storage::Snapshot::Value>>& values,
    storage::Millis created,
    bool is_own
) {
    std::optional<std::string> text;
    if (!values.empty() && values.front()) text = decode_profile(values.front()->value, created);
    if (!text && !is_own) return no_vcard();
    if (!text) return pubsub::Reply(xml::Element("vCard", vcard_ns));
    auto parsed = xml::parse_document(*text, stored_limits());
    if (auto* vcard = std::get_if<xml::Element>(&parsed)) return pubsub::Reply(std::move(*vcard));
    return xml::internal_server_error("the stored vCard cannot be read: set it again");
}

/// The policy's `message`, in place of a roster; on record.
bool may_see_vcard(const State& state, const pubsub::Principal& actor, const Account* owner) {
    policy::Match match{false, 0, &no_vcard_owner};
    if (owner != nullptr && owner->state == AccountState::Enabled)
        match = state.decide(
            actor, policy::Right::Message, policy::Object{owner->jid, {}, {}, owner->groups}
        );
    return match.allowed;
}

pubsub::Decision get_vcard(const State& state, const xml::Jid& to, const pubsub::Context& context) {
    const Account* asker = state.account_of(context.actor);
    if (asker == nullptr) return no_vcard();
    const bool is_own = to.empty() || to.bare_view() == asker->jid;
    const Account* owner = is_own ? asker : state.accounts.find(to.bare_view());
    if (!is_own && !may_see_vcard(state, context.actor, owner)) return no_vcard();
    if (!is_own && state.blocks.is_blocked(owner->jid, context.actor.jid)) return no_vcard();
    pubsub::Decision::Read read;
    read.keys.push_back({storage::Family::Payload, profile_key(owner->jid)});
    read.finish = [created = owner->created,
                   is_own](std::vector<std::optional<storage::Snapshot::Value>> values) {
        return show_vcard(values, created, is_own);
    };
    return read;
}

pubsub::Decision set_vcard(
    const State& state,
    const xml::Jid& to,
    const std::string& text,
    bool is_empty,
    const pubsub::Context& context
) {
    const Account* account = state.account_of(context.actor);
    if (account == nullptr || (!to.empty() && to.bare_view() != account->jid))
        return xml::forbidden("an account changes its own vCard only");
    storage::Batch batch;
    if (is_empty)
        batch.erase(storage::Family::Payload, profile_key(account->jid));
    else
        batch.put(
            storage::Family::Payload, profile_key(account->jid),
            encode_profile(*account, context.now, text)
        );
    audit::Record record = audit::by(context.actor, audit::Outcome::Allow, "set-vcard");
    record.target = account->jid;
    record.rule = own_vcard;
    audit::append(batch, std::move(record));
    state.expect_account(batch, context.actor);
    return pubsub::Decision::Change{std::move(batch), pubsub::Reply{}};
}

}   // namespace

bool is_vcard(const xml::Element& payload) { return payload.is("vCard", vcard_ns); }

std::optional<Result<pubsub::PreparedRequest, xml::StanzaError>> prepare_vcard(
    const State& state, const pubsub::IqRequest& iq
) {
    if (!is_vcard(*iq.payload)) return std::nullopt;
    pubsub::PreparedRequest prepared;
    if (iq.type == xml::IqType::Get) {
        prepared.decide = [&state, to = iq.to](const pubsub::Context& context) {
            return get_vcard(state, to, context);
        };
        return prepared;
    }
    std::string text = xml::to_string(*iq.payload);
    const std::size_t most = state.settings.vcard_bytes_max;
    if (text.size() > most)
        return xml::StanzaError{
            "modify",
            "not-acceptable",
            {},
            "this vCard has " + std::to_string(text.size()) + " bytes; at most " +
                std::to_string(most) + " are taken (accounts.vcard_bytes_max)",
            {}
        };
    prepared.decide = [&state, to = iq.to, text = std::move(text),
                       is_empty = iq.payload->child_count() == 0](const pubsub::Context& context) {
        return set_vcard(state, to, text, is_empty, context);
    };
    return prepared;
}

}   // namespace grid::controller
