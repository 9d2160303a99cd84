// controller/administration/act_event.cpp: see controller/administration/act_event.hpp.
#include "controller/administration/act_event.hpp"

#include <utility>

#include "storage/codec.hpp"
#include "storage/keys.hpp"
#include "xml/writer.hpp"

namespace grid::controller::administration {

namespace {

constexpr auto act_event_tag = static_cast<std::uint8_t>(storage::Tag::AdminAct);
constexpr std::uint64_t texts_max = 200;

void perform_end_sessions(const std::vector<std::string>& jids, SessionControl& control) {
    for (const std::string& text : jids) {
        const auto jid = xml::Jid::parse(text);
        if (!jid) continue;
        const xml::StreamError error{"policy-violation", "an administrator ended this session", {}};
        if (jid->is_bare())
            control.close_account(*jid, error);
        else
            control.close_session(*jid, error);
    }
}

void perform_announcement(
    const std::string& subject,
    const std::string& body,
    storage::Revision revision,
    const State& state,
    SessionControl& control
) {
    pubsub::Notification message;
    for (const SessionView& session : state.sessions.sessions())
        if (session.is_active) message.to.push_back(session.jid);
    if (message.to.empty()) return;
    std::string out = " from='";
    xml::append_escaped_attr(out, state.settings.address.str());
    out += "' id='announce-" + std::to_string(revision) + "' type='headline'>";
    if (!subject.empty()) {
        out += "<subject>";
        xml::append_escaped_text(out, subject);
        out += "</subject>";
    }
    out += "<body>";
    xml::append_escaped_text(out, body);
    out += "</body></message>";
    message.rest = std::make_shared<const std::string>(std::move(out));
    control.notify(std::move(message));
}

}   // namespace

std::string encode(const ActEvent& act) {
    storage::Encoder out;
    out.u8(act_event_tag).u8(static_cast<std::uint8_t>(act.kind)).varint(act.texts.size());
    for (const std::string& text : act.texts) out.text(text);
    return out.take();
}

std::optional<ActEvent> decode_act_event(std::string_view event) {
    storage::Decoder in(event);
    if (in.u8() != act_event_tag) return std::nullopt;
    const std::uint8_t kind = in.u8();
    const std::uint64_t count = in.varint();
    if (!in.ok() || kind > static_cast<std::uint8_t>(ActEvent::Kind::Announce) || count > texts_max)
        return std::nullopt;
    ActEvent act{static_cast<ActEvent::Kind>(kind), {}};
    for (std::uint64_t i = 0; i < count; ++i) act.texts.emplace_back(in.text());
    if (!in.ok() || !in.at_end()) return std::nullopt;
    return act;
}

void perform(
    const ActEvent& act, storage::Revision revision, const State& state, SessionControl& control
) {
    if (act.kind == ActEvent::Kind::EndSessions)
        perform_end_sessions(act.texts, control);
    else if (act.kind == ActEvent::Kind::Announce && act.texts.size() == 2)
        perform_announcement(act.texts[0], act.texts[1], revision, state, control);
}

}   // namespace grid::controller::administration
