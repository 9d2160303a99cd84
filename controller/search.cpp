// controller/search.cpp: see controller/search.hpp.
#include "controller/search.hpp"

#include <algorithm>
#include <charconv>

#include "controller/commands/forms.hpp"
#include "controller/gi/operation.hpp"
#include "xml/form.hpp"
#include "xml/namespaces.hpp"
#include "xml/rsm.hpp"

namespace grid::controller {

namespace {

using xml::Element;

constexpr const char* kind_field = "x-grid#kind";
constexpr const char* name_field = "nick";   // XEP-0055 §2
/// The accounts that one page looks at: a bound, so that a search does not hold up other clients. A
/// page may be empty and not the last.
constexpr std::size_t searched_max = 1'000;
/// A cursor that names no account, where a page ends behind one that the asker does not see.
constexpr std::string_view hidden_place = "place:";

/// A search as it was asked for.
struct Search {
    bool is_about_topics = false;
    std::string name;   // a part of the name; empty: any
    std::string after;
    std::size_t max = 0;
};

/// The answer's rows and where the next page begins; empty: this was the last one.
struct Found {
    Element table;
    std::size_t count = 0;
    std::string first, next;
};

Result<Search, xml::StanzaError> parse_search(const Element& query, std::size_t page_max) {
    Search search;
    if (const Element* x = query.child("x", xml::ns::data)) {
        const auto form = xml::Form::parse(*x);
        if (!form) return form.error();
        if (form->type != "submit") return xml::bad_request("expected a form of type submit");
        if (const auto* kind = form->field(kind_field)) {
            const std::string_view value = kind->value();
            if (!value.empty() && value != "accounts" && value != "topics")
                return xml::bad_request("x-grid#kind is accounts or topics");
            search.is_about_topics = value == "topics";
        }
        if (const auto* name = form->field(name_field)) search.name = name->value();
    } else if (const Element* name = query.child(name_field)) {
        search.name = name->text();
    }
    const auto page = xml::RsmRequest::parse(query);
    if (!page) return page.error();
    search.max = page_max;
    if (*page) {
        if ((*page)->before || (*page)->index)
            return xml::feature_not_implemented("results are paged forward, by <after/>");
        if ((*page)->max) search.max = std::min<std::size_t>(page_max, *(*page)->max);
        search.after = (*page)->after.value_or("");
    }
    return search;
}

bool has_part(std::string_view name, const std::string& part) {
    return part.empty() || name.find(part) != std::string_view::npos;
}

bool may_find(const State& state, const pubsub::Context& context, const Account& account) {
    if (account.jid == context.actor.jid.bare_view()) return true;
    return state
        .decide(
            context.actor, policy::Right::Message,
            policy::Object{account.jid, {}, {}, account.groups}
        )
        .allowed;
}

/// The account behind which the page begins.
std::string account_place(const State& state, const std::string& after) {
    std::size_t place = 0;
    if (!after.starts_with(hidden_place)) return after;
    const char* const end = after.data() + after.size();
    const auto [to, error] = std::from_chars(after.data() + hidden_place.size(), end, place);
    if (error != std::errc{} || to != end) return after;
    return std::string(state.accounts.name_at(place));
}

Found find_accounts(const State& state, const pubsub::Context& context, const Search& search) {
    commands::Table table(
        search_ns.uri(), {},
        {{"jid", "jid-single", "Jabber ID"}, {name_field, "text-single", "Name"}}
    );
    Found found;
    const bool sees_all = state.may(context.actor, Act::ReadAccounts);
    const auto looked_at = state.accounts.page(
        account_place(state, search.after), searched_max, AccountState::Enabled
    );
    bool is_visible = false;
    const Account* last = nullptr;
    for (const Account* account : looked_at) {
        if (table.size() == search.max) break;
        last = account;
        const xml::Jid jid = xml::Jid::from_canonical(account->jid);
        is_visible =
            has_part(jid.local(), search.name) && (sees_all || may_find(state, context, *account));
        if (!is_visible) continue;
        if (found.first.empty()) found.first = account->jid;
        table.add({{account->jid}, {std::string(jid.local())}});
    }
    const bool is_all =
        last == nullptr || (last == looked_at.back() && looked_at.size() < searched_max);
    if (!is_all)
        found.next = is_visible ? last->jid
                                : std::string(hidden_place) +
                                      std::to_string(state.accounts.place_of(last->jid));
    found.count = table.size();
    found.table = table.take();
    return found;
}

Found find_topics(const State& state, const pubsub::Context& context, const Search& search) {
    commands::Table table(
        search_ns.uri(), {},
        {{"jid", "jid-single", "Broker"},
         {"node", "text-single", "Topic"},
         {"title", "text-single", "Title"},
         {"type", "text-single", "Type"}}
    );
    Found found;
    const gi::Request none;
    gi::TopicPage page = gi::discoverable({{state, context}, none}, search.after);
    found.next = page.next;
    for (const pubsub::NodeView& node : page.topics) {
        if (!has_part(node.name, search.name) && !has_part(node.title, search.name)) continue;
        if (table.size() == search.max) break;
        if (found.first.empty()) found.first = node.name;
        table.add({{state.settings.broker.str()}, {node.name}, {node.title}, {node.type}});
        if (table.size() == search.max && &node != &page.topics.back()) found.next = node.name;
    }
    found.count = table.size();
    found.table = table.take();
    return found;
}

pubsub::Decision ask_search() {
    xml::Form form = commands::form(
        search_ns.uri(), "Search of accounts and topics",
        "Give a part of the name. The answer has what you may see."
    );
    form.type = "form";
    commands::add_field(
        form, kind_field, "list-single", "What to search for", {"accounts"}, {"accounts", "topics"}
    );
    commands::add_field(form, name_field, "text-single", "Part of the name");
    Element query("query", search_ns);
    query.add(Element::with_text("instructions", "Give a part of the name."));
    query.add(Element(name_field));
    query.add(form.to_element());
    return pubsub::Reply(std::move(query));
}

/// For clients without data forms (XEP-0055 §2).
void add_plain_items(Element& query, const Element& table) {
    for (const Element* row : table.children("item")) {
        Element item("item");
        for (const Element* field : row->children("field")) {
            const Element* value = field->child("value");
            const std::string text = value == nullptr ? "" : value->text();
            if (field->attr_or("var", "") == "jid")
                item.set("jid", text);
            else
                item.add(Element::with_text(std::string(field->attr_or("var", "")), text));
        }
        query.add(std::move(item));
    }
}

pubsub::Decision answer_search(
    const State& state, const Search& search, bool has_form, const pubsub::Context& context
) {
    if (auto failure = state.entitled(context.actor)) return to_stanza_error(*failure);
    Found found = search.is_about_topics ? find_topics(state, context, search)
                                         : find_accounts(state, context, search);
    Element query("query", search_ns);
    if (!has_form)
        add_plain_items(query, found.table);
    else if (found.count > 0)
        query.add(std::move(found.table));
    if (!found.next.empty()) {
        xml::RsmReply page;
        page.first = found.first.empty() ? found.next : found.first;
        page.last = found.next;
        query.add(page.to_element());
    }
    return pubsub::Reply(std::move(query));
}

}   // namespace

std::optional<Result<pubsub::PreparedRequest, xml::StanzaError>> prepare_search(
    const State& state, const pubsub::IqRequest& iq
) {
    if (!iq.payload->is("query", search_ns)) return std::nullopt;
    pubsub::PreparedRequest prepared;
    if (iq.type == xml::IqType::Get) {
        prepared.decide = [](const pubsub::Context&) { return ask_search(); };
        return prepared;
    }
    auto search = parse_search(*iq.payload, std::max<std::size_t>(state.settings.page_max, 1));
    if (!search) return search.error();
    const bool has_form = iq.payload->child("x", xml::ns::data) != nullptr;
    prepared.decide = [&state, has_form, search = std::move(*search)](const pubsub::Context& context
                      ) { return answer_search(state, search, has_form, context); };
    return prepared;
}

}   // namespace grid::controller
