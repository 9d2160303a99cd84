// pubsub/errors.cpp: the table of refusals (protocol: XEP-0060 §6–§8 error cases).
#include "pubsub/errors.hpp"

#include <array>
#include <utility>

#include "xml/namespaces.hpp"

namespace grid::pubsub {

namespace {

struct Row {
    const char *type, *condition, *application;
};

constexpr std::array rows{
    Row{"cancel", "forbidden", nullptr},
    Row{"modify", "bad-request", nullptr},
    Row{"cancel", "not-allowed", "closed-node"},
    Row{"modify", "not-acceptable", "configuration-required"},
    Row{"auth", "forbidden", nullptr},
    Row{"modify", "gone", nullptr},
    Row{"cancel", "not-allowed", "invalid-options"},
    Row{"modify", "bad-request", "invalid-jid"},
    Row{"modify", "bad-request", "invalid-options"},
    Row{"modify", "bad-request", "invalid-payload"},
    Row{"modify", "not-acceptable", "invalid-subid"},
    Row{"modify", "bad-request", "item-forbidden"},
    Row{"cancel", "item-not-found", nullptr},
    Row{"modify", "bad-request", "item-required"},
    Row{"modify", "bad-request", "jid-required"},
    Row{"cancel", "not-allowed", "max-nodes-exceeded"},
    Row{"cancel", "conflict", nullptr},
    Row{"cancel", "conflict", "node-full"},
    Row{"modify", "bad-request", "nodeid-required"},
    Row{"modify", "not-acceptable", nullptr},
    Row{"cancel", "not-allowed", nullptr},
    Row{"auth", "not-authorized", "not-in-roster-group"},
    Row{"auth", "not-authorized", "not-subscribed"},
    Row{"modify", "unexpected-request", "not-subscribed"},
    Row{"cancel", "unexpected-request", "not-subscribed"},
    Row{"modify", "bad-request", "payload-required"},
    Row{"modify", "not-acceptable", "payload-too-big"},
    Row{"auth", "not-authorized", "pending-subscription"},
    Row{"modify", "policy-violation", nullptr},
    Row{"cancel", "conflict", "precondition-not-met"},
    Row{"auth", "not-authorized", "presence-subscription-required"},
    Row{"wait", "resource-constraint", nullptr},
    Row{"modify", "bad-request", "subid-required"},
    Row{"wait", "policy-violation", "too-many-subscriptions"},
    Row{"cancel", "feature-not-implemented", "unsupported"},
    Row{"modify", "not-acceptable", "unsupported-access-model"},
};
static_assert(rows.size() == static_cast<std::size_t>(Errc::UnsupportedAccessModel) + 1);

}   // namespace

xml::StanzaError refuse(Errc code, std::string text) {
    const Row& row = rows.at(static_cast<std::size_t>(code));
    xml::StanzaError error;
    error.type = row.type;
    error.condition = row.condition;
    error.text = std::move(text);
    if (row.application) error.application = xml::Element(row.application, xml::ns::pubsub_errors);
    return error;
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
