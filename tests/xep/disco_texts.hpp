// tests/xep/disco_texts.hpp: requests and answers of discovery (XEP-0030).
#pragma once

#include <string>

namespace disco_texts {

inline const std::string owner = "hamlet@grid.example/elsinore";
inline const std::string owner_bare = "hamlet@grid.example";
inline const std::string reader = "francisco@grid.example/x";
inline const std::string bare = "francisco@grid.example";

inline std::string info(const std::string& node = "") {
    return "<iq type='get' id='q'><query xmlns='http://jabber.org/protocol/disco#info'" +
           (node.empty() ? "" : " node='" + node + "'") + "/></iq>";
}
inline std::string items(const std::string& node = "", const std::string& set = "") {
    return "<iq type='get' id='q'><query xmlns='http://jabber.org/protocol/disco#items'" +
           (node.empty() ? "" : " node='" + node + "'") + ">" +
           (set.empty() ? "" : "<set xmlns='http://jabber.org/protocol/rsm'>" + set + "</set>") +
           "</query></iq>";
}
inline std::string in_items(const std::string& lines, const std::string& node = "") {
    return "<query xmlns='http://jabber.org/protocol/disco#items'" +
           (node.empty() ? "" : " node='" + node + "'") + ">" + lines + "</query>";
}
inline std::string line(const std::string& node, const std::string& more = "") {
    return "<item jid='pubsub.grid.example' node='" + node + "'" + more + "/>";
}

}   // namespace disco_texts
