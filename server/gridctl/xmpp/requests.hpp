// server/gridctl/xmpp/requests.hpp: the requests of a light client (XEP-0060, XEP-0313, the Grid
// protocol), and what stands in the answers. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "xml/datetime.hpp"
#include "xml/element.hpp"

namespace grid::gridctl::xmpp {

inline const xml::Ns archive_ns{"urn:xmpp:mam:2"};
inline const xml::Ns json_ns{"urn:xmpp:json:0"};

xml::Element publish_request(
    const std::string& topic, const std::string& id, const xml::Element& payload
);
xml::Element create_request(const std::string& topic);

struct SubscribeOptions {
    std::string filter;                       // text form; empty: none
    std::optional<xml::Millis> lease_until;   // nullopt: the subscription stays
};
xml::Element subscribe_request(
    const std::string& topic, const std::string& jid, const SubscribeOptions& options
);
xml::Element unsubscribe_request(
    const std::string& topic, const std::string& jid, const std::string& subid
);

/// A page of a topic's archive, behind `after` or from `start` on; or the last item alone.
struct ArchivePage {
    std::string topic, query_id;
    std::string after;
    std::optional<xml::Millis> start;
    bool is_last_item = false;
};
xml::Element archive_request(const ArchivePage& page);

/// Ids of the last `count` items.
xml::Element last_ids_request(const std::string& topic, std::size_t count);
/// Nodes of the broker, page by page.
xml::Element topics_request(const std::string& after);
/// The clients that serve a name now (capability discovery of the Grid protocol).
xml::Element find_request(const std::string& service);
std::vector<std::string> providers_in(const xml::Element& answer);
/// `<last/>` of a result set (XEP-0059), empty where there is none.
std::string last_of_page(const xml::Element& parent);

}   // namespace grid::gridctl::xmpp
