// server/gridctl/xmpp/askers.cpp: see server/gridctl/xmpp/askers.hpp.
#include "server/gridctl/xmpp/askers.hpp"

#include <algorithm>
#include <boost/json.hpp>
#include <utility>

#include "server/gridctl/xmpp/item_text.hpp"
#include "server/gridctl/xmpp/requests.hpp"
#include "xml/namespaces.hpp"
#include "xml/writer.hpp"

namespace grid::gridctl::xmpp {

namespace {

/// Names are mostly ASCII; other letters are compared as they are.
std::string in_lower_case(std::string_view text) {
    std::string out(text);
    for (char& c : out)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    return out;
}

}   // namespace

void Query::online(Session& session, bool is_resumed) {
    if (is_resumed || is_done_) return;
    if (!settings_.provider.empty()) {
        providers_ = {settings_.provider};
        return ask_next(session);
    }
    is_finding_ = true;
    asked_ = session.request("get", settings_.controller, find_request(settings_.service));
}

void Query::take_providers(Session& session, const xml::Element& iq) {
    is_finding_ = false;
    if (iq.attr_or("type", "") != "result") {
        const Refusal refusal = refusal_in(iq);
        const auto outcome = refusal.is("item-not-found") ? Outcome::NotFound : Outcome::Refused;
        return give_up(
            outcome, "no provider of '" + settings_.service + "' is known: " + refusal.words()
        );
    }
    providers_ = providers_in(iq);
    std::ranges::reverse(providers_);
    last_words_ = "no provider of '" + settings_.service + "' is online";
    ask_next(session);
}

void Query::ask_next(Session& session) {
    if (providers_.empty()) return give_up(Outcome::Refused, last_words_);
    provider_ = std::move(providers_.back());
    providers_.pop_back();
    asked_ = session.request(settings_.is_set ? "set" : "get", provider_, settings_.payload);
}

void Query::answered(Session& session, const std::string& id, const xml::Element& iq) {
    if (id != asked_ || is_done_) return;
    if (is_finding_) return take_providers(session, iq);
    if (iq.attr_or("type", "") != "result") {
        const Refusal refusal = refusal_in(iq);
        last_words_ = provider_ + " answered: " + refusal.words();
        // The provider left in between, or reads too slowly: another one may do.
        if (refusal.type == "wait") return ask_next(session);
        return give_up(
            refusal.is("item-not-found") ? Outcome::NotFound : Outcome::Refused, last_words_
        );
    }
    const xml::Element* answer = iq.first_child();
    const std::string text = answer ? xml::to_string(*answer) : std::string();
    if (settings_.as_json)
        output_.print(
            boost::json::serialize(boost::json::object{{"provider", provider_}, {"answer", text}})
        );
    else
        output_.print(text);
    is_done_ = true;
}

void Query::give_up(Outcome outcome, const std::string& why) {
    outcome_ = outcome;
    is_done_ = true;
    why_ = why;
}

FindTopics::FindTopics(std::string broker, std::string_view text)
    : broker_(std::move(broker)), text_(in_lower_case(text)) {}

void FindTopics::online(Session& session, bool is_resumed) {
    if (is_resumed || is_done_) return;
    topics_.clear();
    asked_ = session.request("get", broker_, topics_request(""));
}

void FindTopics::answered(Session& session, const std::string& id, const xml::Element& iq) {
    if (id != asked_ || is_done_) return;
    const xml::Element* query = iq.child("query", xml::ns::disco_items);
    if (iq.attr_or("type", "") != "result" || !query) {
        outcome_ = Outcome::Refused;
        is_done_ = true;
        why_ = "topics cannot be listed: " + refusal_in(iq).words();
        return;
    }
    const auto items = query->children("item");
    for (const xml::Element* item : items) {
        Topic topic{std::string(item->attr_or("node", "")), std::string(item->attr_or("name", ""))};
        const std::string both = in_lower_case(topic.name + "\n" + topic.title);
        if (both.find(text_) != std::string::npos) topics_.push_back(std::move(topic));
    }
    const std::string last = last_of_page(*query);
    if (items.empty() || last.empty())
        is_done_ = true;
    else
        asked_ = session.request("get", broker_, topics_request(last));
}

}   // namespace grid::gridctl::xmpp
