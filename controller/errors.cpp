// controller/errors.cpp: each error's stanza error, Grid condition and HTTP status.
#include "controller/errors.hpp"

#include <array>

#include "xml/namespaces.hpp"

namespace grid::controller {

namespace {

constexpr std::array rows{
    ErrorRow{"modify", "bad-request", "malformed-request", nullptr, 400, "malformed-request"},
    ErrorRow{
        "cancel", "feature-not-implemented", "unsupported-operation", "name", 404,
        "unsupported-operation"
    },
    ErrorRow{
        "auth", "registration-required", "account-unregistered", nullptr, 403,
        "account-unregistered"
    },
    ErrorRow{"auth", "registration-required", "account-pending", nullptr, 403, "account-pending"},
    ErrorRow{"auth", "forbidden", "account-disabled", nullptr, 403, "account-disabled"},
    ErrorRow{"wait", "unexpected-request", "not-logged-in", nullptr, 409, "not-logged-in"},
    ErrorRow{"cancel", "conflict", "username-taken", nullptr, 409, "username-taken"},
    ErrorRow{"cancel", "item-not-found", "unknown-capability", nullptr, 404, "unknown-capability"},
    ErrorRow{"auth", "forbidden", "denied", nullptr, 403, "denied"},
    ErrorRow{"modify", "bad-request", "invalid-filter", nullptr, 400, "invalid-filter"},
    ErrorRow{
        "wait", "resource-constraint", "too-many-subtopics", "limit", 429, "too-many-subtopics"
    },
    ErrorRow{"wait", "recipient-unavailable", nullptr, nullptr, 503, "provider-offline"},
    ErrorRow{"auth", "forbidden", "denied", nullptr, 403, "not-administrator"},
    ErrorRow{"cancel", "item-not-found", nullptr, nullptr, 404, "unknown-account"},
    ErrorRow{"cancel", "item-not-found", nullptr, nullptr, 404, "unknown-group"},
    ErrorRow{"cancel", "item-not-found", nullptr, nullptr, 404, "unknown-topic"},
    ErrorRow{"cancel", "conflict", nullptr, nullptr, 409, "account-exists"},
    ErrorRow{"wait", "unexpected-request", nullptr, nullptr, 409, "wrong-state"},
    ErrorRow{"cancel", "not-allowed", nullptr, nullptr, 409, "own-account"},
    ErrorRow{"cancel", "conflict", nullptr, nullptr, 409, "group-in-use"},
    ErrorRow{"wait", "resource-constraint", nullptr, nullptr, 429, "too-many-pending"},
    ErrorRow{"wait", "resource-constraint", nullptr, nullptr, 429, "too-many-accounts"},
    ErrorRow{"modify", "not-acceptable", nullptr, nullptr, 400, "policy-invalid"},
    ErrorRow{"cancel", "conflict", nullptr, nullptr, 409, "policy-changed"},
    ErrorRow{"cancel", "item-not-found", nullptr, nullptr, 404, "unknown-version"},
    ErrorRow{"cancel", "not-allowed", nullptr, nullptr, 403, "no-certificate"},
    ErrorRow{"auth", "forbidden", nullptr, nullptr, 403, "other-key"},
    ErrorRow{"cancel", "item-not-found", nullptr, nullptr, 404, "unknown-schema"},
    ErrorRow{"modify", "not-acceptable", nullptr, nullptr, 400, "schema-invalid"},
    ErrorRow{"cancel", "conflict", nullptr, nullptr, 409, "schema-in-use"},
};
static_assert(rows.size() == static_cast<std::size_t>(Errc::SchemaInUse) + 1);

}   // namespace

const ErrorRow& row(Errc code) { return rows.at(static_cast<std::size_t>(code)); }

xml::StanzaError to_plain_error(const Failure& failure) {
    const ErrorRow& found = row(failure.code);
    xml::StanzaError error;
    error.type = found.type;
    error.condition = found.condition;
    error.text = failure.text;
    return error;
}

Failure malformed(std::string text) { return {Errc::MalformedRequest, std::move(text), {}}; }

xml::StanzaError to_stanza_error(const Failure& failure) {
    const ErrorRow& found = row(failure.code);
    xml::StanzaError error = to_plain_error(failure);
    if (found.application == nullptr) return error;
    xml::Attrs attrs;
    if (found.attribute != nullptr) attrs.push_back({found.attribute, failure.detail});
    error.application = xml::Element(found.application, xml::ns::gi_errors, std::move(attrs));
    return error;
}

}   // namespace grid::controller
