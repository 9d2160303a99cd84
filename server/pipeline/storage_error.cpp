// server/pipeline/storage_error.cpp: storage errors as stanza errors.
#include "server/pipeline/storage_error.hpp"

#include "storage/errors.hpp"
#include "xml/namespaces.hpp"

namespace grid::server {
namespace {

xml::StanzaError wait(std::string condition, std::string text) {
    xml::StanzaError error;
    error.type = "wait";
    error.condition = std::move(condition);
    error.text = std::move(text);
    return error;
}

}   // namespace

xml::StanzaError to_stanza_error(boost::system::error_code error) {
    using storage::Errc;
    // Never <conflict/>: that means that a name is taken.
    if (error == Errc::Conflict)
        return wait("resource-constraint", "too many changes at once to the same thing; try again");
    if (error == Errc::NoSpace)
        return wait(
            "resource-constraint", "the server's disk is full; nothing was changed, try later"
        );
    if (error == Errc::UnknownOutcome)
        return wait("internal-server-error", "outcome unknown, look before you repeat");
    if (error == Errc::TooLarge)
        return xml::StanzaError{
            "modify", "not-acceptable", {}, "too large for one change; ask for less at once", {}
        };
    if (error == internal_fault())
        return wait("internal-server-error", "the server has a fault; look before you repeat");
    if (error == Errc::Fenced || error == Errc::Unreachable) return not_ready();
    if (error == Errc::WritesStopped)
        return wait("internal-server-error", "the server's store is read-only after a disk error");
    return wait("internal-server-error", "the store could not be read or written");
}

xml::StanzaError not_ready() {
    constexpr int seconds = 2;   // leaders change faster than this
    auto error = wait(
        "internal-server-error",
        "this member of the grid does not hear from its cluster: try again in a few seconds, here "
        "or at another member"
    );
    error.application =
        xml::Element("retry-after", xml::ns::gi_errors, {{"seconds", std::to_string(seconds)}});
    return error;
}

}   // namespace grid::server
