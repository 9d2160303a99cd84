// server/pipeline/storage_error.hpp: the stanza error for a batch that the store refused.
#pragma once

#include <boost/system/error_code.hpp>

#include "xml/stanza_error.hpp"

namespace grid::server {

/// A fault of the program, not of the store.
inline boost::system::error_code internal_fault() {
    return make_error_code(boost::system::errc::state_not_recoverable);
}

xml::StanzaError to_stanza_error(boost::system::error_code error);
/// The refusal of everything while a member of a cluster does not hear from the others.
xml::StanzaError not_ready();

}   // namespace grid::server
