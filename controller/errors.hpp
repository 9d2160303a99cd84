// controller/errors.hpp: the controller's refusals, one row per reason, for every interface.
#pragma once

#include <string>

#include "xml/result.hpp"
#include "xml/stanza_error.hpp"

namespace grid::controller {

/// Each has one row in errors.cpp: its stanza error with the Grid protocol's condition, and its
/// HTTP status.
enum class Errc {
    MalformedRequest,       // element missing, two service elements, bad parameter
    UnsupportedOperation,   // detail: its name
    Unregistered,           // authenticated, account not registered
    Pending,                // waits for the administrator
    Disabled,               // declined or disabled
    NotLoggedIn,
    UsernameTaken,   // bound to another certificate
    UnknownCapability,
    Denied,   // by policy; which rule is only in the audit
    InvalidFilter,
    TooManySubtopics,   // detail: the limit
    // Administration.
    NotAdministrator,
    UnknownAccount,
    UnknownGroup,
    UnknownTopic,
    AccountExists,
    WrongState,
    OwnAccount,   // an administrator's act that would take its own rights away
    GroupInUse,
    TooManyPending,
    TooManyAccounts,
    TooManyDrafts,
    PolicyInvalid,
    PolicyChanged,    // another version than the one expected
    UnknownVersion,   // of the policy: not kept
    NoCertificate,
    OtherKey,   // the account is pinned to another key
    UnknownSchema,
    SchemaInvalid,   // the schema does not compile
    SchemaInUse,
    PasswordsOff,       // sasl.passwords is off
    CredentialsUnfit,   // a name or a password that no account can have
    UnknownFile,
    UnknownBackup,   // the last one: error_codes
};
inline constexpr std::size_t error_codes = static_cast<std::size_t>(Errc::UnknownBackup) + 1;

/// A refusal, before an interface has worded it.
struct Failure {
    Errc code = Errc::MalformedRequest;
    std::string text;     // the mistake, and the right form
    std::string detail;   // the attribute of the application condition, where it has one
};
Failure malformed(std::string text);

struct ErrorRow {
    Errc code;
    const char *type, *condition;   // RFC 6120 §8.3
    const char* application;        // in gi#errors; null: none
    const char* attribute;          // of the application condition; null: none
    int http;
    const char* http_code;   // the text "code" of a REST answer
};
const ErrorRow& row(Errc code);

/// The stanza error with its application condition in `gi#errors`.
xml::StanzaError to_stanza_error(const Failure& failure);
/// Without the application condition: for stanzas that are not addressed to the controller.
xml::StanzaError to_plain_error(const Failure& failure);

template <class T>
using Outcome = Result<T, Failure>;

}   // namespace grid::controller
