// server/services/contact.hpp: contact addresses in the domain's service discovery (XEP-0157).
#pragma once

#include <vector>

#include "server/config/contact.hpp"
#include "xml/form.hpp"

namespace grid::server::services {

/// Forms for disco#info (XEP-0128); none where no address is configured. Any thread.
std::vector<xml::Form> contact_forms(const Contact& contact);

}   // namespace grid::server::services
