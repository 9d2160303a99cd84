// server/gridctl/xmpp/item_text.hpp: an item as one line, XML or JSON. Pure.
#pragma once

#include <string>

#include "xml/datetime.hpp"
#include "xml/element.hpp"

namespace grid::gridctl::xmpp {

struct Delivered {
    std::string topic, id, publisher;
    xml::Millis time = 0;   // of publication where that is known, else when it came
    bool has_payload = false;
    xml::Element payload;
};

/// `<item xmlns='…pubsub#event' node= id= publisher= stamp=>payload</item>`, without a line break:
/// those of the payload are written as `&#10;`, which means the same.
std::string to_xml_line(const Delivered& item);
/// {"topic","id","publisher","time","payload"}. A JSON payload (XEP-0335) is its own text
/// without the blanks between tokens, any other its XML as a string; null where there is none.
std::string to_json_line(const Delivered& item);
/// One line of a text of XML.
std::string on_one_line(std::string_view xml);

}   // namespace grid::gridctl::xmpp
