// controller/requests/archive_requests.cpp: an account's own archive of messages: queries
// (XEP-0313), what it takes (XEP-0441).
#include <algorithm>
#include <array>
#include <limits>
#include <utility>

#include "controller/requests/requests.hpp"
#include "pubsub/decide/archive.hpp"
#include "xml/datetime.hpp"
#include "xml/namespaces.hpp"
#include "xml/parser.hpp"

namespace grid::controller::requests {

namespace {

using pubsub::archive_ns;
using xml::Element;
using Answer = std::variant<xml::StanzaError, pubsub::Reply>;
using Values = std::vector<std::optional<storage::Snapshot::Value>>;

/// Of the texts of one answer.
constexpr std::size_t page_bytes_max = 1024 * 1024;
constexpr std::size_t rules_names_max = 1'000;

std::string_view id_of(const Archives::Message& message) {
    return {message.id.data(), message.id.size()};
}

/// Of those ids that are there: one look at each message.
std::set<std::size_t> ranks_of(
    const Archives::Archive& archive, const std::vector<std::string>& ids
) {
    const std::set<std::string_view> wanted(ids.begin(), ids.end());
    std::set<std::size_t> ranks;
    for (std::size_t rank = 0; rank < archive.messages.size(); ++rank)
        if (wanted.contains(id_of(archive.messages[rank]))) ranks.insert(rank);
    return ranks;
}

/// Ranks of the messages that match, in order. item-not-found for an id that is not there (§4.1.4).
Result<std::vector<std::size_t>, xml::StanzaError> match(
    const Archives::Archive& archive, const pubsub::QueryArchive& query
) {
    std::size_t from = 0, to = archive.messages.size();
    const auto find = [&](const std::string& id) { return archive.rank(id); };
    const auto no_such = [](const std::string& id) {
        return xml::item_not_found(id + " is not, or no longer, in your archive");
    };
    if (query.after_id) {
        const auto rank = find(*query.after_id);
        if (!rank) return no_such(*query.after_id);
        from = *rank + 1;
    }
    if (query.before_id) {
        const auto rank = find(*query.before_id);
        if (!rank) return no_such(*query.before_id);
        to = *rank;
    }
    std::optional<std::set<std::size_t>> wanted;
    if (query.ids) {
        wanted = ranks_of(archive, *query.ids);
        if (wanted->size() != std::set(query.ids->begin(), query.ids->end()).size())
            return no_such("one of 'ids'");
    }
    // By number: each name is looked at once.
    std::vector<bool> is_meant(archive.names.size(), !query.with);
    if (query.with)
        for (std::size_t i = 0; i < archive.names.size(); ++i) {
            const auto name = xml::Jid::from_canonical(archive.names[i]);
            is_meant[i] =
                query.with->is_bare() ? name.bare_view() == query.with->str() : name == *query.with;
        }
    std::vector<std::size_t> ranks;
    for (std::size_t rank = from; rank < to; ++rank) {
        const auto& message = archive.messages[rank];
        if (query.start && message.time < *query.start) continue;
        if (query.end && message.time > *query.end) continue;
        if (!is_meant[message.with] || (wanted && !wanted->contains(rank))) continue;
        ranks.push_back(rank);
    }
    return ranks;
}

Result<pubsub::Page, xml::StanzaError> page_of(
    const Archives::Archive& archive,
    const std::vector<std::size_t>& ranks,
    const pubsub::QueryArchive& query,
    std::size_t page_max
) {
    const auto find = [&](std::string_view cursor, bool is_after) -> std::optional<std::size_t> {
        const auto rank = archive.rank(cursor);
        if (!rank) return std::nullopt;
        const auto at = std::ranges::lower_bound(ranks, is_after ? *rank + 1 : *rank);
        return static_cast<std::size_t>(at - ranks.begin());
    };
    auto page = pubsub::find_page(query.page, ranks.size(), page_max, find);
    if (!page) return page;
    pubsub::limit_page_bytes(
        *page, page_bytes_max, query.page && query.page->before,
        [&](std::size_t index) { return archive.messages[ranks[index]].bytes; }
    );
    return page;
}

/// A stored text, which is one for a stream of jabber:client.
std::optional<Element> parse_stored(std::string_view text) {
    constexpr std::string_view begin = "<message";
    if (!text.starts_with(begin)) return std::nullopt;
    std::string whole(begin);
    whole.append(" xmlns='jabber:client'").append(text.substr(begin.size()));
    constexpr std::size_t any = std::numeric_limits<std::size_t>::max();
    xml::Limits limits;
    limits.stanza_bytes_max = limits.depth_max = limits.attributes_max = any;
    limits.declarations_max = limits.bindings_max = limits.elements_max = any;
    limits.name_bytes_max = any;
    auto document = xml::parse_document(whole, limits);
    auto* element = std::get_if<Element>(&document);
    if (element == nullptr) return std::nullopt;
    return std::move(*element);
}

struct Found {
    std::string id;
    storage::Millis time = 0;
};

pubsub::Decision query_archive(
    const State& state, const pubsub::Context& context, const pubsub::QueryArchive& query
) {
    const std::string account(context.actor.jid.bare_view());
    static const Archives::Archive nothing;
    const auto* held = state.archives.find(account);
    const Archives::Archive& archive = held ? *held : nothing;
    auto ranks = match(archive, query);
    if (!ranks) return ranks.error();
    auto page = page_of(archive, *ranks, query, state.settings.page_max);
    if (!page) return page.error();
    const auto at = [&](std::size_t index) -> const Archives::Message& {
        return archive.messages[(*ranks)[index]];
    };
    Element fin = pubsub::archive_fin(*page, [&](std::size_t index) {
        return std::string(id_of(at(index)));
    });
    std::vector<Found> found;
    pubsub::Decision::Read read;
    for (std::size_t i = page->from; i < page->to; ++i) {
        found.push_back({std::string(id_of(at(i))), at(i).time});
        read.keys.push_back(Archives::text_of(account, at(i).revision));
    }
    if (found.empty()) return pubsub::Reply(std::move(fin));
    read.finish = [found = std::move(found), fin = std::move(fin), queryid = query.queryid,
                   is_flipped = query.is_flipped](const Values& values) -> Answer {
        pubsub::Reply reply(fin);
        for (std::size_t i = 0; i < found.size(); ++i) {
            if (!values[i]) continue;   // erased meanwhile
            auto message = parse_stored(Archives::decode_text(values[i]->value));
            if (!message) continue;
            reply.messages.push_back(
                pubsub::archive_result(found[i].id, queryid, found[i].time, std::move(*message))
            );
        }
        if (is_flipped) std::ranges::reverse(reply.messages);
        return reply;
    };
    return read;
}

using Default = ArchiveRules::Default;
constexpr std::array defaults{
    std::pair("never", Default::Never), std::pair("always", Default::Always),
    std::pair("roster", Default::Roster)
};

Element to_element(const ArchiveRules& rules) {
    const auto* row =
        std::ranges::find(defaults, rules.by_default, [](const auto& one) { return one.second; });
    Element prefs("prefs", archive_ns, {{"default", row->first}});
    for (const auto& [name, list] :
         {std::pair("always", &rules.always), std::pair("never", &rules.never)}) {
        Element names(name, archive_ns);
        for (const std::string& jid : *list) names.add(Element::with_text("jid", jid));
        prefs.add(std::move(names));
    }
    return prefs;
}

Result<ArchiveRules, xml::StanzaError> parse_rules(const Element& prefs) {
    ArchiveRules rules;
    const std::string_view by_default = prefs.attr_or("default", "");
    const auto* row =
        std::ranges::find_if(defaults, [&](const auto& one) { return by_default == one.first; });
    if (row == defaults.end())
        return xml::bad_request("'default' is always, never or roster (XEP-0441 §2)");
    rules.by_default = row->second;
    for (const auto& [name, list] :
         {std::pair("always", &rules.always), std::pair("never", &rules.never)}) {
        const Element* names = prefs.child(name);
        if (names == nullptr) continue;
        for (const Element* one : names->children("jid")) {
            auto jid = xml::Jid::parse(one->text(), true);
            if (!jid) return xml::jid_malformed("'" + one->text() + "' is no address");
            list->insert(jid->str());
        }
    }
    if (rules.always.size() + rules.never.size() > rules_names_max)
        return xml::resource_constraint("at most 1000 addresses");
    return rules;
}

Prepared prepare_rules(const State& state, const pubsub::IqRequest& request) {
    pubsub::PreparedRequest prepared;
    if (request.type == xml::IqType::Get) {
        prepared.decide = [&state](const pubsub::Context& context) {
            return pubsub::Decision(
                pubsub::Reply(to_element(state.archives.rules(context.actor.jid.bare_view())))
            );
        };
        return prepared;
    }
    auto rules = parse_rules(*request.payload);
    if (!rules) return rules.error();
    prepared.decide = [&state, rules = std::move(*rules)](const pubsub::Context& context) {
        pubsub::Decision::Change made;
        state.expect_account(made.batch, context.actor);
        state.archives.put_rules(made.batch, context.actor.jid.bare_view(), rules);
        made.reply = pubsub::Reply(to_element(rules));
        return pubsub::Decision(std::move(made));
    };
    return prepared;
}

}   // namespace

Element archive_metadata(const State& state, std::string_view account) {
    Element answer("metadata", archive_ns);
    if (const auto* archive = state.archives.find(account))
        for (const auto& [name, message] :
             {std::pair("start", &archive->messages.front()),
              std::pair("end", &archive->messages.back())})
            answer.add(Element(
                name, archive_ns,
                {{"id", std::string(id_of(*message))},
                 {"timestamp", xml::to_datetime(message->time)}}
            ));
    return answer;
}

std::optional<Prepared> prepare_archive(const State& state, const pubsub::IqRequest& request) {
    const Element& payload = *request.payload;
    // The settings are constant, unlike what administrators change.
    if (payload.ns() != archive_ns || !state.configured.archive.messages) return std::nullopt;
    // XEP-0313 §4.1.3: the archive of that node, and not the account's.
    if (payload.attr("node") != nullptr)
        return Prepared(xml::item_not_found("an account keeps no archive of its nodes"));
    if (payload.name() == "prefs") return prepare_rules(state, request);
    pubsub::PreparedRequest prepared;
    if (payload.name() == "metadata" && request.type == xml::IqType::Get) {
        prepared.decide = [&state](const pubsub::Context& context) {
            return pubsub::Decision(
                pubsub::Reply(archive_metadata(state, context.actor.jid.bare_view()))
            );
        };
        return prepared;
    }
    if (payload.name() != "query") return std::nullopt;
    if (request.type == xml::IqType::Get) {
        prepared.decide = [](const pubsub::Context&) {
            return pubsub::Decision(pubsub::archive_form());
        };
        return prepared;
    }
    auto query = pubsub::parse_archive_query(payload, state.configured.page_max);
    if (!query) return query.error();
    prepared.decide = [&state, query = std::move(*query)](const pubsub::Context& context) {
        return query_archive(state, context, query);
    };
    return prepared;
}

}   // namespace grid::controller::requests
