// tests/stories/grid_stage.hpp: a whole grid without sockets: store, broker, controller,
// sessions.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "caller_pipeline.hpp"
#include "controller/controller.hpp"
#include "controller/rest/rest.hpp"
#include "pubsub/broker.hpp"
#include "storage/memory_store.hpp"
#include "xml/element.hpp"

namespace grid::test {

/// Sessions with certificates, as the server's table shows them.
class FakeSessions final : public controller::Sessions {
public:
    std::vector<controller::SessionView> sessions() const override;
    const controller::Identity* identity(std::uint64_t session) const override;
    bool is_active(std::uint64_t session) const override;
    std::optional<controller::Activity> activity(std::uint64_t session) const override;
    std::vector<xml::Jid> active_resources(const xml::Jid& bare) const override;

    std::map<std::uint64_t, controller::Activity> activities;   // presence and the last stanza
    std::map<std::uint64_t, controller::SessionView> table;
};

/// The recorded effects of notifying.
class FakeControl final : public controller::SessionControl {
public:
    struct Sent {
        std::vector<std::string> to;
        std::string message;   // whole, without `to`
        pubsub::Notification what;
    };
    void notify(pubsub::Notification notification) override;
    void audience_changed(std::uint64_t) override {}
    void node_removed(std::uint64_t) override {}
    void close_account(const xml::Jid& bare, xml::StreamError error) override;
    void close_session(const xml::Jid& full, xml::StreamError error) override;
    void rights_changed() override { ++rights_changes; }
    void push(const xml::Jid& bare, controller::Interest, const xml::Element& payload) override {
        pushed.emplace_back(bare.str(), payload);
    }

    std::vector<Sent> sent;
    std::vector<std::pair<std::string, xml::Element>> pushed;
    std::vector<std::pair<std::string, std::string>> closed;   // account, condition
    int rights_changes = 0;
};

class NoContacts final : public pubsub::Contacts {
public:
    bool has_presence_subscription(const xml::Jid&, const xml::Jid&) const override {
        return false;
    }
    bool is_in_group(const xml::Jid&, const xml::Jid&, const std::vector<std::string>&)
        const override {
        return false;
    }
};

class FakeServer final : public controller::ServerInfo {
public:
    controller::ServerFacts facts() const override;
    boost::system::error_code reopen_store() const override {
        ++reopened;
        return reopening;
    }

    mutable int reopened = 0;
    boost::system::error_code reopening;   // the outcome of reopening
};

/// One node of the grid over a store that others may share.
struct Node {
    Node(const controller::Settings& settings, const FakeSessions& sessions);
    void apply(const storage::KeyChange& change);

    std::unique_ptr<controller::Controller> controller;
    NoContacts contacts;
    std::unique_ptr<pubsub::Broker> broker;
};

/// On the server's pipeline. The domain is grid.example, the certificate authority "ca" unless said
/// otherwise.
class GridStage {
public:
    explicit GridStage(controller::Settings settings = default_settings());
    static controller::Settings default_settings();

    /// A client connects with a certificate: admission, enrolment, bind. False when it is refused.
    bool connects(std::string_view full_jid, std::string_view anchor = "ca");
    /// The same with a certificate of any kind.
    bool connects_as(std::string_view full_jid, const controller::Identity& shown);
    void disconnects(std::string_view full_jid);
    controller::Admission admission(std::string_view bare, std::string_view anchor = "ca") const;
    static controller::Identity identity(std::string_view bare, std::string_view anchor = "ca");

    /// Sends an iq from a connected session to the address in its `to`; confinement included.
    xml::Element sends(std::string_view full_jid, std::string_view iq);
    /// REST as that account with its certificate. Where a condition is needed and `if_match` says
    /// none, it is "*".
    std::pair<int, std::string> rest(
        std::string_view bare,
        std::string method,
        std::string path,
        std::string body = {},
        std::string query = {}
    );
    /// Background batches, a while later.
    void later(storage::Millis by);
    void policy(std::string_view text);
    void administrator(std::string_view bare);
    /// An ENABLED account in these groups, made by the administrator; its session is connected.
    void member(std::string_view full_jid, const std::string& groups);

    pubsub::Principal principal(std::string_view full_jid) const;
    pubsub::Context context(pubsub::Principal actor);
    /// A batch of the service's own. False when the store refuses it.
    bool commit(storage::Batch batch);

    controller::Controller& controller() { return *node.controller; }

    controller::Settings settings;
    FakeSessions sessions;
    FakeControl control;
    FakeServer server;
    storage::MemoryStore store;
    Node node;
    bool notifies = true;
    std::string if_match, if_none_match;   // of requests by REST
    std::string headers;                   // of the last answer by REST

private:
    /// The reply or the error.
    template <class Reply, class Error>
    std::variant<Error, Reply> run(
        const pubsub::Context& context,
        std::function<storage::Decision<Reply, Error>(const pubsub::Context&)> decide,
        Error (*to_error)(boost::system::error_code)
    );
    void notify(const storage::Committed& committed);
    storage::Revision rescan();

    CallerPipeline pipeline_;
    std::uint64_t next_session_ = 1, next_id_ = 1;
    storage::Millis now_ = storage::MemoryStore::time_at_start;
    bool is_committed_ = false;
};

xml::Element parse(std::string_view text);
/// Same structure: white space, order of attributes, prefixes, further attributes and `<text/>` of
/// errors do not matter. The difference, or nothing.
std::string difference(const xml::Element& actual, std::string_view expected);

}   // namespace grid::test
