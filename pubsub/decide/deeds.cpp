// pubsub/decide/deeds.cpp: see deeds.hpp.
#include "pubsub/decide/deeds.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace grid::pubsub {

namespace {

/// The account that the deed is about, where that is not the actor's own; else empty.
std::string other_than(const Principal& actor, const xml::Jid& jid) {
    return jid.bare_view() == actor.jid.bare_view() ? std::string() : std::string(jid.bare_view());
}

/// The fields that a form sets: names and values are configuration, never content.
std::string fields_of(const xml::Form& form) {
    constexpr std::size_t bytes_max = 400;
    std::string text;
    for (const xml::FormField& field : form.fields) {
        if (field.var == std::string_view("FORM_TYPE") || text.size() > bytes_max) continue;
        if (!text.empty()) text += ", ";
        text += field.var + "=";
        for (std::size_t i = 0; i < field.values.size(); ++i) {
            if (text.size() > bytes_max) break;
            if (i > 0) text += ' ';
            text += field.values[i];
        }
    }
    return text;
}

/// The name of a request in the audit; questions have none.
struct Teller {
    const Principal& actor;

    template <class Question>
    Deed operator()(const Question&) const {
        return {Right::Discover, {}, {}, {}, {}};
    }
    Deed operator()(const RetrieveItems&) const { return question(Right::Retrieve); }
    Deed operator()(const QueryArchive&) const { return question(Right::Retrieve); }
    Deed operator()(const GetConfiguration&) const { return question(Right::Manage); }
    Deed operator()(const GetSubscriptions&) const { return question(Right::Manage); }
    Deed operator()(const GetAffiliations&) const { return question(Right::Manage); }
    Deed operator()(const Command&) const { return question(Right::Manage); }
    Deed operator()(const Subscribe& request) const {
        return {Right::Subscribe, "subscribe", other_than(actor, request.jid), {}, {}};
    }
    Deed operator()(const Unsubscribe& request) const {
        return {Right::Subscribe, "unsubscribe", other_than(actor, request.jid), {}, {}};
    }
    Deed operator()(const SetOptions& request) const {
        return {
            Right::Subscribe,
            "subscription-options",
            other_than(actor, request.which.jid),
            fields_of(request.form),
            {}
        };
    }
    Deed operator()(const Publish&) const { return {Right::Publish, "publish", {}, {}, {}}; }
    Deed operator()(const Retract& request) const {
        return {Right::Publish, "retract", {}, "item " + request.id, {}};
    }
    Deed operator()(const CreateNode& request) const {
        std::string detail = request.configuration ? fields_of(*request.configuration) : "";
        return {Right::Create, "create", {}, std::move(detail), {}};
    }
    Deed operator()(const Configure& request) const {
        return {Right::Manage, "configure", {}, fields_of(request.form), {}};
    }
    Deed operator()(const DeleteNode& request) const {
        std::string detail = request.redirect.empty() ? "" : "moved to " + request.redirect;
        return {Right::Manage, "delete", {}, std::move(detail), {}};
    }
    Deed operator()(const PurgeNode&) const { return {Right::Manage, "purge", {}, {}, {}}; }
    Deed operator()(const ModifySubscriptions&) const {
        return {Right::Manage, "subscriptions-set", {}, {}, {}};
    }
    Deed operator()(const ModifyAffiliations&) const {
        return {Right::Manage, "affiliation-set", {}, {}, {}};
    }
    Deed operator()(const Associate& request) const {
        std::string detail;
        for (const Associate::Change& change : request.changes)
            detail += (detail.empty() ? "" : ", ") + change.node;
        const bool is_added = request.changes.empty() || request.changes.front().is_added;
        return {Right::Manage, is_added ? "associate" : "dissociate", {}, std::move(detail), {}};
    }
    Deed operator()(const Approval& request) const {
        return {
            Right::Manage,
            request.is_allowed ? "subscription-approve" : "subscription-deny",
            std::string(request.subscriber.bare_view()),
            {},
            {}
        };
    }
    Deed operator()(const Bounce&) const {
        return {Right::Subscribe, "unsubscribe", {}, "a notification came back", {}};
    }

private:
    static Deed question(Right operation) { return {operation, {}, {}, {}, {}}; }
};

/// The node that a request is about.
struct NodeOf {
    template <class Other>
    std::string operator()(const Other&) const {
        return {};
    }
    template <class Named>
        requires requires(const Named& request) {
            { request.node } -> std::convertible_to<std::string>;
        }
    std::string operator()(const Named& request) const {
        return request.node;
    }
    std::string operator()(const SetOptions& request) const { return request.which.node; }
    std::string operator()(const CreateNode& request) const { return request.node.value_or(""); }
    std::string operator()(const Associate& request) const { return request.collection; }
};

/// A client that looks whether something is there, or makes it in case it is not, is no news.
bool is_for_the_record(const xml::StanzaError& error) {
    constexpr std::array ordinary{"item-not-found", "conflict", "gone", "unexpected-request"};
    return std::ranges::find(ordinary, error.condition) == ordinary.end();
}

std::string reason_of(const xml::StanzaError& error) {
    return error.application ? std::string(error.application->name()) : error.condition;
}

}   // namespace

