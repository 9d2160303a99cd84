// server/pki/administrators.hpp: the text of DIR/administrators, one bare JID per line.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "xml/jid.hpp"

namespace grid::pki {

struct Administrators {
    std::vector<xml::Jid> jids;          // bare, prepared, each once
    std::vector<std::string> problems;   // "line 3: …", for the log; the other lines count
};

/// `#` starts a comment, empty lines mean nothing. With a domain, addresses of others are problems:
/// they could never log in.
Administrators parse_administrators(std::string_view text, std::string_view domain = {});
/// The text of DIR/rebind: an account and the SHA-256 of the key of the CA that it is to be bound
/// to.
struct RebindLines {
    std::vector<std::pair<xml::Jid, std::string>> wanted;
    std::vector<std::string> problems;
};
RebindLines parse_rebind(std::string_view text);
/// The text with one more line, resp. without the lines that name `jid`; the rest stays as it is.
std::string with_administrator(std::string_view text, const xml::Jid& jid);
std::string without_administrator(std::string_view text, const xml::Jid& jid);

}   // namespace grid::pki
