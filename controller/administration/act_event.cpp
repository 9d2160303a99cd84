// controller/administration/act_event.cpp: see controller/administration/act_event.hpp.
#include "controller/administration/act_event.hpp"

#include <cstdlib>
#include <utility>

#include "controller/accounts/greetings.hpp"
#include "storage/codec.hpp"
#include "storage/keys.hpp"

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

/// To every session that is logged in.
void send_headline(const State& state, SessionControl& control, xml::Bytes rest) {
    pubsub::Notification message;
    for (const SessionView& session : state.sessions.sessions())
        if (session.is_active) message.to.push_back(session.jid);
    if (message.to.empty()) return;
    message.rest = std::move(rest);
    control.notify(std::move(message));
}

void perform_motd(const std::vector<std::string>& texts, State& state, SessionControl& control) {
    send_headline(state, control, headline(state.settings, "motd-" + texts[1], {}, texts[0]));
    const storage::Millis set = std::strtoll(texts[1].c_str(), nullptr, 10);
    for (const SessionView& session : state.sessions.sessions())
        if (const Account* account = state.accounts.find(session.jid.bare_view());
            account != nullptr && session.is_active)
            state.visits.was_sent_motd(*account, set);
}

void perform_stop(
    const std::vector<std::string>& texts,
    storage::Revision revision,
    State& state,
    SessionControl& control
) {
    if (!texts[2].empty())
        send_headline(
            state, control,
            headline(state.settings, "stop-" + std::to_string(revision), {}, texts[2])
        );
    if (state.process != nullptr)
        state.process->stop(
            texts[0] == "restart", std::chrono::seconds(std::strtol(texts[1].c_str(), nullptr, 10))
        );
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
    if (!in.ok() || kind > static_cast<std::uint8_t>(ActEvent::Kind::Stop) || count > texts_max)
        return std::nullopt;
    ActEvent act{static_cast<ActEvent::Kind>(kind), {}};
    for (std::uint64_t i = 0; i < count; ++i) act.texts.emplace_back(in.text());
    if (!in.ok() || !in.at_end()) return std::nullopt;
    return act;
}

void perform(
    const ActEvent& act, storage::Revision revision, State& state, SessionControl& control
) {
    if (act.kind == ActEvent::Kind::EndSessions)
        perform_end_sessions(act.texts, control);
    else if (act.kind == ActEvent::Kind::Announce && act.texts.size() == 2)
        send_headline(
            state, control,
            headline(
                state.settings, "announce-" + std::to_string(revision), act.texts[0], act.texts[1]
            )
        );
    else if (act.kind == ActEvent::Kind::Motd && act.texts.size() == 2)
        perform_motd(act.texts, state, control);
    else if (act.kind == ActEvent::Kind::Stop && act.texts.size() == 3)
        perform_stop(act.texts, revision, state, control);
}

}   // namespace grid::controller::administration
