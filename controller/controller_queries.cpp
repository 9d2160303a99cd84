// controller/controller_queries.cpp: may this client query that one? Of providers the policy's
// `query` in place of presence sharing (RFC 6121 §8.5.3.1); among clients that share it `message`.
#include <algorithm>
#include <array>
#include <functional>
#include <iterator>

#include "controller/controller.hpp"
#include "controller/gi/provider_bulk.hpp"
#include "controller/gi/request.hpp"
#include "controller/incident.hpp"
#include "controller/state.hpp"
#include "xml/namespaces.hpp"

namespace grid::controller {

namespace {

using policy::Right;

/// How many topics of a provider one question looks at.
constexpr std::size_t topics_max = 256;

/// The names under which a policy or a declaration may know what the payload asks for: the
/// namespace, the element in it, and of a Grid message the same of what it wraps.
std::vector<std::string> service_names(const xml::Element& payload) {
    std::vector<std::string> names;
    const auto add = [&](const xml::Element& element) {
        const std::string ns(element.ns().uri());
        if (!ns.empty()) names.push_back(ns + "." + element.name());
        if (!ns.empty() && element.ns() != xml::ns::gi && element.ns() != xml::ns::xgrid)
            names.push_back(ns);
    };
    const xml::Element* inner = gi::is_grid(payload) ? payload.first_child() : nullptr;
    if (inner == nullptr) {
        add(payload);
        return names;
    }
    add(*inner);
    names.push_back(inner->name());
    if (const std::string type = xsi_type(*inner); !type.empty()) names.push_back(type);
    return names;
}

bool serves(const Directory& directory, const std::string& topic, const std::string& name) {
    if (topic == name || split_topic(topic).name == name) return true;
    const Topic* declared = directory.topic(topic);
    return declared != nullptr && std::ranges::binary_search(declared->queries, name);
}

/// A topic of the provider, and the name by which it was asked.
struct Asked {
    std::string topic, service;
    bool is_served = true;   // the policy lets the provider serve that name
};

/// The objects that the policy is asked about: the topics of the provider that serve this payload;
/// all of its topics when none is declared to, since a provider may answer in any namespace; and
/// the payload's own name for a Grid message to a client that provides nothing. Under a service's
/// name only where the provider may serve it: else a rule about a service would open every client
/// that claims the name.
std::vector<Asked> asked_about(
    const State& state, const xml::Jid& to, const xml::Element& payload
) {
    const std::string& incidents = state.settings.incident_topic;
    if (payload.ns() == incident_ns && !incidents.empty()) {
        // A report or a response may go to any client; questions go to providers.
        const bool is_question = payload.name() == "inquiry" || payload.name() == "request";
        const bool is_served = !is_question || state.may_serve(to, incidents, incidents);
        return {{incidents, std::string(incident_ns.uri()), is_served}};
    }
    const pubsub::Broker* broker = state.directory.broker();
    std::vector<std::string> provided;
    if (broker != nullptr) provided = broker->published_by(to.bare_view(), topics_max);
    const std::vector<std::string> names = service_names(payload);
    const std::string& plain = names.empty() ? payload.name() : names.front();
    std::vector<Asked> serving, all;
    // A publisher whose right the policy has taken is no provider any more.
    std::erase_if(provided, [&](const std::string& topic) {
        return !state.may_serve(to, topic, topic);
    });
    // Of a topic that the provider has and the question names, no other one's right counts.
    if (const xml::Element* bulk = gi::find_bulk_query(payload)) {
        const std::string named = state.governing(gi::topic_of_bulk_query(*bulk));
        if (std::ranges::find(provided, named) != provided.end()) provided = {named};
    }
    for (const std::string& topic : provided) {
        const auto name = std::ranges::find_if(names, [&](const std::string& one) {
            return serves(state.directory, topic, one) && state.may_serve(to, topic, one);
        });
        if (name != names.end()) serving.push_back({topic, *name});
        all.push_back({topic, state.may_serve(to, topic, plain) ? plain : std::string()});
    }
    if (!serving.empty()) return serving;
    if (provided.empty() && gi::is_grid(payload))
        for (const std::string& name : names)
            all.push_back({name, name, state.may_serve(to, name, name)});
    return all;
}

/// Whether the actor may discover one of these topics, and the other one provides it.
bool sees_provider(
    const State& state,
    const pubsub::Principal& actor,
    const xml::Jid& to,
    const std::vector<Asked>& candidates
) {
    const pubsub::Broker* broker = state.directory.broker();
    if (broker == nullptr) return false;
    const auto provided = broker->published_by(to.bare_view(), topics_max);
    return std::ranges::any_of(candidates, [&](const Asked& candidate) {
        return std::ranges::find(provided, candidate.topic) != provided.end() &&
               state.decide(actor, Right::Discover, candidate.topic).allowed;
    });
}

/// The policy's word on the first candidate that it allows, or on the last one.
struct Judged {
    policy::Match match;
    const Asked* asked = nullptr;
    bool is_not_served = false;   // allowed, but for the one that is asked
};
Judged judge_candidates(
    const State& state,
    const pubsub::Principal& actor,
    Right right,
    const std::vector<Asked>& candidates
) {
    static const std::string not_served = "the policy does not let the one asked serve this";
    Judged judged;
    for (const Asked& candidate : candidates) {
        judged.asked = &candidate;
        judged.match =
            state.decide(actor, right, policy::Object{candidate.topic, {}, candidate.service});
        if (judged.match.allowed && candidate.is_served) break;
    }
    judged.is_not_served = judged.match.allowed && !judged.asked->is_served;
    if (judged.is_not_served) judged.match = {false, 0, &not_served};
    return judged;
}

/// The policy's word on a question.
audit::Record record_of(
    const pubsub::Principal& actor, const xml::Jid& to, const Judged& judged, Right right
) {
    audit::Record record = audit::by(
        actor, judged.match.allowed ? audit::Outcome::Allow : audit::Outcome::Deny,
        right == Right::Bulk ? "bulk-offer" : "query"
    );
    record.topic = judged.asked->topic;
    record.target = to.str();
    record.detail = judged.asked->service;
    record.rule = *judged.match.rule;
    return record;
}

Right right_to(const xml::Element& payload) {
    return gi::find_bulk_query(payload) != nullptr ? Right::Bulk : Right::Query;
}

/// Questions about a client itself, whatever it provides, and nothing in them: XEP-0030, 0199,
/// 0092, 0202, 0012.
bool is_about_client(const xml::Element& payload) {
    using Kind = std::pair<std::string_view, std::string_view>;
    constexpr std::array<Kind, 5> kinds{
        {{"query", "http://jabber.org/protocol/disco#info"},
         {"ping", "urn:xmpp:ping"},
         {"query", "jabber:iq:version"},
         {"time", "urn:xmpp:time"},
         {"query", "jabber:iq:last"}}
    };
    const Kind kind{payload.name(), payload.ns().uri()};
    return payload.first_child() == nullptr && std::ranges::find(kinds, kind) != kinds.end();
}

/// A client that provides nothing is answered for as a missing account.
xml::StanzaError nobody() { return xml::service_unavailable("nobody is there"); }

/// A refusal of its own would tell that there is such an account, to a client that cannot see it as
/// the provider of a topic.
xml::StanzaError refusal_of(
    const State& state,
    const pubsub::Principal& actor,
    const xml::Jid& to,
    const std::vector<Asked>& candidates,
    const Judged& judged,
    std::string text
) {
    if (judged.is_not_served || !sees_provider(state, actor, to, candidates)) return nobody();
    return to_plain_error({Errc::Denied, std::move(text), {}});
}

}   // namespace

bool Controller::is_among_clients(
    const xml::Jid& to, const xml::Element& payload, bool is_get, bool is_node_known
) const {
    if (is_get && is_node_known && is_about_client(payload)) return true;
    const pubsub::Broker* broker = state_->directory.broker();
    const bool is_provider = broker != nullptr && !broker->published_by(to.bare_view(), 1).empty();
    return !is_provider && asked_about(*state_, to, payload).empty();
}

std::optional<xml::StanzaError> Controller::refuse_among_clients(
    const pubsub::Principal& actor, const xml::Jid& to, const xml::Element& payload, bool is_answer
) const {
    const pubsub::Verdict verdict = check_message(actor, to);
    if (verdict.allowed && is_answer) return std::nullopt;   // the question is on record
    audit::Record record =
        audit::by(actor, verdict.allowed ? audit::Outcome::Allow : audit::Outcome::Deny, "query");
    record.target = to.str();
    record.detail = std::string(payload.ns().uri()) + "." + payload.name();
    if (is_answer) record.detail += ", the answer";
    record.rule = verdict.rule;
    state_->audit.add(std::move(record));
    if (verdict.allowed) return std::nullopt;
    return nobody();
}

std::optional<xml::StanzaError> Controller::refuse_query(
    const pubsub::Principal& actor, const xml::Jid& to, const xml::Element& payload
) const {
    const State& state = *state_;
    const std::vector<Asked> candidates = asked_about(state, to, payload);
    if (candidates.empty()) return nobody();
    if (!state.settings.precheck) return std::nullopt;
    const Right right = right_to(payload);
    const Judged judged = judge_candidates(state, actor, right, candidates);
    state.audit.add(record_of(actor, to, judged, right));
    if (judged.match.allowed) return std::nullopt;
    return refusal_of(
        state, actor, to, candidates, judged, "the policy of this grid does not allow this query"
    );
}

std::optional<xml::StanzaError> Controller::refuse_answer(
    const pubsub::Principal& actor, const xml::Jid& to, const xml::Element& payload
) const {
    const State& state = *state_;
    if (!state.settings.precheck) return std::nullopt;   // the provider has decided
    const std::vector<Asked> candidates = asked_about(state, to, payload);
    if (candidates.empty()) return nobody();
    const Right right = right_to(payload);
    const Judged judged = judge_candidates(state, actor, right, candidates);
    if (judged.match.allowed) return std::nullopt;
    audit::Record record = record_of(actor, to, judged, right);
    record.detail += record.detail.empty() ? "the answer" : ", the answer";
    state.audit.add(std::move(record));
    return refusal_of(
        state, actor, to, candidates, judged,
        "the right to this query has ended before its answer came"
    );
}

pubsub::Verdict Controller::check_bulk_answer(
    const pubsub::Principal& asker, const xml::Jid& provider, const xml::Element& question
) const {
    static const std::string blocked = "block list", nothing = "nothing is provided";
    if (is_blocked(asker.jid.bare(), provider) || is_blocked(provider.bare(), asker.jid))
        return {false, blocked};
    const std::vector<Asked> candidates = asked_about(*state_, provider, question);
    if (candidates.empty()) return {false, nothing};
    const Judged judged = judge_candidates(*state_, asker, Right::Bulk, candidates);
    return {judged.match.allowed, *judged.match.rule};
}

std::optional<xml::Jid> Controller::incident_responder(
    const xml::Jid& asker, std::string_view spread, storage::Millis now
) const {
    const State& state = *state_;
    const std::string& topic = state.settings.incident_topic;
    std::vector<xml::Jid> online;
    for (const Provider& provider : state.directory.providers(topic, now))
        if (state.may_serve(provider.account, topic, topic))
            std::ranges::copy_if(provider.online, std::back_inserter(online), [&](const auto& jid) {
                return jid != asker;
            });
    if (online.empty()) return std::nullopt;
    return online[std::hash<std::string_view>{}(spread) % online.size()];
}

}   // namespace grid::controller
