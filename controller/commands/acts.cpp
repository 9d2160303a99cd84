// controller/commands/acts.cpp: see acts.hpp.
#include "controller/commands/acts.hpp"

#include <utility>

#include "controller/audit/record.hpp"
#include "storage/codec.hpp"
#include "storage/keys.hpp"
#include "xml/namespaces.hpp"
#include "xml/writer.hpp"

namespace grid::controller::commands {

namespace {

constexpr auto tag = static_cast<std::uint8_t>(storage::Tag::AdminAct);
constexpr std::uint64_t texts_max = 200;

storage::Batch with_record(const Act& act, audit::Record record) {
    storage::Batch batch;
    batch.event = encode(act);
    audit::append(batch, std::move(record));
    return batch;
}

}   // namespace

std::string encode(const Act& act) {
    storage::Encoder out;
    out.u8(tag).u8(static_cast<std::uint8_t>(act.kind)).varint(act.texts.size());
    for (const std::string& text : act.texts) out.text(text);
    return out.take();
}

std::optional<Act> decode_act(std::string_view event) {
    storage::Decoder in(event);
    if (in.u8() != tag) return std::nullopt;
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
    const Act& act,
    storage::Revision revision,
    const Controller::State& state,
    SessionControl& control
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
        message.is_headline = true;
        control.notify(std::move(message));
    }
}

void Together::add(AccountChange change) {
    if (!change.is_change()) return;
    if (!change.batch.event.empty())
        events_.push_back(std::exchange(change.batch.event, std::string()));
    audit::join(batch_, std::move(change.batch));
}

storage::Batch Together::take() {
    if (events_.size() == 1)
        batch_.event = std::move(events_.front());
    else if (!events_.empty())
        batch_.event = encode(Act{Act::Kind::Accounts, std::move(events_)});
    return std::move(batch_);
}

Outcome<AccountChange> create_account(
    const Controller::State& state,
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
    // What was said is no business of the audit: it never holds payloads.
    return with_record(
        Act{Act::Kind::Announce, {subject, body}},
        audit::by(context.actor, audit::Outcome::Allow, "announce")
    );
}

Outcome<storage::Batch> delete_topic(
    const Controller::State& state, const std::string& name, const pubsub::Context& context
) {
    pubsub::Engine* broker = state.directory.broker();
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
