// pubsub/requests/parse.cpp: requests of entities, subscribers and publishers (XEP-0060 §5–§7).
#include "pubsub/requests/parse.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

#include "pubsub/errors.hpp"
#include "xml/namespaces.hpp"
#include "xml/writer.hpp"

namespace grid::pubsub {

namespace {

using xml::Element;
namespace ns = xml::ns;

/// Node and item ids go into attributes, events and keys: bounded, and not empty.
std::optional<xml::StanzaError> check_id(
    std::string_view what, std::string_view id, std::size_t bytes_max
) {
    // Names of nodes of accounts are no client's to say (pubsub/ports/personal.hpp).
    if (is_personal(id))
        return refuse(
            Errc::NotAcceptable, std::string(what) + " must not begin with a control character."
        );
    if (!id.empty() && id.size() <= bytes_max) return std::nullopt;
    return refuse(
        Errc::NotAcceptable,
        std::string(what) + " must have 1 to " + std::to_string(bytes_max) + " bytes."
    );
}

Checked<xml::Jid> parse_subscriber(const Element& element) {
    const std::string* text = element.attr("jid");
    if (!text) return refuse(Errc::InvalidJid, "The jid attribute is missing.");
    const auto jid = xml::Jid::parse(*text);
    if (!jid) return refuse(Errc::InvalidJid, "'" + *text + "' is not an address.");
    return *jid;
}

Checked<Request> parse_create(
    const IqRequest& iq, const Element& create, const Settings& settings
) {
    CreateNode request;
    request.node = optional_attr(create, "node");
    if (request.node && request.node->empty()) request.node.reset();   // an instant node
    if (request.node) {
        if (auto error = check_id("A NodeID", *request.node, settings.node_name_bytes_max))
            return *error;
    }
    const auto children = iq.payload->children();
    bool is_configured = false;
    for (std::size_t i = 0; i < children.size(); ++i) {
        if (!children[i]->is("configure", ns::pubsub)) continue;
        // §8.1.3: after <create/>, without a node of its own.
        if (i == 0 || children[i]->attr("node"))
            return refuse(
                Errc::BadRequest, "<configure/> must follow <create/> and have no node attribute."
            );
        if (std::exchange(is_configured, true))
            return refuse(Errc::BadRequest, "There is one <configure/> in a request.");
        auto form = form_in(*children[i]);
        if (!form) return form.error();
        if (*form && (*form)->type != "submit")
            return refuse(Errc::BadRequest, "<configure/> must hold a form of type submit.");
        request.configuration = std::move(*form);
    }
    return Request(std::move(request));
}

Checked<Request> parse_subscribe(
    const IqRequest& iq, const Element& subscribe, const Settings& settings
) {
    auto jid = parse_subscriber(subscribe);
    if (!jid) return jid.error();
    auto node = required_node(subscribe, settings);
    if (!node) return node.error();
    Subscribe request{std::move(*node), std::move(*jid), false, {}};
    if (auto error = take_options(request, *iq.payload)) return *error;
    return Request(std::move(request));
}

Checked<Request> parse_unsubscribe(const Element& unsubscribe, const Settings& settings) {
    auto node = required_node(unsubscribe, settings);
    if (!node) return node.error();
    auto jid = parse_subscriber(unsubscribe);
    if (!jid) return jid.error();
    return Request(
        Unsubscribe{std::move(*node), std::move(*jid), optional_attr(unsubscribe, "subid")}
    );
}

Checked<Request> parse_items(const IqRequest& iq, const Element& items, const Settings& settings) {
    auto node = required_node(items, settings);
    if (!node) return node.error();
    RetrieveItems request;
    request.node = std::move(*node);
    request.subid = optional_attr(items, "subid");
    if (const std::string* text = items.attr("max_items")) {
        std::uint64_t most = 0;
        const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), most);
        if (error != std::errc() || end != text->data() + text->size() || most == 0)
            return refuse(Errc::BadRequest, "max_items must be a positive number.");
        request.max_items = most;
    }
    for (const Element* item : items.children("item")) {
        const std::string* id = item->attr("id");
        if (!id) return refuse(Errc::BadRequest, "An <item/> to retrieve must have an id.");
        request.ids.push_back(*id);
    }
    auto page = page_in(*iq.payload);
    if (!page) return page.error();
    request.page = std::move(*page);
    auto order = parse_item_order(*iq.payload);
    if (!order) return order.error();
    request.order = *order;
    return Request(std::move(request));
}

/// §7.1.3.6: at most one payload element, and no text beside it.
Checked<const Element*> payload_of(const Element& item) {
    const Element* payload = nullptr;
    for (const Element& node : item.nodes()) {
        if (node.is_text()) {
            if (node.name().find_first_not_of(" \t\r\n") != std::string::npos)
                return refuse(Errc::InvalidPayload, "A payload is an element, not text.");
        } else if (payload) {
            return refuse(Errc::InvalidPayload, "An item has one payload element, not several.");
        } else {
            payload = &node;
        }
    }
    return payload;
}

