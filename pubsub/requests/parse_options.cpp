// pubsub/requests/parse_options.cpp: requests about subscription options (XEP-0060 §6.3, §6.4),
// ad-hoc commands (XEP-0050) and what comes back from subscribers (§12.4).
#include "pubsub/errors.hpp"
#include "pubsub/requests/parse.hpp"
#include "xml/namespaces.hpp"

namespace grid::pubsub {

namespace {

using xml::Element;
namespace ns = xml::ns;

}   // namespace

std::optional<xml::StanzaError> take_options(Subscribe& request, const Element& pubsub) {
    const auto children = pubsub.children();
    for (std::size_t i = 0; i < children.size(); ++i) {
        if (!children[i]->is("options", ns::pubsub)) continue;
        if (i == 0 || children[i]->attr("node") || children[i]->attr("jid"))
            return refuse(
                Errc::BadRequest, "<options/> must follow <subscribe/> and have no node and no jid."
            );
        if (request.has_options)
            return refuse(Errc::BadRequest, "There is one <options/> in a request.");
        auto form = form_in(*children[i]);
        if (!form) return form.error();
        if (*form && (*form)->type != "submit")
            return refuse(Errc::BadRequest, "<options/> must hold a form of type submit.");
        request.has_options = true;
        request.options = std::move(*form);
    }
    return std::nullopt;
}

Checked<Request> parse_options(
    const IqRequest& iq, const Element& options, const Settings& settings
) {
    auto node = required_node(options, settings);
    if (!node) return node.error();
    const std::string* text = options.attr("jid");
    if (!text) return refuse(Errc::JidRequired, "Say whose subscription: jid='…'.");   // §6.3.4.3
    const auto jid = xml::Jid::parse(*text);
    if (!jid) return refuse(Errc::InvalidJid, "'" + *text + "' is not an address.");
    GetOptions which{std::move(*node), *jid, optional_attr(options, "subid")};
    // COMPAT(slixmpp 1.8): submits options by iq of type get.
    const bool is_submitted = settings.write_by_get && options.child("x", ns::data);
    if (iq.type == xml::IqType::Get && !is_submitted) return Request(std::move(which));
    auto form = form_in(options);
    if (!form) return form.error();
    if (!*form || ((*form)->type != "submit" && (*form)->type != "cancel"))
        return refuse(Errc::BadRequest, "<options/> must hold the submitted form.");
    return Request(SetOptions{std::move(which), std::move(**form)});
}

Checked<Request> parse_default_options(const Element& element, const Settings& settings) {
    GetDefaultOptions request{optional_attr(element, "node")};
    if (request.node && request.node->empty()) request.node.reset();
    if (request.node) {
        auto node = required_node(element, settings);
        if (!node) return node.error();
    }
    return Request(std::move(request));
}

Checked<Request> parse_command(const IqRequest& iq) {
    if (auto error = require_type(iq, xml::IqType::Set)) return *error;
    const Element& command = *iq.payload;
    Command request;
    request.node = command.attr_or("node", "");
    request.action = command.attr_or("action", "execute");
    request.session = command.attr_or("sessionid", "");
    if (command.attr("sessionid") && request.session.empty())
        return bad_command("bad-sessionid", "An empty sessionid is none.");
    auto form = form_in(command);
    if (!form) return bad_command("bad-payload", form.error().text);
    request.form = std::move(*form);
    return Request(std::move(request));
}

std::optional<Bounce> parse_bounce(const Element& message) {
    if (message.attr_or("type", "") != "error") return std::nullopt;
    const Element* error = message.child("error");
    if (!error) return std::nullopt;
    Bounce bounce;
    bounce.type = error->attr_or("type", "");
    for (const Element* child : error->children())
        if (child->ns() == ns::stanza_errors && child->name() != "text") {
            bounce.condition = child->name();
            break;
        }
    // RFC 6120 §8.3.1: the sender of an error may return what it could not take.
    if (const Element* event = message.child("event", ns::pubsub_event))
        if (const Element* what = event->first_child()) bounce.node = optional_attr(*what, "node");
    bounce.message = message.attr_or("id", "");
    return bounce;
}

}   // namespace grid::pubsub
