// pubsub/requests/parse_owner.cpp: requests of owners (XEP-0060 §8) and answers to approval
// requests.
#include <algorithm>
#include <map>
#include <set>

#include "pubsub/errors.hpp"
#include "pubsub/requests/parse.hpp"
#include "xml/namespaces.hpp"

namespace grid::pubsub {

namespace {

using xml::Element;
using xml::IqType;
namespace ns = xml::ns;

// Each fits into one batch: a change, its record, and of a subscription a notice.
constexpr std::size_t affiliations_max = 50, subscriptions_max = 30, associations_max = 40;

/// RFC 3986 §3: a scheme and what follows it, without what is in no URI.
bool is_uri(std::string_view text) {
    const auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
    const auto is_of_scheme = [&](char c) {
        return is_letter(c) || (c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.';
    };
    const std::size_t colon = text.find(':');
    if (colon == std::string_view::npos || colon + 1 == text.size() || !is_letter(text.front()))
        return false;
    return std::ranges::all_of(text.substr(0, colon), is_of_scheme) &&
           std::ranges::none_of(text, [](char c) {
               return static_cast<unsigned char>(c) <= ' ' || c == '<' || c == '>' || c == '"';
           });
}

Checked<Request> parse_configure(
    const IqRequest& iq, const Element& configure, const std::string& node
) {
    if (iq.type == IqType::Get) return Request(GetConfiguration{node});
    auto form = form_in(configure);
    if (!form) return form.error();
    if (!*form) return refuse(Errc::BadRequest, "<configure/> must hold the submitted form.");
    if (auto error = check_filled_in(**form)) return *error;
    return Request(Configure{node, std::move(**form)});
}

Checked<Request> parse_delete(
    const IqRequest& iq, const Element& element, const std::string& node
) {
    if (auto error = require_type(iq, IqType::Set)) return *error;
    DeleteNode request{node, {}};
    if (const Element* redirect = element.child("redirect")) {
        request.redirect = redirect->attr_or("uri", "");
        if (request.redirect.empty() || request.redirect.size() > 2048)
            return refuse(Errc::BadRequest, "<redirect/> must have a uri of 1 to 2048 bytes.");
        if (!is_uri(request.redirect))
            return refuse(Errc::BadRequest, "<redirect/> must have a URI, such as xmpp:….");
    }
    return Request(std::move(request));
}

Checked<std::vector<Modification>> modifications(const Element& list, const char* name) {
    std::vector<Modification> changes;
    std::map<std::string, std::set<std::string>> seen;   // subids by address
    for (const Element* line : list.children()) {
        if (line->ns() != ns::pubsub_owner) continue;
        if (line->name() != name)
            return refuse(
                Errc::BadRequest, "<" + line->name() + "/> is no entry of <" + list.name() + "/>."
            );
        const std::string* jid = line->attr("jid");
        const std::string* value = line->attr(name);   // named as its entry is
        if (!jid) return refuse(Errc::InvalidJid, "An entry has no jid.");
        if (!value)
            return refuse(
                Errc::BadRequest, "The entry of '" + *jid + "' has no attribute '" + name + "'."
            );
        Modification change{*jid, {}, *value, {}};
        if (auto parsed = xml::Jid::parse(*jid)) change.jid = std::move(*parsed);
        if (const std::string* subid = line->attr("subid")) change.subid = *subid;
        // Affiliations belong to bare JIDs (§4.1).
        if (list.name() == "affiliations" && !change.jid.empty()) change.jid = change.jid.bare();
        const std::string& key = change.jid.empty() ? *jid : change.jid.str();
        // §8.9.2.4; without a subid, the one subscription that it has is meant.
        std::set<std::string>& subids = seen[key];
        const bool is_same = subids.contains("") || (!change.subid && !subids.empty());
        if (is_same || !subids.insert(change.subid.value_or("")).second)
            return refuse(Errc::BadRequest, "'" + *jid + "' is there twice.");
        changes.push_back(std::move(change));
    }
    const std::size_t most = list.name() == "affiliations" ? affiliations_max : subscriptions_max;
    if (changes.size() > most)
        return refuse(
            Errc::NotAcceptable,
            "At most " + std::to_string(most) + " changes are taken in one request."
        );
    return changes;
}

/// XEP-0248 §7.5, §7.6.
Checked<Request> parse_collection(
    const IqRequest& iq, const Element& element, const Settings& settings, const std::string& node
) {
    if (auto error = require_type(iq, IqType::Set)) return *error;
    Associate request{node, {}};
    std::set<std::string> named;
    for (const Element* child : element.children()) {
        if (child->ns() != ns::pubsub_owner) continue;
        const bool is_added = child->name() == "associate";
        if (!is_added && child->name() != "dissociate")
            return refuse(
                Errc::BadRequest, "<" + child->name() + "/> is no entry of <collection/>."
            );
        auto name = required_node(*child, settings);
        if (!name) return name.error();
        if (!named.insert(*name).second)
            return refuse(Errc::BadRequest, "'" + *name + "' is there twice.");
        if (named.size() > associations_max)
            return refuse(Errc::NotAcceptable, "At most 40 associations change in one request.");
        request.changes.push_back({std::move(*name), is_added});
    }
    if (request.changes.empty())
        return refuse(Errc::BadRequest, "Say which: <associate node='…'/> or <dissociate/>.");
    return Request(std::move(request));
}

/// The only value of a field.
Checked<std::string> one_value(const xml::Form& form, const char* var) {
    const xml::FormField* field = form.field(var);
    if (field && field->values.size() == 1)
        return Checked<std::string>(boost::system::in_place_value, field->value());
    return refuse(
        Errc::BadRequest, "The form must have the field " + std::string(var) + " with one value."
    );
}

Checked<Approval> read_approval(const xml::Form& form) {
    const auto node = one_value(form, "pubsub#node");
    if (!node) return node.error();
    const auto subscriber = one_value(form, "pubsub#subscriber_jid");
    if (!subscriber) return subscriber.error();
    const auto jid = xml::Jid::parse(*subscriber);
    if (!jid) return refuse(Errc::BadRequest, "pubsub#subscriber_jid must be an address.");
    const auto allow = one_value(form, "pubsub#allow");
    if (!allow) return allow.error();
    const auto is_allowed = xml::parse_boolean(*allow);
    if (!is_allowed) return refuse(Errc::BadRequest, "pubsub#allow must be 0, 1, false or true.");
    const xml::FormField* subid = form.field("pubsub#subid");
    return Approval{*node, subid ? std::string(subid->value()) : std::string(), *jid, *is_allowed};
}

/// The FORM_TYPE alone says so: a form that lacks its other fields is refused as an approval.
bool is_about_approval(const Element& x) {
    return std::ranges::any_of(x.children("field"), [](const Element* field) {
        const Element* value = field->child("value");
        return field->attr_or("var", "") == "FORM_TYPE" && value &&
               value->text() == xml::subscribe_authorization_form;
    });
}

template <class Get, class Modify>
Checked<Request> parse_list(
    const IqRequest& iq, const Element& list, const std::string& node, const char* line
) {
    if (iq.type == IqType::Get) {
        auto page = page_in(*iq.payload);
        if (!page) return page.error();
        return Request(Get{node, std::move(*page)});
    }
    auto changes = modifications(list, line);
    if (!changes) return changes.error();
    return Request(Modify{node, std::move(*changes)});
}

}   // namespace

Checked<Request> parse_owner_request(const IqRequest& iq, const Settings& settings) {
    std::vector<const Element*> named;
    for (const Element* child : iq.payload->children())
        if (child->ns() == ns::pubsub_owner) named.push_back(child);
    const auto found = only_use_case(named);
    if (!found) return found.error();
    const Element* element = *found;
    const std::string& name = element->name();
    if (name == "default") {
        if (auto error = require_type(iq, IqType::Get)) return *error;
        return Request(GetDefault{element->attr_or("type", "leaf") == "collection"});
    }
    // XEP-0248 §7.4.3.1: without a NodeID the root is meant.
    const std::string* node_name = element->attr("node");
    const bool is_root = node_name ? node_name->empty() : name == "delete";
    if (is_root && (name == "delete" || name == "configure"))
        return refuse(Errc::NotAllowed, "The root node is not to be deleted or configured.");
    auto node = required_node(*element, settings);
    if (!node) return node.error();
    if (name == "collection") return parse_collection(iq, *element, settings, *node);
    if (name == "configure") return parse_configure(iq, *element, *node);
    if (name == "delete") return parse_delete(iq, *element, *node);
    if (name == "subscriptions")
        return parse_list<GetSubscriptions, ModifySubscriptions>(
            iq, *element, *node, "subscription"
        );
    if (name == "affiliations")
        return parse_list<GetAffiliations, ModifyAffiliations>(iq, *element, *node, "affiliation");
    if (name != "purge")
        return refuse(Errc::BadRequest, "<" + name + "/> is no request of this protocol.");
    if (!settings.write_by_get)
        if (auto error = require_type(iq, IqType::Set)) return *error;
    return Request(PurgeNode{std::move(*node)});
}

std::optional<Checked<Approval>> parse_approval(const Element& message) {
    if (message.attr_or("type", "normal") == "error") return std::nullopt;
    const Element* x = message.child("x", ns::data);
    // Of type cancel: it stays pending.
    if (!x || x->attr_or("type", "") != "submit" || !is_about_approval(*x)) return std::nullopt;
    const auto form = form_in(message);
    return form ? read_approval(**form) : Checked<Approval>(form.error());
}

bool is_approval_given_up(const Element& message) {
    if (message.attr_or("type", "normal") == "error") return false;
    const Element* x = message.child("x", ns::data);
    if (!x || x->attr_or("type", "") != "cancel") return false;
    // XEP-0004 §3.2: a form that is given up need not say more.
    const auto form = xml::Form::parse(*x);
    return form &&
           (form->form_type().empty() || form->form_type() == xml::subscribe_authorization_form);
}

}   // namespace grid::pubsub
