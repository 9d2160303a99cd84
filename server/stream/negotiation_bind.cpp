// server/stream/negotiation_bind.cpp: a resource for the authenticated account (RFC 6120 §7).
#include <utility>

#include "server/session/management_words.hpp"
#include "server/stream/negotiation_state.hpp"
#include "xml/namespaces.hpp"
#include "xml/stanza.hpp"

namespace grid::server::stream {

namespace ns = xml::ns;
using xml::Element;

void Negotiation::State::on_bind(const Element& iq) {
    if (iq.attr_or("type", "") != "set")
        return refuse_bind(xml::bad_request("a resource is bound with type='set'"));
    const auto to = iq.attr_or("to", "");
    if (!to.empty() && to != settings.domain && to != identity->account.str())
        return fail("not-authorized", "a resource must be bound before any other stanza");
    const Element* wanted = iq.child("bind", ns::bind)->child("resource");
    const std::string text = wanted ? wanted->text() : std::string();
    std::string resource;   // empty: the server makes one (§7.6)
    if (!text.empty()) {
        const auto prepared = xml::prepare_resource(text);
        if (!prepared)   // §7.7.2.1
            return refuse_bind(
                xml::bad_request("the resource is not acceptable: " + prepared.error().message())
            );
        resource = *prepared;
    }
    out.emplace_back(Bind{identity, std::move(resource)});
    awaits = Awaits::Resource;
}

void Negotiation::State::bound(
    const xml::Jid& full, std::optional<Element> enabled, std::optional<Element> archive
) {
    if (component) return component_bound();
    if (sasl2) {
        Element bound("bound", ns::bind2);
        if (archive) bound.add(std::move(*archive));
        if (const auto* wrong = sasl2->enable ? std::get_if<sm::Wrong>(&*sasl2->enable) : nullptr)
            enabled = sm::failed(wrong->condition);
        if (enabled) bound.add(std::move(*enabled));
        return succeed_by_sasl2(full, &bound);
    }
    send(Element(
        "iq", ns::client, {{"type", "result"}, {"id", bind_id}},
        Element("bind", ns::bind, {}, Element::with_text("jid", full.str()))
    ));
    awaits = Awaits::Nothing;
    is_bound = true;
}

void Negotiation::State::refuse_bind(const xml::StanzaError& error) {
    if (component) return fail("not-authorized", error.text);
    if (sasl2) return refuse_sasl("temporary-auth-failure", error.text, false);
    refuse_iq(error);
}

/// XEP-0198 §3, §5: a session is resumed in place of bind; all else comes after that.
void Negotiation::State::on_management(const Element& element) {
    auto word = sm::read(element);
    if (const auto* error = std::get_if<xml::StreamError>(&word)) return fail(*error);
    auto& said = std::get<sm::Word>(word);
    if (const auto* wrong = std::get_if<sm::Wrong>(&said))
        return send(sm::failed(wrong->condition));
    auto* resume = std::get_if<sm::Resume>(&said);
    if (!resume || layer != Layer::Authenticated) return send(sm::failed("unexpected-request"));
    out.emplace_back(Resume{identity, std::move(resume->token), resume->handled});
    awaits = Awaits::Session;
}

void Negotiation::State::not_resumed(const Element& failed) {
    if (sasl2) {   // XEP-0198 §9.2: bind, where it was asked for, takes its place
        sasl2->not_resumed = failed;
        return go_on_by_sasl2();
    }
    send(failed);
    awaits = Awaits::Element;
}

}   // namespace grid::server::stream
