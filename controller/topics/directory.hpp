// controller/topics/directory.hpp: topics are the broker's nodes, seen as capabilities with
// providers.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "controller/ports.hpp"
#include "controller/settings.hpp"
#include "controller/topics/registrations.hpp"
#include "controller/topics/topic.hpp"
#include "pubsub/broker.hpp"

namespace grid::controller {

/// A provider of a topic: owner or publisher of its node.
struct Provider {
    xml::Jid account;               // bare
    std::string affiliation;        // owner, publisher
    std::vector<xml::Jid> online;   // full JIDs of active resources
};

class Directory {
public:
    Directory(const Settings& settings, const Sessions& sessions)
        : registrations(sessions), settings_(settings) {}
    void attach(pubsub::Broker& broker) { broker_ = &broker; }
    pubsub::Broker* broker() const { return broker_; }

    void forget() {
        topics_.clear();
        by_query_.clear();
        registrations.forget();
        to_gather_.clear();
    }
    void apply(std::string_view name, const std::optional<storage::Record>& record);

    /// The node of that name; nothing when there is none.
    std::optional<pubsub::NodeView> node(std::string_view name) const;
    std::vector<pubsub::NodeView> nodes(std::string_view after, std::size_t max) const;
    /// The declarations of the topic's providers; null when there are none, or only of an earlier
    /// node of that name.
    const Topic* topic(std::string_view name) const;
    /// Revision of the record under that name, whatever node it is about; 0 for none.
    storage::Revision record_revision(std::string_view name) const;
    /// Topics that serve a name: the topic itself, a capability in any version, a declared query.
    std::vector<std::string> serving(std::string_view service) const;
    void each_topic(const std::function<void(const std::string&)>& visit) const {
        for (const auto& [name, topic] : topics_) visit(name);
    }
    /// Topics that may have subtopics and no collection of them yet; a name that was looked at and
    /// has one is taken from the list.
    std::set<std::string>& to_gather() { return to_gather_; }
    std::vector<Provider> providers(std::string_view name, storage::Millis now) const;
    bool is_provider(std::string_view name, const xml::Jid& account, storage::Millis now) const;
    /// A slice of background work: registrations that are over.
    std::vector<storage::Batch> due(storage::Millis now, std::size_t batches_max);
    bool operator==(const Directory& other) const {
        return topics_ == other.topics_ && registrations == other.registrations;
    }

    Registrations registrations;

private:
    const Settings& settings_;
    pubsub::Broker* broker_ = nullptr;
    std::map<std::string, Topic, std::less<>> topics_;
    std::set<std::string> to_gather_;
    // Names that topics serve besides their own: queries → topics.
    std::map<std::string, std::map<std::string, bool, std::less<>>, std::less<>> by_query_;
};

}   // namespace grid::controller
