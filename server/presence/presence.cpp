// server/presence/presence.cpp: from a presence stanza to those who are told.
#include "server/presence/presence.hpp"

#include <algorithm>
#include <utility>

#include "xml/namespaces.hpp"
#include "xml/parser.hpp"
#include "xml/writer.hpp"

namespace grid::server {

namespace {

/// Addressees of directed presence that a session may have at once.
constexpr std::size_t directed_max = 1'000;

xml::Bytes presence_to(std::string_view to, const std::string& rest) {
    auto out = std::make_shared<std::string>();
    out->reserve(rest.size() + to.size() + 32);
    *out += "<presence";
    xml::append_attr(*out, "to", to);
    *out += rest;
    return out;
}

/// XEP-0115 §6.2: about that very version.
xml::Bytes question(const Session& session, const std::string& id, const Interests& interests) {
    xml::Element query("query", xml::ns::disco_info);
    if (const auto* caps = interests.caps_of(session.id))
        query.set("node", caps->node + '#' + caps->ver);
    xml::Element iq(
        "iq", xml::ns::client,
        {{"type", "get"},
         {"id", id},
         {"from", std::string(session.bare.domain())},
         {"to", session.jid.str()}},
        std::move(query)
    );
    return std::make_shared<const std::string>(xml::to_string(iq, xml::ns::client.uri()));
}

/// Of a stanza that a server wrote: its start tag as an element.
std::optional<xml::Element> read_head(std::string_view text) {
    std::size_t at = text.find_first_of("'\">");
    while (at != std::string_view::npos && text[at] != '>') {
        at = text.find(text[at], at + 1);
        if (at != std::string_view::npos) at = text.find_first_of("'\">", at + 1);
    }
    if (at == std::string_view::npos || at == 0) return std::nullopt;
    if (text[at - 1] == '/') --at;
    const std::string tag(text.substr(0, at));
    auto parsed = xml::parse_document("<x xmlns='jabber:client'>" + tag + "/></x>", {});
    auto* around = std::get_if<xml::Element>(&parsed);
    if (!around || around->child_count() != 1) return std::nullopt;
    return std::move(around->mutable_nodes().front());
}

}   // namespace

Presence::SaidPtr Presence::said_of(const SessionPtr& session) {
    SaidPtr& said = said_[session->id];
    if (!said) {
        said = std::make_shared<Said>();
        said->session = session;
    }
    return said;
}

const Presence::Said* Presence::find(const Session& session) const {
    const auto found = said_.find(session.id);
    return found == said_.end() ? nullptr : found->second.get();
}

bool Presence::is_available(const Session& session) const {
    const Said* said = find(session);
    return said != nullptr && said->rest && may_hear(session);
}

bool Presence::may_hear(const Session& session) const {
    return !session.is_ended &&
           controller_.state(session.principal) == controller::AccountState::Enabled;
}

void Presence::announce(
    const SessionPtr& session, std::string rest, const std::optional<presence::Caps>& caps
) {
    const SaidPtr said = said_of(session);
    Walk walk;
    walk.said = said;
    walk.is_available = true;
    walk.is_initial = !said->rest;
    walk.rest = said->rest = std::make_shared<const std::string>(std::move(rest));
    said->farewell = nullptr;
    ++said->number;
    ++said_count_;
    const bool is_initial = walk.is_initial;
    add_when_told(std::move(walk));
    if (session->other_member) return;   // the wishes of its client are its member's affair
    take_step(session, interests_.heard(session->id, caps), is_initial);
}

void Presence::learned(const SessionPtr& session, const presence::Capabilities& answer) {
    if (is_available(*session)) take_step(session, interests_.learned(session->id, answer), false);
}

void Presence::add_when_told(Walk walk) {
    const SaidPtr said = walk.said;
    if (!hold_ || said->session->other_member) return add(std::move(walk));
    auto held = std::make_shared<Walk>(std::move(walk));
    said->held.push_back(held);
    ++held_;
    hold_(*said->session, [this, held] { let_go(held); });
}

/// A presence that the session has taken back meanwhile is not broadcast. One that went on before
/// the others had heard of it, since the session sent more behind it, has left an empty walk.
void Presence::let_go(const std::shared_ptr<Walk>& held) {
    const SaidPtr said = held->said;
    if (!said || std::erase(said->held, held) == 0) return;
    --held_;
    add(std::move(*held));
}

/// XEP-0163 §4.3.4: the last items come with the first presence that asks for them. They follow the
/// presence of those whose they are, as far as that goes out at once.
void Presence::take_step(const SessionPtr& session, Interests::Step step, bool is_initial) {
    if (!step.question.empty()) {
        const std::optional<std::size_t> used =
            session->budget ? std::optional(session->budget->used() + session->pending_bytes)
                            : std::nullopt;
        // A client that does not read is asked at its next presence.
        if (used && *used != 0 && *used > session->budget->fair_bytes_max() / 2) {
            interests_.forget(session->id);
        } else {
            fanout_.send(
                session,
                Outgoing::whole(StanzaKind::Iq, question(*session, step.question, interests_))
            );
        }
    }
    if (step.is_changed) fanout_.presence_changed(session->bare);
    if (step.is_changed || is_initial)
        last_items_.begin(session, is_initial ? nullptr : std::move(step.before));
}

/// A walk that waits holds the session that it waits with.
Presence::~Presence() {
    for (const auto& [id, said] : said_) said->held.clear();
    for (const auto* queue : {&waiting_, &pausing_})
        for (const SaidPtr& said : *queue) said->next.reset();
}

void Presence::withdraw(const SessionPtr& session, std::string rest) {
    const auto found = said_.find(session->id);
    if (found == said_.end()) return;
    const SaidPtr said = found->second;
    const bool is_word = !rest.empty();
    const auto farewell = std::make_shared<const std::string>(
        is_word ? std::move(rest) : presence::plain_unavailable(session->jid)
    );
    if (is_word) said->farewell = farewell;
    if (!said->rest && said->directed.empty()) return;
    ++said->number;
    ++said_count_;
    Walk walk;
    walk.said = said;
    // A session that was never available is unavailable to those alone that it told otherwise.
    if (said->rest) walk.rest = farewell;
    // The member of a session elsewhere tells its addressees, but for one that was lost.
    if (!session->other_member || !session->transport)
        for (const std::string& to : std::exchange(said->directed, {}))
            walk.directed.emplace(to, farewell);
    said->rest = nullptr;
    held_ -= std::exchange(said->held, {}).size();
    if (session->held) session->held->take();   // §4.5.2: none comes behind its end
    if (interests_.forget(session->id)) fanout_.presence_changed(session->bare);
    behind_.erase(session->id);
    // A stream that took the resource over speaks for it now.
    const SessionPtr successor = sessions_.find(session->jid);
    if (successor && successor != session && is_available(*successor)) return;
    add(std::move(walk));
}

bool Presence::tell_account(
    std::string_view bare, const std::string& rest, const Said* teller, bool is_directed
) {
    xml::Bytes bytes;
    for (const SessionPtr& target : sessions_.of_account(bare)) {
        if (!is_available(*target) || (target->other_member && !is_directed)) continue;
        if (teller != nullptr && teller->withheld.contains(target->jid.str())) continue;
        if (!bytes) bytes = presence_to(bare, rest);
        put(target, bytes);
    }
    return bytes != nullptr;
}

void Presence::tell_session(
    const SessionPtr& target, std::string_view to, const std::string& rest, bool is_directed
) {
    if (target->other_member && !is_directed) return;
    put(target, presence_to(to, rest));
}

/// Presence cannot fill an outbox, so that its stream would be closed: what finds no room is left
/// out, and told again later.
void Presence::put(const SessionPtr& target, xml::Bytes bytes) {
    if (const auto& budget = target->budget; budget && !target->other_member) {
        const std::size_t used = budget->used() + target->pending_bytes;
        if (used != 0 && used + bytes->size() > budget->fair_bytes_max() / 2) {
            behind_.insert(target->id);
            return;
        }
    }
    ++told_;
    fanout_.send(target, Outgoing::whole(StanzaKind::Presence, std::move(bytes)));
}

std::optional<xml::StanzaError> Presence::direct(
    const SessionPtr& session, const xml::Jid& to, const presence::Stanza& stanza
) {
    const bool is_available_now = stanza.type == presence::Stanza::Type::Available;
    const bool is_own = to.bare_view() == session->bare.str();
    const SaidPtr said = said_of(session);
    const bool was_told = said->directed.erase(to.str()) != 0;
    // An account that is not there and one that the policy keeps away look alike: nothing comes
    // back. An addressee of directed presence hears the end of it, too.
    if (!is_own && !(was_told && !is_available_now) &&
        !controller_.may_message(session->principal, to))
        return std::nullopt;
    if (is_available_now && !is_own) {
        if (said->directed.size() >= directed_max)
            return xml::resource_constraint(
                "a session has at most " + std::to_string(directed_max) +
                " addressees of directed presence"
            );
        said->directed.insert(to.str());
    }
    if (to.is_bare()) {
        for (const SessionPtr& target : sessions_.of_account(to.str()))
            if (is_available(*target) && !controller_.is_blocked(session->bare, target->jid))
                tell_session(target, to.str(), stanza.rest, true);
    } else if (const SessionPtr target = sessions_.find(to); target && may_hear(*target)) {
        tell_session(target, to.str(), stanza.rest, true);
    }
    if (!is_available_now)   // §4.6.1
        for (const SessionPtr& target : sessions_.of_account(to.bare_view()))
            if (to.is_bare() || target->jid == to) forget_directed(*target, session->jid);
    return std::nullopt;
}

void Presence::forget_directed(const Session& target, const xml::Jid& from) {
    const auto found = said_.find(target.id);
    if (found == said_.end()) return;
    found->second->directed.erase(from.str());
    found->second->directed.erase(std::string(from.bare_view()));
}

/// A presence without children, to one session wherever it is.
void Presence::say(
    const SessionPtr& target, const xml::Jid& from, std::string_view type, std::string_view id
) {
    std::string rest;
    xml::append_attr(rest, "from", from.str());
    if (!type.empty()) xml::append_attr(rest, "type", type);
    if (!id.empty()) xml::append_attr(rest, "id", id);
    tell_session(target, target->jid.str(), rest += "/>", true);
}

bool Presence::has_directed(const Session& session, const xml::Jid& to) const {
    const Said* said = find(session);
    return said != nullptr && (said->directed.contains(to.str()) ||
                               said->directed.contains(std::string(to.bare_view())));
}

bool Presence::is_shared(const Session& session, const xml::Jid& with) const {
    const std::string bare(with.bare_view());
    if (!controller_.may_share(session.principal, bare)) return false;
    return has_directed(session, with) ||
           (is_available(session) && controller_.rosters().standing(session.bare.str(), bare).from);
}

bool Presence::has_named(const Session& session, std::string_view node) const {
    const presence::Caps* caps = interests_.caps_of(session.id);
    return caps != nullptr && node == caps->node + "#" + caps->ver;
}

/// §4.6.6: a session that sent directed presence says that it is there, and no more.
void Presence::answer_stranger(
    const SessionPtr& asker, const SessionPtr& target, const xml::Jid& to, std::string_view id
) {
    const bool is_told = target && has_directed(*target, asker->jid);
    // §4.3.2: alike for accounts that are not there, and for those the policy keeps away.
    return is_told ? say(asker, to, {}, {}) : say(asker, to.bare(), "unsubscribed", id);
}

void Presence::probe(
    const SessionPtr& session, const xml::Jid& to, const presence::Stanza& stanza
) {
    const auto answer = [&](const xml::Jid& from, std::string_view type, std::string_view id) {
        say(session, from, type, id);
    };
    const xml::Jid contact = to.bare();
    const bool is_own = contact == session->bare;
    const auto& rosters = controller_.rosters();
    if (!is_own && !rosters.standing(session->bare.str(), contact.str()).to) {
        const SessionPtr target = to.is_bare() ? nullptr : sessions_.find(to);
        // The member of a session knows to whom that one sent directed presence.
        if (target && target->other_member && target->transport)
            return say(target, session->jid, "probe", stanza.id);
        return answer_stranger(session, target, to, stanza.id);
    }
    std::size_t told = 0;
    for (const SessionPtr& other : sessions_.of_account(contact.str())) {
        const Said* said = find(*other);
        if (said == nullptr || !said->rest || (!to.is_bare() && other->jid != to)) continue;
        if (!is_own && (!controller_.may_share(other->principal, session->bare.str()) ||
                        controller_.is_blocked(other->bare, session->jid)))
            continue;
        ++told;
        if (to.is_bare())
            tell_session(session, session->jid.str(), *said->rest);
        else
            answer(to, {}, {});
    }
    if (told == 0) answer(contact, "unavailable", stanza.id);
}

void Presence::relay_error(
    const SessionPtr& session, const xml::Jid& to, const presence::Stanza& stanza
) {
    const SessionPtr target = to.is_bare() ? nullptr : sessions_.find(to);
    if (!target || !may_hear(*target)) return;
    if (target->bare != session->bare && !controller_.may_message(session->principal, to)) return;
    tell_session(target, to.str(), stanza.rest, true);
}

/// §4.6.3: an addressee hears the end of a session elsewhere, also when that one's member is lost.
/// Those of its own account are told in any case.
void Presence::deliver(const SessionPtr& session, xml::Bytes stanza) {
    if (session->other_member) return;
    const auto head = read_head(*stanza);
    const auto from = xml::Jid::parse(head ? head->attr_or("from", "") : "");
    const SessionPtr teller = from ? sessions_.find(*from) : nullptr;
    const std::string_view type = head ? head->attr_or("type", "") : "";
    if (type == "probe") {   // of a client there; none of ours gets one
        if (teller) answer_stranger(teller, session, session->jid, head->attr_or("id", ""));
        return;
    }
    if (!may_hear(*session)) return;
    if (teller) tell_first(*teller, session->bare.str());
    if (teller && teller->other_member && teller->bare != session->bare) {
        auto& told = said_of(teller)->directed;
        if (type == "unavailable") {
            told.erase(session->jid.str());
            forget_directed(*session, *from);   // §4.6.1
        } else if (type.empty() && told.size() < directed_max) {
            told.insert(session->jid.str());
        }
    }
    put(session, std::move(stanza));
}

void Presence::tell_first_of(std::string_view stanza, const Session& target) {
    if (!is_telling()) return;
    const auto head = read_head(stanza);
    const auto from = xml::Jid::parse(head ? head->attr_or("from", "") : "");
    if (const SessionPtr teller = from ? sessions_.find(*from) : nullptr)
        tell_first(*teller, target.bare.str());
}

Presence::Words Presence::words_of(const Session& session) const {
    const Said* said = find(session);
    if (said == nullptr) return {};
    return {said->number, said->rest ? said->rest : said->farewell, said->rest != nullptr};
}

std::size_t Presence::tell_presence_of(std::string_view contact, const SessionPtr& target) {
    std::size_t told = 0;
    for (const SessionPtr& other : sessions_.of_account(contact)) {
        const auto found = said_.find(other->id);
        if (found == said_.end() || !found->second->rest) continue;
        auto& withheld = found->second->withheld;
        if (!controller_.may_share(other->principal, target->bare.str())) {
            withheld.insert(target->bare.str());
            continue;
        }
        withheld.erase(target->bare.str());
        if (controller_.is_blocked(other->bare, target->jid)) {
            withheld.insert(target->jid.str());
            continue;
        }
        withheld.erase(target->jid.str());
        ++told;
        tell_session(target, target->jid.str(), *found->second->rest);
    }
    return told;
}

}   // namespace grid::server
