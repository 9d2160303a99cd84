// server/gridctl/xmpp/requests.cpp: see server/gridctl/xmpp/requests.hpp.
#include "server/gridctl/xmpp/requests.hpp"

#include <utility>

#include "xml/form.hpp"
#include "xml/namespaces.hpp"

namespace grid::gridctl::xmpp {

namespace {

namespace ns = xml::ns;
using xml::Element;

constexpr std::size_t items_per_page = 200, topics_per_page = 500;

Element in_pubsub(Element inner) { return Element("pubsub", ns::pubsub, {}, std::move(inner)); }

Element page_of(std::size_t max) {
    return Element("set", ns::rsm, {}, Element::with_text("max", std::to_string(max)));
}

xml::Form submitted(std::string_view type) {
    xml::Form form;
    form.type = "submit";
    form.set_form_type(type);
    return form;
}

void collect_items(const Element& element, std::vector<std::string>& into) {
    for (const Element* child : element.children()) {
        if (child->name() == "item")
            into.push_back(child->text());
        else
            collect_items(*child, into);
    }
}

}   // namespace

Element publish_request(const std::string& topic, const std::string& id, const Element& payload) {
    return in_pubsub(Element(
        "publish", xml::Attrs{{"node", topic}}, Element("item", xml::Attrs{{"id", id}}, payload)
    ));
}

Element create_request(const std::string& topic) {
    return in_pubsub(Element("create", xml::Attrs{{"node", topic}}));
}

Element subscribe_request(
    const std::string& topic, const std::string& jid, const SubscribeOptions& options
) {
    Element out = in_pubsub(Element("subscribe", xml::Attrs{{"node", topic}, {"jid", jid}}));
    if (options.filter.empty() && !options.lease_until) return out;
    xml::Form form = submitted(xml::subscribe_options_form);
    if (!options.filter.empty()) form.add("x-grid#filter", "", options.filter);
    if (options.lease_until) form.add("pubsub#expire", "", xml::to_datetime(*options.lease_until));
    out.add(Element("options", xml::Attrs{}, form.to_element()));
    return out;
}

Element unsubscribe_request(
    const std::string& topic, const std::string& jid, const std::string& subid
) {
    Element inner("unsubscribe", xml::Attrs{{"node", topic}, {"jid", jid}});
    if (!subid.empty()) inner.set("subid", subid);
    return in_pubsub(std::move(inner));
}

Element archive_request(const ArchivePage& page) {
    Element query("query", archive_ns, {{"node", page.topic}, {"queryid", page.query_id}});
    xml::Form form = submitted(archive_ns.uri());
    if (page.start) form.add("start", "", xml::to_datetime(*page.start));
    query.add(form.to_element());
    Element set = page_of(page.is_last_item ? 1 : items_per_page);
    if (page.is_last_item) set.add(Element("before"));
    if (!page.after.empty()) set.add(Element::with_text("after", page.after));
    query.add(std::move(set));
    return query;
}

Element last_ids_request(const std::string& topic, std::size_t count) {
    Element set = page_of(count);
    set.add(Element("before"));
    return Element("query", ns::disco_items, {{"node", topic}}, std::move(set));
}

Element topics_request(const std::string& after) {
    Element set = page_of(topics_per_page);
    if (!after.empty()) set.add(Element::with_text("after", after));
    return Element("query", ns::disco_items, {}, std::move(set));
}

Element find_request(const std::string& service) {
    return Element(
        "grid", ns::gi, {{"type", "request"}},
        Element(
            "DiscoveryQuery", ns::gi_controller, {},
            Element("find", xml::Attrs{}, Element::with_text("param", service))
        )
    );
}

std::vector<std::string> providers_in(const Element& answer) {
    std::vector<std::string> found;
    collect_items(answer, found);
    return found;
}

std::string last_of_page(const Element& parent) {
    const Element* set = parent.child("set", ns::rsm);
    const Element* last = set ? set->child("last") : nullptr;
    return last ? last->text() : std::string();
}

}   // namespace grid::gridctl::xmpp
