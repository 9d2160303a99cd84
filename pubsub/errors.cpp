// pubsub/errors.cpp: the table of refusals (protocol: XEP-0060 §6–§8 error cases).
#include "pubsub/errors.hpp"

#include <array>
#include <utility>

#include "xml/namespaces.hpp"

namespace grid::pubsub {

namespace {

struct Row {
    Errc code;
    const char *type, *condition, *application;
};

constexpr std::array rows{
    Row{Errc::AssociationForbidden, "cancel", "forbidden", nullptr},
    Row{Errc::BadRequest, "modify", "bad-request", nullptr},
    Row{Errc::ClosedNode, "cancel", "not-allowed", "closed-node"},
    Row{Errc::ConfigurationRequired, "modify", "not-acceptable", "configuration-required"},
    Row{Errc::Forbidden, "auth", "forbidden", nullptr},
    Row{Errc::Gone, "modify", "gone", nullptr},
    Row{Errc::GraphRefused, "cancel", "not-allowed", "invalid-options"},
    Row{Errc::InvalidJid, "modify", "bad-request", "invalid-jid"},
    Row{Errc::InvalidOptions, "modify", "bad-request", "invalid-options"},
    Row{Errc::InvalidPayload, "modify", "bad-request", "invalid-payload"},
    Row{Errc::InvalidSubid, "modify", "not-acceptable", "invalid-subid"},
    Row{Errc::ItemForbidden, "modify", "bad-request", "item-forbidden"},
    Row{Errc::ItemNotFound, "cancel", "item-not-found", nullptr},
    Row{Errc::ItemRequired, "modify", "bad-request", "item-required"},
    Row{Errc::JidRequired, "modify", "bad-request", "jid-required"},
    Row{Errc::MaxNodesExceeded, "cancel", "not-allowed", "max-nodes-exceeded"},
    Row{Errc::NodeExists, "cancel", "conflict", nullptr},
    Row{Errc::NodeFull, "cancel", "conflict", "node-full"},
    Row{Errc::NodeIdRequired, "modify", "bad-request", "nodeid-required"},
    Row{Errc::NotAcceptable, "modify", "not-acceptable", nullptr},
    Row{Errc::NotAllowed, "cancel", "not-allowed", nullptr},
    Row{Errc::NotInRosterGroup, "auth", "not-authorized", "not-in-roster-group"},
    Row{Errc::NotSubscribedItems, "auth", "not-authorized", "not-subscribed"},
    Row{Errc::NotSubscribedOptions, "modify", "unexpected-request", "not-subscribed"},
    Row{Errc::NotSubscribedUnsubscribe, "cancel", "unexpected-request", "not-subscribed"},
    Row{Errc::PayloadRequired, "modify", "bad-request", "payload-required"},
    Row{Errc::PayloadTooBig, "modify", "not-acceptable", "payload-too-big"},
    Row{Errc::PendingSubscription, "auth", "not-authorized", "pending-subscription"},
    Row{Errc::PolicyViolation, "modify", "policy-violation", nullptr},
    Row{Errc::PreconditionNotMet, "cancel", "conflict", "precondition-not-met"},
    Row{Errc::PresenceRequired, "auth", "not-authorized", "presence-subscription-required"},
    Row{Errc::ResourceConstraint, "wait", "resource-constraint", nullptr},
    Row{Errc::SubidRequired, "modify", "bad-request", "subid-required"},
    Row{Errc::TooManySubscriptions, "wait", "policy-violation", "too-many-subscriptions"},
    Row{Errc::Unsupported, "cancel", "feature-not-implemented", "unsupported"},
    Row{Errc::UnsupportedAccessModel, "modify", "not-acceptable", "unsupported-access-model"},
};

consteval bool are_rows_in_order() {
    for (std::size_t i = 0; i < rows.size(); ++i)
        if (rows.at(i).code != static_cast<Errc>(i)) return false;
    return rows.back().code == Errc::UnsupportedAccessModel;
}
static_assert(are_rows_in_order());

const Row& row_of(Errc code) { return rows.at(static_cast<std::size_t>(code)); }

}   // namespace

xml::StanzaError refuse(Errc code, std::string text) {
    const Row& row = row_of(code);
    xml::StanzaError error;
    error.type = row.type;
    error.condition = row.condition;
    error.text = std::move(text);
    if (row.application) error.application = xml::Element(row.application, xml::ns::pubsub_errors);
    return error;
}

bool has_code(const xml::StanzaError& error, Errc code) {
    const Row& row = row_of(code);
    if (error.type != row.type || error.condition != row.condition) return false;
    if (!row.application) return !error.application;
    return error.application && error.application->is(row.application, xml::ns::pubsub_errors);
}

xml::StanzaError unsupported(std::string_view feature, std::string text) {
    xml::StanzaError error = refuse(Errc::Unsupported, std::move(text));
    error.application->set("feature", std::string(feature));
    return error;
}

xml::StanzaError bad_command(const char* condition, std::string text) {
    xml::StanzaError error = refuse(Errc::BadRequest, std::move(text));
    error.application = xml::Element(condition, xml::ns::commands);
    return error;
}

xml::StanzaError gone(std::string uri) {
    xml::StanzaError error = refuse(Errc::Gone, "This node has moved; subscribe there.");
    error.condition_text = std::move(uri);
    return error;
}

}   // namespace grid::pubsub
