// server/gridctl/xmpp/item_text.cpp: see server/gridctl/xmpp/item_text.hpp.
#include "server/gridctl/xmpp/item_text.hpp"

#include <boost/json.hpp>

#include "server/gridctl/xmpp/requests.hpp"
#include "xml/namespaces.hpp"
#include "xml/writer.hpp"

namespace grid::gridctl::xmpp {

namespace {

namespace json = boost::json;

json::value payload_value(const Delivered& item) {
    if (!item.has_payload) return nullptr;
    if (item.payload.is("json", json_ns)) {
        json::error_code error;
        json::value value = json::parse(item.payload.text(), error);
        if (!error) return value;
    }
    return json::value(xml::to_string(item.payload));
}

}   // namespace

std::string on_one_line(std::string_view xml) {
    std::string out;
    out.reserve(xml.size());
    for (const char c : xml) {
        if (c == '\n')
            out += "&#10;";
        else if (c == '\r')
            out += "&#13;";
        else
            out += c;
    }
    return out;
}

std::string to_xml_line(const Delivered& item) {
    xml::Element element("item", xml::ns::pubsub_event, {{"node", item.topic}, {"id", item.id}});
    if (!item.publisher.empty()) element.set("publisher", item.publisher);
    element.set("stamp", xml::to_datetime(item.time));
    if (item.has_payload) element.add(item.payload);
    return on_one_line(xml::to_string(element));
}

std::string to_json_line(const Delivered& item) {
    const json::object line{
        {"topic", item.topic},
        {"id", item.id},
        {"publisher", item.publisher.empty() ? json::value(nullptr) : json::value(item.publisher)},
        {"time", xml::to_datetime(item.time)},
        {"payload", payload_value(item)}
    };
    return json::serialize(line);
}

}   // namespace grid::gridctl::xmpp
