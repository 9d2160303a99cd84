// controller/topics/directory.cpp: finding topics, the services of a topic, and its providers.
#include "controller/topics/directory.hpp"

#include <algorithm>

namespace grid::controller {

namespace {
/// Topics of one account; further ones are on record without their names.
constexpr std::size_t published_max = 10'000;
}   // namespace

void Directory::apply(std::string_view name, const std::optional<storage::Record>& record) {
    if (const auto found = topics_.find(name); found != topics_.end()) {
        for (const std::string& query : found->second.queries) {
            const auto at = by_query_.find(query);
            if (at == by_query_.end()) continue;
            if (const auto topic = at->second.find(name); topic != at->second.end())
                at->second.erase(topic);
            if (at->second.empty()) by_query_.erase(at);
        }
        topics_.erase(found);
    }
    if (!record) return;
    Topic topic = decode_topic(record->value).value_or(Topic{});
    topic.revision = record->revision;
    if (topic.node == 0) topic.node = record->revision;
    for (const std::string& query : topic.queries) by_query_[query][std::string(name)] = true;
    if (topic.filters.is_offered()) to_gather_.insert(std::string(name));
    topics_.insert_or_assign(std::string(name), std::move(topic));
}

std::optional<pubsub::NodeView> Directory::node(std::string_view name) const {
    return broker_ == nullptr ? std::nullopt : broker_->node(name);
}

std::vector<pubsub::NodeView> Directory::nodes(std::string_view after, std::size_t max) const {
    return broker_ == nullptr ? std::vector<pubsub::NodeView>{} : broker_->nodes(after, max);
}

const Topic* Directory::topic(std::string_view name) const {
    const auto found = topics_.find(name);
    if (found == topics_.end()) return nullptr;
    const std::uint64_t present = broker_ == nullptr ? 0 : broker_->node_uid(name);
    return present == found->second.node ? &found->second : nullptr;
}

storage::Revision Directory::record_revision(std::string_view name) const {
    const auto found = topics_.find(name);
    return found == topics_.end() ? 0 : found->second.revision;
}

std::vector<std::string> Directory::serving(std::string_view service) const {
    std::vector<std::string> found;
    if (service.empty()) return found;
    // The providers of a topic serve its subtopics, too.
    if (const auto view = node(service))
        found.emplace_back(view->topic.empty() ? std::string(service) : view->topic);
    if (const auto at = by_query_.find(service); at != by_query_.end())
        for (const auto& entry : at->second)
            if (std::ranges::find(found, entry.first) == found.end() &&
                topic(entry.first) != nullptr)
                found.push_back(entry.first);
    // A capability in any version: its topics sort together, behind "name-", each with its
    // subtopics behind it.
    constexpr std::size_t page_max = 64, looked_at_max = 4096;
    const std::string prefix = std::string(service) + "-";
    std::string after = prefix;
    for (std::size_t looked_at = 0; looked_at < looked_at_max; looked_at += page_max) {
        const auto page = nodes(after, page_max);
        for (const pubsub::NodeView& view : page) {
            if (!view.name.starts_with(prefix)) return found;
            const bool is_new = std::ranges::find(found, view.name) == found.end();
            if (view.topic.empty() && split_topic(view.name).name == service && is_new)
                found.push_back(view.name);
        }
        if (page.size() < page_max) return found;
        after = page.back().name;
    }
    return found;
}

std::vector<Provider> Directory::providers(std::string_view name, storage::Millis now) const {
    std::vector<Provider> found;
    const auto view = node(name);
    if (!view) return found;
    for (auto& [bare, affiliation] : broker_->publishers(name, settings_.page_max)) {
        const xml::Jid jid = xml::Jid::from_canonical(bare);
        found.push_back({jid, affiliation, registrations.serving(view->uid, jid, now)});
    }
    return found;
}

bool Directory::is_provider(std::string_view name, const xml::Jid& account, storage::Millis now)
    const {
    const auto view = node(name);
    if (!view) return false;
    const std::string_view affiliation = broker_->affiliation(name, account.bare_view());
    if (affiliation != "owner" && !affiliation.starts_with("publish")) return false;
    return registrations.is_in_force(view->uid, account, now);
}

std::vector<storage::Batch> Directory::due(storage::Millis now, std::size_t batches_max) {
    if (broker_ == nullptr) return {};
    // Looked up when something is over, once a slice: all that was declared, and what the account
    // publishes without having declared anything.
    std::map<std::uint64_t, std::string> names;
    std::set<std::string> looked_at;
    const auto name_of = [&](std::uint64_t uid, const std::string& bare) {
        if (looked_at.empty())
            for (const auto& [name, topic] : topics_) names[topic.node] = name;
        if (looked_at.insert(bare).second)
            for (const std::string& name : broker_->published_by(bare, published_max))
                names[broker_->node_uid(name)] = name;
        const auto found = names.find(uid);
        return found == names.end() ? std::string() : found->second;
    };
    const auto is_publisher = [&](std::uint64_t uid, const std::string& bare) {
        return broker_->publishes(uid, bare);
    };
    return registrations.due(now, batches_max, {is_publisher, name_of});
}

}   // namespace grid::controller
