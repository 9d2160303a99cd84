// controller/administration/acts.cpp: see controller/administration/acts.hpp.
#include "controller/administration/acts.hpp"

#include <utility>

#include "controller/audit/record.hpp"
#include "storage/codec.hpp"
#include "storage/keys.hpp"
#include "xml/namespaces.hpp"
#include "xml/writer.hpp"

namespace grid::controller::commands {

namespace {

constexpr auto act_tag = static_cast<std::uint8_t>(storage::Tag::AdminAct);
constexpr std::uint64_t texts_max = 200;
// Of one batch of rebind_accounts.
constexpr std::size_t accounts_looked_at_max = 2'000, accounts_moved_max = 50;

storage::Batch with_record(const Act& act, audit::Record record) {
    storage::Batch batch;
    batch.event = encode(act);
    audit::append(batch, std::move(record));
    return batch;
}

}   // namespace

std::string encode(const Act& act) {
    storage::Encoder out;
    out.u8(act_tag).u8(static_cast<std::uint8_t>(act.kind)).varint(act.texts.size());
    for (const std::string& text : act.texts) out.text(text);
    return out.take();
}

std::optional<Act> decode_act(std::string_view event) {
    storage::Decoder in(event);
    if (in.u8() != act_tag) return std::nullopt;
    const std::uint8_t kind = in.u8();
    const std::uint64_t count = in.varint();
    if (!in.ok() || kind > static_cast<std::uint8_t>(Act::Kind::Announce) || count > texts_max)
        return std::nullopt;
    Act act{static_cast<Act::Kind>(kind), {}};
    for (std::uint64_t i = 0; i < count; ++i) act.texts.emplace_back(in.text());
    if (!in.ok() || !in.at_end()) return std::nullopt;
    return act;
}

void perform(
    const Act& act, storage::Revision revision, const State& state, SessionControl& control
) {
    if (act.kind == Act::Kind::EndSessions) {
        for (const std::string& text : act.texts) {
            const auto jid = xml::Jid::parse(text);
            if (!jid) continue;
            const xml::StreamError error{
                "policy-violation", "an administrator ended this session", {}
            };
            if (jid->is_bare())
                control.close_account(*jid, error);
            else
                control.close_session(*jid, error);
        }
    } else if (act.kind == Act::Kind::Announce && act.texts.size() == 2) {
        pubsub::Notification message;
        for (const SessionView& session : state.sessions.sessions())
            if (session.is_active) message.to.push_back(session.jid);
        if (message.to.empty()) return;
        std::string out = " from='";
        xml::append_escaped_attr(out, state.settings.address.str());
        out += "' id='announce-" + std::to_string(revision) + "' type='headline'>";
        if (!act.texts[0].empty()) {
            out += "<subject>";
            xml::append_escaped_text(out, act.texts[0]);
            out += "</subject>";
        }
        out += "<body>";
        xml::append_escaped_text(out, act.texts[1]);
        out += "</body></message>";
        message.rest = std::make_shared<const std::string>(std::move(out));
        control.notify(std::move(message));
    }
}

void AccountBatch::add(AccountChange change) {
    if (!change.is_change()) return;
    if (!change.batch.event.empty())
        events_.push_back(std::exchange(change.batch.event, std::string()));
    audit::join(batch_, std::move(change.batch));
}

storage::Batch AccountBatch::take() {
    if (events_.size() == 1)
        batch_.event = std::move(events_.front());
    else if (!events_.empty())
        batch_.event = encode(Act{Act::Kind::Accounts, std::move(events_)});
    return std::move(batch_);
}

Outcome<AccountChange> create_account(
    const State& state,
    const xml::Jid& jid,
    const std::optional<Groups>& groups,
    const pubsub::Context& context
) {
    // Certificates name accounts of the grid's own domain; another would wait for ever.
    if (jid.domain() != state.settings.domain)
        return Failure{
            Errc::MalformedRequest, "accounts are in the domain " + state.settings.domain, {}
        };
    return state.machine().act(AccountAction::Create, jid, groups, context);
}

namespace {

/// An account that no CA can vouch for any more would be lost by a slip.
std::optional<Failure> check_authority(const State& state, const Rebinding& wanted) {
    if (state.chains == nullptr || state.chains->trusts(wanted.authority)) return std::nullopt;
    return Failure{
        Errc::MalformedRequest,
        "no certificate authority in tls.client_ca has the key '" + wanted.authority +
            "' (SHA-256 of the public key in 64 lower-case hexadecimal digits): add its "
            "certificate there first",
        {}
    };
}

}   // namespace

Outcome<AccountChange> rebind_account(
    const State& state,
    const xml::Jid& jid,
    const Rebinding& rebinding,
    const pubsub::Context& context
) {
    if (auto failure = check_authority(state, rebinding)) return *failure;
    return state.machine().rebind(jid, rebinding.authority, rebinding.keeps_others, context);
}

Outcome<Rebound> rebind_accounts(
    const State& state, const Rebinding& rebinding, const pubsub::Context& context
) {
    if (auto failure = check_authority(state, rebinding)) return *failure;
    if (rebinding.from.empty() && !rebinding.administrators)
        return Failure{
            Errc::MalformedRequest,
            "say which accounts: \"from\", the key of the certificate authority that they are "
            "bound to, or \"administrators\": true",
            {}
        };
    Rebound done;
    AccountBatch together;
    const auto move = [&](const Account& account) -> std::optional<Failure> {
        const bool is_meant = account.is_bound() &&
                              (rebinding.from.empty() || account.is_bound_to(rebinding.from)) &&
                              (!rebinding.administrators || account.is_in(administrators_group));
        if (!is_meant) return std::nullopt;
        auto change = state.machine().rebind(
            xml::Jid::from_canonical(account.jid), rebinding.authority, rebinding.keeps_others,
            context
        );
        if (!change) return change.error();
        if (!change->is_change()) return std::nullopt;
        done.moved.push_back(account.jid);
        together.add(std::move(*change));
        return std::nullopt;
    };
    const std::string own(context.actor.jid.bare_view());
    const auto page = state.accounts.page(rebinding.after, accounts_looked_at_max, std::nullopt);
    for (const Account* account : page) {
        done.next = account->jid;
        if (account->jid == own) continue;
        if (auto failure = move(*account)) return *failure;
        if (done.moved.size() >= accounts_moved_max) break;
    }
    const bool is_end =
        page.size() < accounts_looked_at_max && (page.empty() || done.next == page.back()->jid);
    if (is_end) {
        done.next.clear();
        // Last, since its certificate is not taken any more from then on.
        if (const Account* account = state.accounts.find(own))
            if (auto failure = move(*account)) return *failure;
    }
    done.batch = together.take();
    return done;
}

storage::Batch end_sessions(const std::vector<xml::Jid>& jids, const pubsub::Context& context) {
    Act act{Act::Kind::EndSessions, {}};
    for (const xml::Jid& jid : jids) act.texts.push_back(jid.str());
    audit::Record record = audit::by(context.actor, audit::Outcome::Allow, "end-session");
    record.target = jids.size() == 1 ? std::string(jids.front().bare_view()) : std::string{};
    for (const xml::Jid& jid : jids) {
        if (!record.detail.empty()) record.detail += ' ';
        record.detail += jid.str();
    }
    return with_record(act, std::move(record));
}

storage::Batch announce(
    const std::string& subject, const std::string& body, const pubsub::Context& context
) {
    // The text of an announcement is not on the audit, which never holds payloads.
    return with_record(
        Act{Act::Kind::Announce, {subject, body}},
        audit::by(context.actor, audit::Outcome::Allow, "announce")
    );
}

Outcome<storage::Batch> delete_topic(
    const State& state, const std::string& name, const pubsub::Context& context
) {
    pubsub::Broker* broker = state.directory.broker();
    if (broker == nullptr || !broker->node(name))
        return Failure{Errc::UnknownTopic, "no topic " + name, {}};
    const xml::Element request(
        "pubsub", xml::ns::pubsub_owner, {}, xml::Element("delete", {{"node", name}})
    );
    // Administration is not asked of the policy: the grid deletes, and the record says for whom.
    pubsub::Context own = context;
    own.actor = pubsub::Principal::system();
    auto prepared = broker->prepare({xml::IqType::Set, state.settings.broker, &request, {}});
    if (!prepared || !*prepared) return Failure{Errc::UnknownTopic, "no topic " + name, {}};
    pubsub::Decision decision = (*prepared)->decide(own);
    if (decision.change() == nullptr)
        return Failure{
            Errc::UnknownTopic,
            decision.error() != nullptr ? decision.error()->text : "no topic " + name,
            {}
        };
    storage::Batch batch = std::move(decision.change()->batch);
    audit::Record record = audit::by(context.actor, audit::Outcome::Allow, "topic-delete");
    record.topic = name;
    audit::append(batch, std::move(record));
    return batch;
}

}   // namespace grid::controller::commands
