// server/pipeline/storage_error.cpp: storage errors as stanza errors.
#include "server/pipeline/storage_error.hpp"

#include "storage/errors.hpp"
#include "xml/namespaces.hpp"

namespace grid::server {
namespace {

/// Leaders change faster than this.
constexpr int retry_seconds = 2;

xml::StanzaError wait(std::string condition, std::string text) {
    xml::StanzaError error;
    error.type = "wait";
    error.condition = std::move(condition);
    error.text = std::move(text);
    return error;
}

xml::StanzaError soon(std::string text) {
    auto error = wait("internal-server-error", std::move(text));
    error.application = xml::Element(
        "retry-after", xml::ns::gi_errors, {{"seconds", std::to_string(retry_seconds)}}
    );
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
    if (error == Errc::Fenced) return not_ready();
    if (error == Errc::Unreachable)
        return soon(
            "this member of the grid does not reach the member that leads, or the log of its "
            "cluster; nothing was changed, try again at another member"
        );
    if (error == Errc::WritesStopped)
        return wait("internal-server-error", "the server's store is read-only after a disk error");
    return wait("internal-server-error", "the store could not be read or written");
}

xml::StanzaError not_ready() {
    return soon(
        "this member of the grid does not hear from its cluster: try again in a few seconds, here "
        "or at another member"
    );
}

}   // namespace grid::server