Context noting(const Context& context, Telling& telling) {
    Context own = context;
    own.telling = &telling;
    return own;
}

Telling telling_of(const Request& request, const Principal& actor) {
    return {std::visit(Teller{actor}, request), {}, false, false};
}

void tell(const Context& context, Deed part) {
    if (context.telling != nullptr) context.telling->parts.push_back(std::move(part));
}

void tell_instead(const Context& context, Deed part) {
    tell(context, std::move(part));
    if (context.telling != nullptr) context.telling->is_told_by_parts = true;
}

std::size_t records_of(const Context& context) {
    if (context.telling == nullptr) return 1;
    return context.telling->parts.size() + (context.telling->is_told_by_parts ? 0 : 1);
}

std::vector<Deed> deeds_of(const Context& context, Right operation) {
    std::vector<Deed> deeds;
    if (context.telling == nullptr) {
        deeds.push_back({operation});
        return deeds;
    }
    const Telling& telling = *context.telling;
    if (!telling.is_told_by_parts) {
        deeds.push_back(telling.deed);
        deeds.back().operation = operation;
        if (deeds.back().name.empty()) deeds.back().name = to_string(operation);
    }
    deeds.insert(deeds.end(), telling.parts.begin(), telling.parts.end());
    return deeds;
}

void note_refusal(
    const BrokerState& broker,
    const Context& context,
    Right operation,
    std::string_view node,
    const Verdict& verdict
) {
    Deed deed{operation};
    if (context.telling != nullptr) {
        context.telling->is_refusal_told = true;
        deed = context.telling->deed;
        deed.operation = operation;
        if (deed.name.empty()) deed.name = to_string(operation);
    }
    broker.policy.refused(context.actor, deed, node, verdict);
}

Decision decide_on_record(
    const BrokerState& broker, const Context& context, const Request& request
) {
    Telling telling = telling_of(request, context.actor);
    const Context own = noting(context, telling);
    Decision decision =
        std::visit([&](const auto& use) { return decide(broker, own, use); }, request);
    const xml::StanzaError* error = decision.error();
    if (error == nullptr || telling.deed.name.empty() || telling.is_refusal_told) return decision;
    if (!is_for_the_record(*error)) return decision;
    telling.deed.detail = error->text;
    broker.policy.refused(
        context.actor, telling.deed, std::visit(NodeOf{}, request), {false, reason_of(*error)}
    );
    return decision;
}

Decision refuse_on_record(
    const BrokerState& broker,
    const Context& context,
    const std::string& node,
    const xml::StanzaError& error
) {
    const Deed deed{Right::Publish, "publish", {}, error.text, {}};
    broker.policy.refused(context.actor, deed, node, {false, reason_of(error)});
    return error;
}

}   // namespace grid::pubsub
