// server/gridctl/xmpp/item_text.cpp: see server/gridctl/xmpp/item_text.hpp.
#include "server/gridctl/xmpp/item_text.hpp"

#include <boost/json.hpp>

#include "server/gridctl/xmpp/requests.hpp"
#include "xml/namespaces.hpp"
#include "xml/writer.hpp"

namespace grid::gridctl::xmpp {

namespace {

namespace json = boost::json;

constexpr std::size_t json_depth_max = 512;

bool is_json(const std::string& text) {
    json::parse_options options;
    options.max_depth = json_depth_max;
    json::error_code error;
    json::parse(text, error, {}, options);
    return !error;
}

/// A text of JSON without what stands between its tokens. Numbers, members and strings stay as they
/// were written: another reader may tell 1.0 from 1, or take more digits than a double has.
std::string without_blanks(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    bool is_in_string = false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (!is_in_string && (c == ' ' || c == '\t' || c == '\r' || c == '\n')) continue;
        out += c;
        if (c == '"') is_in_string = !is_in_string;
        if (is_in_string && c == '\\' && i + 1 < text.size()) out += text[++i];
    }
    return out;
}

/// As JSON.
std::string payload_text(const Delivered& item) {
    if (!item.has_payload) return "null";
    if (item.payload.is("json", json_ns))
        if (const std::string text = item.payload.text(); is_json(text))
            return without_blanks(text);
    return json::serialize(json::string(xml::to_string(item.payload)));
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
        {"time", xml::to_datetime(item.time)}
    };
    std::string out = json::serialize(line);
    out.pop_back();
    return out + ",\"payload\":" + payload_text(item) + "}";
}

}   // namespace grid::gridctl::xmpp
