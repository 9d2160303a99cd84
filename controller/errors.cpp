// controller/errors.cpp: each error's stanza error, Grid condition and HTTP status.
#include "controller/errors.hpp"

#include <array>

#include "xml/namespaces.hpp"

namespace grid::controller {

namespace {

constexpr std::array rows{
    ErrorRow{
        Errc::MalformedRequest, "modify", "bad-request", "malformed-request", nullptr, 400,
        "malformed-request"
    },
    ErrorRow{
        Errc::UnsupportedOperation, "cancel", "feature-not-implemented", "unsupported-operation",
        "name", 404, "unsupported-operation"
    },
    ErrorRow{
        Errc::Unregistered, "auth", "registration-required", "account-unregistered", nullptr, 403,
        "account-unregistered"
    },
    ErrorRow{
        Errc::Pending, "auth", "registration-required", "account-pending", nullptr, 403,
        "account-pending"
    },
    ErrorRow{
        Errc::Disabled, "auth", "forbidden", "account-disabled", nullptr, 403, "account-disabled"
    },
    ErrorRow{
        Errc::NotLoggedIn, "wait", "unexpected-request", "not-logged-in", nullptr, 409,
        "not-logged-in"
    },
    ErrorRow{
        Errc::UsernameTaken, "cancel", "conflict", "username-taken", nullptr, 409, "username-taken"
    },
    ErrorRow{
        Errc::UnknownCapability, "cancel", "item-not-found", "unknown-capability", nullptr, 404,
        "unknown-capability"
    },
    ErrorRow{Errc::Denied, "auth", "forbidden", "denied", nullptr, 403, "denied"},
    ErrorRow{
        Errc::InvalidFilter, "modify", "bad-request", "invalid-filter", nullptr, 400,
        "invalid-filter"
    },
    ErrorRow{
        Errc::TooManySubtopics, "wait", "resource-constraint", "too-many-subtopics", "limit", 429,
        "too-many-subtopics"
    },
    ErrorRow{
        Errc::NotAdministrator, "auth", "forbidden", "denied", nullptr, 403, "not-administrator"
    },
    ErrorRow{
        Errc::UnknownAccount, "cancel", "item-not-found", nullptr, nullptr, 404, "unknown-account"
    },
    ErrorRow{
        Errc::UnknownGroup, "cancel", "item-not-found", nullptr, nullptr, 404, "unknown-group"
    },
    ErrorRow{
        Errc::UnknownTopic, "cancel", "item-not-found", nullptr, nullptr, 404, "unknown-topic"
    },
    ErrorRow{Errc::AccountExists, "cancel", "conflict", nullptr, nullptr, 409, "account-exists"},
    ErrorRow{Errc::WrongState, "wait", "unexpected-request", nullptr, nullptr, 409, "wrong-state"},
    ErrorRow{Errc::OwnAccount, "cancel", "not-allowed", nullptr, nullptr, 409, "own-account"},
    ErrorRow{Errc::GroupInUse, "cancel", "conflict", nullptr, nullptr, 409, "group-in-use"},
    ErrorRow{
        Errc::TooManyPending, "wait", "resource-constraint", nullptr, nullptr, 429,
        "too-many-pending"
    },
    ErrorRow{
        Errc::TooManyAccounts, "wait", "resource-constraint", nullptr, nullptr, 429,
        "too-many-accounts"
    },
    ErrorRow{
        Errc::TooManyDrafts, "wait", "resource-constraint", nullptr, nullptr, 429, "too-many-drafts"
    },
    ErrorRow{
        Errc::PolicyInvalid, "modify", "not-acceptable", nullptr, nullptr, 400, "policy-invalid"
    },
    ErrorRow{Errc::PolicyChanged, "cancel", "conflict", nullptr, nullptr, 409, "policy-changed"},
    ErrorRow{
        Errc::UnknownVersion, "cancel", "item-not-found", nullptr, nullptr, 404, "unknown-version"
    },
    ErrorRow{Errc::NoCertificate, "cancel", "not-allowed", nullptr, nullptr, 403, "no-certificate"},
    ErrorRow{Errc::OtherKey, "auth", "forbidden", nullptr, nullptr, 403, "other-key"},
    ErrorRow{
        Errc::UnknownSchema, "cancel", "item-not-found", nullptr, nullptr, 404, "unknown-schema"
    },
    ErrorRow{
        Errc::SchemaInvalid, "modify", "not-acceptable", nullptr, nullptr, 400, "schema-invalid"
    },
    ErrorRow{Errc::SchemaInUse, "cancel", "conflict", nullptr, nullptr, 409, "schema-in-use"},
    ErrorRow{Errc::PasswordsOff, "cancel", "not-allowed", nullptr, nullptr, 409, "passwords-off"},
    ErrorRow{
        Errc::CredentialsUnfit, "modify", "not-acceptable", nullptr, nullptr, 400,
        "credentials-unfit"
    },
    ErrorRow{Errc::UnknownFile, "cancel", "item-not-found", nullptr, nullptr, 404, "unknown-file"},
    ErrorRow{
        Errc::UnknownBackup, "cancel", "item-not-found", nullptr, nullptr, 404, "unknown-backup"
    },
};

/// Each code has its row, and the row stands where `row` looks for it.
consteval bool each_code_has_its_row() {
    for (std::size_t i = 0; i < rows.size(); ++i)
        if (rows[i].code != static_cast<Errc>(i)) return false;
    return rows.size() == error_codes;
}
static_assert(each_code_has_its_row());

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
