// server/presence/presence_rosters.cpp: roster requests and subscription stanzas in the pipeline,
// and what their batches mean to sessions.
#include <utility>

#include "server/clock.hpp"
#include "server/pipeline/storage_error.hpp"
#include "server/presence/presence.hpp"
#include "xml/namespaces.hpp"
#include "xml/stanza.hpp"
#include "xml/writer.hpp"

namespace grid::server {

namespace {

using controller::contacts::RosterAnswer;
using controller::contacts::RosterRequest;

/// Drops requests of a session that was ended, as those of services are.
class ContactTransaction final : public TypedTransaction<RosterAnswer, xml::StanzaError> {
public:
    using Done = std::function<void(Answer answer)>;

    ContactTransaction(
        const SessionPtr& session, std::function<Decision(const pubsub::Context&)> decide, Done done
    )
        : TypedTransaction(std::move(decide)), session_(session), done_(std::move(done)) {
        context = {session->principal, now(), fresh_id()};
    }

    Next decide() override {
        if (!session_->is_ended) return TypedTransaction::decide();
        keep(xml::not_allowed("this stream was ended"));
        return Next::Answer;
    }

protected:
    xml::StanzaError to_error(boost::system::error_code error) override {
        return to_stanza_error(error);
    }
    void send(Answer answer) override { done_(std::move(answer)); }

private:
    SessionPtr session_;
    Done done_;
};

xml::Bytes iq_to(const Session& session, const std::string& rest) {
    auto out = std::make_shared<std::string>("<iq");
    xml::append_attr(*out, "to", session.jid.str());
    *out += rest;
    return out;
}

xml::Bytes result(const Session& session, const xml::Element& iq, const std::string& payload) {
    std::string rest;
    if (const auto* from = iq.attr("to")) xml::append_attr(rest, "from", *from);
    xml::append_attr(rest, "id", iq.attr_or("id", ""));
    rest += " type='result'";
    rest += payload.empty() ? "/>" : ">" + payload + "</iq>";
    return iq_to(session, rest);
}

xml::Bytes refusal_of(const Session& session, xml::Element stanza, const xml::StanzaError& error) {
    stanza.set("from", session.jid.str());
    return std::make_shared<const std::string>(
        xml::to_string(xml::error_reply(stanza, error), xml::ns::client.uri())
    );
}

}   // namespace

std::unique_ptr<Transaction> Presence::make_transaction(
    const SessionPtr& session, const xml::Element& iq, RosterRequest request
) {
    if (!request.is_set) said_of(session)->is_interested = true;
    auto head = iq;
    head.mutable_nodes().clear();
    const bool is_set = request.is_set;
    auto made = std::make_unique<ContactTransaction>(
        session,
        [this, request = std::move(request)](const pubsub::Context& context) {
            return controller_.decide_roster(request, context);
        },
        [this, session, head = std::move(head)](auto answer) {
            if (const auto* error = std::get_if<0>(&answer))
                return fanout_.send(session, Outgoing::stanza(refusal_of(*session, head, *error)));
            const RosterAnswer& roster = std::get<1>(answer);
            fanout_.send(session, Outgoing::stanza(result(*session, head, roster.payload)));
            for (const std::string& push : roster.pushes)
                fanout_.send(session, Outgoing::stanza(iq_to(*session, push)));
        }
    );
    made->is_followed = is_set;
    return made;
}

std::unique_ptr<Transaction> Presence::make_transaction(
    const SessionPtr& session, const xml::Jid& to, presence::Stanza stanza
) {
    xml::Element head("presence", xml::ns::client, {{"to", to.str()}});
    head.set("type", std::string(to_string(stanza.kind)));
    if (!stanza.id.empty()) head.set("id", stanza.id);
    auto made = std::make_unique<ContactTransaction>(
        session,
        [this, to, stanza = std::move(stanza)](const pubsub::Context& context) {
            return controller_.decide_subscription(stanza.kind, to, stanza.rest, context);
        },
        [this, session, head = std::move(head)](const auto& answer) {
            if (const auto* error = std::get_if<0>(&answer))
                fanout_.send(session, Outgoing::stanza(refusal_of(*session, head, *error)));
        }
    );
    made->is_followed = true;
    return made;
}

void Presence::notify(const storage::Committed& committed) {
    if (const auto blocked = controller::decode_block_event(committed.batch.event))
        return look_again(*blocked);
    const auto effects = controller::contacts::decode_effects(committed.batch.event);
    if (!effects) return;
    for (const Effect& effect : *effects) perform(effect, committed.revision);
}

void Presence::on_feed_gap(storage::Revision told) {
    for (const auto& [id, said] : said_) {
        if (said->session->other_member) continue;
        if (said->rest) behind_.insert(id);
        push_changed(*said, told);
    }
}

void Presence::push_changed(const Said& said, storage::Revision told) {
    if (!said.is_interested || !may_hear(*said.session)) return;
    const auto& roster = controller_.rosters().of(said.session->bare.str());
    for (const auto& [contact, item] : roster.items)
        if (item.revision > told)
            fanout_.send(
                said.session,
                Outgoing::stanza(iq_to(
                    *said.session, controller::contacts::render_push(roster, contact, item.revision)
                ))
            );
}

HandedPresence Presence::handed_over(const Session& session) const {
    HandedPresence handed;
    const Said* said = find(session);
    if (said == nullptr) return handed;
    const Words words = words_of(session);
    handed.words = words.number;
    handed.is_available = words.is_available;
    handed.rest = words.rest;
    handed.is_interested = said->is_interested;
    handed.directed = {said->directed.begin(), said->directed.end()};
    if (const auto* caps = interests_.caps_of(session.id)) {
        handed.hash = caps->hash;
        handed.node = caps->node;
        handed.ver = caps->ver;
    }
    if (const auto* wants = interests_.of(session.id)) {
        handed.knows_wants = true;
        handed.wants = {wants->begin(), wants->end()};
    }
    return handed;
}

void Presence::gone(const SessionPtr& there) {
    interests_.forget(there->id);
    behind_.erase(there->id);
    const auto found = said_.find(there->id);
    if (found == said_.end()) return;
    found->second->session = there;
    found->second->directed.clear();
    found->second->is_interested = false;
}

void Presence::come(const SessionPtr& here, const HandedPresence& handed) {
    if (handed.words == 0 && handed.directed.empty() && !handed.is_interested) return;
    const SaidPtr said = said_of(here);
    said->session = here;
    said->number = handed.words;
    said->is_interested = handed.is_interested;
    said->directed = {handed.directed.begin(), handed.directed.end()};
    if (handed.hash.empty() || !said->rest) return;
    presence::Caps caps{handed.hash, handed.node, handed.ver};
    if (!handed.knows_wants) return take_step(here, interests_.heard(here->id, caps), false);
    interests_.adopt(
        here->id, std::move(caps),
        std::make_shared<const presence::Wants>(handed.wants.begin(), handed.wants.end())
    );
}

void Presence::tell_missed(const Session& session, storage::Revision told, bool is_missed) {
    const Said* said = find(session);
    if (said == nullptr) return;
    if (is_missed && said->rest) behind_.insert(session.id);
    push_changed(*said, told);
}

void Presence::perform(const Effect& effect, storage::Revision revision) {
    switch (effect.act) {
        case Effect::Act::Push:
        case Effect::Act::Remove:
            return push(effect, revision);
        case Effect::Act::Ask:
        case Effect::Act::Tell:
            return tell_subscription(effect);
        case Effect::Act::Present:
            return show(effect);
        case Effect::Act::Absent:
            return hide(effect);
    }
}

void Presence::push(const Effect& effect, storage::Revision revision) {
    // Access to nodes may rest on the item; before the client hears of the change. Each list of
    // recipients follows when it is used next.
    const auto contact = xml::Jid::from_canonical(effect.contact);
    if (broker_.contact_changed(xml::Jid::from_canonical(effect.owner), contact))
        fanout_.presence_changed(contact);
    std::string rest;
    for (const SessionPtr& session : sessions_.of_account(effect.owner)) {
        const Said* said = find(*session);
        if (said == nullptr || !said->is_interested || !may_hear(*session)) continue;
        if (rest.empty())
            rest = controller::contacts::render_push(
                controller_.rosters().of(effect.owner), effect.contact, revision
            );
        fanout_.send(session, Outgoing::stanza(iq_to(*session, rest)));
    }
}

/// §3.1.3: a request goes to available resources; §3.1.6, §3.2.3, §3.3.3: the others to those that
/// asked for the roster.
void Presence::tell_subscription(const Effect& effect) {
    if (effect.act == Effect::Act::Ask) {
        tell_account(effect.owner, effect.stanza);
        return;
    }
    for (const SessionPtr& session : sessions_.of_account(effect.owner)) {
        const Said* said = find(*session);
        if (said != nullptr && said->is_interested && may_hear(*session))
            tell_session(session, effect.owner, effect.stanza);
    }
}

void Presence::show(const Effect& effect) {
    for (const SessionPtr& session : sessions_.of_account(effect.owner))
        if (!session->other_member && is_available(*session)) {
            tell_presence_of(effect.contact, session);
            last_items_.begin(session, effect.contact);
        }
}

void Presence::hide(const Effect& effect) {
    std::size_t told = 0;
    for (const SessionPtr& session : sessions_.of_account(effect.contact)) {
        const auto found = said_.find(session->id);
        if (found == said_.end() || !found->second->rest) continue;
        if (found->second->withheld.erase(effect.owner) != 0) continue;
        ++told;
        tell_account(effect.owner, presence::plain_unavailable(session->jid), found->second.get());
        found->second->directed.erase(effect.owner);
    }
    if (told == 0)
        tell_account(
            effect.owner, presence::plain_unavailable(xml::Jid::from_canonical(effect.contact))
        );
}

}   // namespace grid::server
