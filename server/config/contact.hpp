// server/config/contact.hpp: addresses of people who answer for the grid (XEP-0157).
#pragma once

#include <string>
#include <vector>

namespace grid::server {

/// XEP-0157 §2: URIs (mailto:, xmpp:, https:, http:).
struct Contact {
    std::vector<std::string> abuse, admin, feedback, sales, security, status, support;

    bool empty() const {
        return abuse.empty() && admin.empty() && feedback.empty() && sales.empty() &&
               security.empty() && status.empty() && support.empty();
    }
};

}   // namespace grid::server