std::optional<xml::StanzaError> take_item(
    Publish& request, const IqRequest& iq, const Element& publish, const Settings& settings
) {
    const auto items = publish.children("item");
    if (items.size() > 1)   // §7.1.1, against §12.11
        return refuse(Errc::InvalidPayload, "Publish one item in each request.");
    if (items.empty()) return std::nullopt;
    const Element& item = *items.front();
    request.has_item = true;
    request.id = optional_attr(item, "id");
    if (request.id && request.id->empty()) request.id.reset();
    if (request.id) {
        const std::size_t most = std::min<std::size_t>(settings.item_id_bytes_max, 65535);
        if (auto error = check_id("An item id (pubsub.item_id_bytes_max)", *request.id, most))
            return error;
    }
    auto payload = payload_of(item);
    if (!payload) return payload.error();
    if (!*payload) return std::nullopt;
    std::vector<const Element*> around = iq.ancestors;
    around.insert(around.end(), {iq.payload, &publish, &item});
    request.payload = xml::write_detached(**payload, around);
    request.payload_ns = (*payload)->ns().uri();
    if (request.payload.size() > settings.payload_bytes_max)
        return refuse(
            Errc::PayloadTooBig, "The payload has " + std::to_string(request.payload.size()) +
                                     " bytes; at most " +
                                     std::to_string(settings.payload_bytes_max) + " are taken."
        );
    return std::nullopt;
}

Checked<Request> parse_publish(
    const IqRequest& iq, const Element& publish, const Settings& settings
) {
    auto node = required_node(publish, settings);
    if (!node) return node.error();
    Publish request;
    request.node = std::move(*node);
    if (auto error = take_item(request, iq, publish, settings)) return *error;
    if (iq.payload->children("publish-options").size() > 1)
        return refuse(Errc::BadRequest, "There is one <publish-options/> in a request.");
    if (const Element* options = iq.payload->child("publish-options")) {
        auto form = form_in(*options);
        if (!form) return form.error();
        if (!*form)   // §7.1.5: "MUST contain a data form"
            return refuse(
                Errc::BadRequest, "<publish-options/> holds a form: what the node must be like."
            );
        if ((*form)->type != "submit")
            return refuse(Errc::BadRequest, "<publish-options/> holds a form of type submit.");
        if ((*form)->form_type() != xml::publish_options_form)
            return refuse(Errc::BadRequest, "FORM_TYPE must be …pubsub#publish-options.");
        request.preconditions = std::move(*form);
    }
    return Request(std::move(request));
}

Checked<Request> parse_retract(const Element& retract, const Settings& settings) {
    auto node = required_node(retract, settings);
    if (!node) return node.error();
    const auto items = retract.children("item");
    if (items.size() > 1)
        return refuse(Errc::BadRequest, "Retract one item in each request.");   // §7.2.1
    const std::string* id = items.empty() ? nullptr : items.front()->attr("id");
    if (!id || id->empty())
        return refuse(Errc::ItemRequired, "Name the item to retract: <item id='…'/>.");
    const std::string_view notify = retract.attr_or("notify", "false");
    const auto is_notified = xml::parse_boolean(notify);
    if (!is_notified) return refuse(Errc::BadRequest, "notify must be 0, 1, false or true.");
    return Request(Retract{std::move(*node), *id, *is_notified});
}

template <class List>
Checked<Request> parse_own_list(const IqRequest& iq, const Element& list) {
    auto page = page_in(*iq.payload);
    if (!page) return page.error();
    return Request(List{optional_attr(list, "node"), std::move(*page)});
}

/// The element that names the operation; others only accompany it.
Checked<const Element*> find_use_case(const Element& pubsub) {
    std::vector<const Element*> named;
    for (const Element* child : pubsub.children())
        if (child->ns() == ns::pubsub && child->name() != "configure" &&
            child->name() != "publish-options" &&
            !(child->name() == "options" && pubsub.child("subscribe")))
            named.push_back(child);
    return only_use_case(named);
}

