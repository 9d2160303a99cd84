// controller/gi/capability.cpp: capabilities in the xgrid dialect: the list, and what a request
// means.
#include <algorithm>

#include "controller/gi/operation.hpp"
#include "xml/namespaces.hpp"

namespace grid::controller::gi {

namespace {

/// A QName's local part; other names are not written as an `xsi:type`.
bool is_ncname(std::string_view name) {
    const auto is_letter = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
    };
    return !name.empty() && is_letter(name.front()) && std::ranges::all_of(name, [&](char c) {
        return is_letter(c) || (c >= '0' && c <= '9') || c == '.' || c == '-';
    });
}

}   // namespace

pubsub::Decision get_capability_list(const Call& call) {
    xml::Element answer("getCapabilityListResponse", xml::ns::gi_grid);
    answer.declare("ns2", std::string(xml::ns::gi_grid.uri()));
    answer.declare("xsi", "http://www.w3.org/2001/XMLSchema-instance");
    const TopicPage page = discoverable(call, child_text(call.request.body, "after"));
    for (const pubsub::NodeView& topic : page.topics) {
        const CapabilityName name = split_topic(topic.name);
        xml::Element capability("capability");
        if (is_ncname(name.name)) capability.set("xsi:type", "ns2:" + std::string(name.name));
        capability.add(xml::Element::with_text("id", "0"));
        capability.add(xml::Element::with_text("name", topic.name));
        if (!name.version.empty()) capability.add(xml::Element::with_text("version", name.version));
        answer.add(std::move(capability));
    }
    // More than a page: ask again with <after/>.
    if (!page.next.empty()) answer.set("next", page.next);
    return call.reply(std::move(answer));
}

std::string topic_of_capability(const Call& call) {
    const xml::Element& body = call.request.body;
    if (std::string name = child_text(body, "topicName"); !name.empty()) return name;
    const xml::Element* capability = body.child_any_ns("capability");
    if (capability == nullptr) return {};
    // The name is the whole topic name where it is given; most samples give only the type.
    std::string name = child_text(*capability, "name");
    const std::string version = child_text(*capability, "version");
    const std::string type = xsi_type(*capability);
    if (name.empty()) name = type;
    if (name.empty() || version.empty() || name.ends_with("-" + version)) return name;
    return name + "-" + version;
}

}   // namespace grid::controller::gi
