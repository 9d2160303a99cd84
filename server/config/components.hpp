// server/config/components.hpp: programs that speak for a domain below the grid's (XEP-0114).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "xml/jid.hpp"
#include "xml/result.hpp"

namespace grid::server {

struct Components {
    std::vector<std::string> known;   // DOMAIN ACCOUNT SECRET
};

struct Component {
    xml::Jid domain;
    xml::Jid account;   // bare: on whose behalf the component acts, for the policy
    std::string secret;
};
/// A text of `components.known`, of a grid of that domain; or what is wrong with it.
Result<Component, std::string> parse_component(std::string_view text, std::string_view domain);

}   // namespace grid::server