Checked<Request> parse_pubsub(const IqRequest& iq, const Settings& settings) {
    using enum xml::IqType;
    const auto found = find_use_case(*iq.payload);
    if (!found) return found.error();
    const Element* element = *found;
    const std::string& name = element->name();
    const auto is = [&](std::string_view wanted) { return name == wanted; };
    const bool is_read = is("subscriptions") || is("affiliations") || is("items") || is("default");
    const bool may_be_get = settings.write_by_get && (is("publish") || is("retract"));
    if (!is("options") && !may_be_get)
        if (auto error = require_type(iq, is_read ? Get : Set)) return *error;
    if (is("publish")) return parse_publish(iq, *element, settings);
    if (is("items")) return parse_items(iq, *element, settings);
    if (is("subscribe")) return parse_subscribe(iq, *element, settings);
    if (is("unsubscribe")) return parse_unsubscribe(*element, settings);
    if (is("retract")) return parse_retract(*element, settings);
    if (is("create")) return parse_create(iq, *element, settings);
    if (is("subscriptions")) return parse_own_list<MySubscriptions>(iq, *element);
    if (is("affiliations")) return parse_own_list<MyAffiliations>(iq, *element);
    if (is("options")) return parse_options(iq, *element, settings);
    if (is("default")) return parse_default_options(*element, settings);
    return refuse(Errc::BadRequest, "<" + name + "/> is no request of this protocol.");
}

}   // namespace

std::optional<Checked<Request>> parse_request(const IqRequest& iq, const Settings& settings) {
    const Element& payload = *iq.payload;
    if (payload.is("pubsub", ns::pubsub)) return parse_pubsub(iq, settings);
    if (payload.is("pubsub", ns::pubsub_owner)) return parse_owner_request(iq, settings);
    if (payload.is("command", ns::commands)) return parse_command(iq);
    if (auto archive = parse_archive_request(iq, settings)) return archive;
    const bool is_info = payload.is("query", ns::disco_info);
    if (!is_info && !payload.is("query", ns::disco_items)) return std::nullopt;
    if (auto error = require_type(iq, xml::IqType::Get)) return Checked<Request>(*error);
    const auto node = optional_attr(payload, "node");
    if (node)
        if (auto error = check_id("A NodeID", *node, settings.node_name_bytes_max))
            return Checked<Request>(*error);
    if (node && is_command_node(*node))
        return Checked<Request>(
            is_info ? Request(DiscoverCommand{*node}) : Request(DiscoverCommands{*node})
        );
    if (is_info && node) return Checked<Request>(Request(DiscoverNode{*node}));
    if (is_info) return Checked<Request>(Request(DiscoverFeatures{}));
    auto page = page_in(payload);
    if (!page) return Checked<Request>(page.error());
    auto filter = parse_type_filter(payload);
    if (!filter) return Checked<Request>(filter.error());
    if (node)
        return Checked<Request>(Request(DiscoverItems{*node, std::move(*page), std::move(*filter)})
        );
    return Checked<Request>(Request(DiscoverNodes{std::move(*page), std::move(*filter)}));
}

Checked<const Element*> only_use_case(const std::vector<const Element*>& named) {
    if (named.empty()) return refuse(Errc::BadRequest, "<pubsub/> does not say what is wanted.");
    if (named.size() == 1) return named.front();
    return refuse(
        Errc::BadRequest, "One request in each <pubsub/>, not <" + named[0]->name() + "/> and <" +
                              named[1]->name() + "/>: nothing was done."
    );
}

std::optional<std::string> optional_attr(const Element& element, std::string_view name) {
    const std::string* value = element.attr(name);
    if (!value) return std::nullopt;
    return *value;
}

Checked<std::string> required_node(const Element& element, const Settings& settings) {
    const std::string* node = element.attr("node");
    if (!node || node->empty()) return refuse(Errc::NodeIdRequired, "Name the node: node='…'.");
    if (auto error = check_id("A NodeID", *node, settings.node_name_bytes_max)) return *error;
    return Checked<std::string>(boost::system::in_place_value, *node);
}

Checked<std::optional<xml::Form>> form_in(const Element& parent) {
    const Element* x = parent.child("x", ns::data);
    if (!x) return std::optional<xml::Form>();
    const auto is_form = [](const Element* child) { return child->is("x", ns::data); };
    if (std::ranges::count_if(parent.children(), is_form) > 1)
        return refuse(Errc::BadRequest, "There is one form in <" + parent.name() + "/>.");
    auto form = xml::Form::parse(*x);
    if (!form) return form.error();
    return std::optional<xml::Form>(std::move(*form));
}

std::optional<xml::StanzaError> check_filled_in(const xml::Form& form) {
    if (form.type == "submit" || form.type == "cancel") return std::nullopt;
    return refuse(Errc::BadRequest, "The form must be of type submit, or cancel to give it up.");
}

std::optional<xml::StanzaError> require_type(const IqRequest& iq, xml::IqType type) {
    if (iq.type == type) return std::nullopt;
    return refuse(
        Errc::BadRequest, type == xml::IqType::Get ? "This request must be an iq of type get."
                                                   : "This request must be an iq of type set."
    );
}

Checked<std::optional<xml::RsmRequest>> page_in(const Element& parent) {
    return xml::RsmRequest::parse(parent);
}

}   // namespace grid::pubsub
