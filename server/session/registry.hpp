// server/session/registry.hpp: sessions by account and resource. Core strand only.
#pragma once

#include <functional>
#include <memory>
#include <set>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "controller/ports.hpp"
#include "server/session/session.hpp"
#include "xml/stream_error.hpp"

namespace grid::server {

class SessionRegistry final : public controller::Sessions {
public:
    explicit SessionRegistry(std::uint32_t resources_per_account_max)
        : resources_max_(resources_per_account_max) {}

    /// Enters the table. A session that holds the same full JID here is returned in `replaced`: it
    /// must be closed with <conflict/> (RFC 6120 §7.7.2.2, the client that comes back wins). False:
    /// too many resources, on all members together as far as they have told them.
    bool enter(const SessionPtr& session, SessionPtr& replaced);
    /// One on another member, beside all others.
    void enter_elsewhere(const SessionPtr& session);
    void leave(const Session& session);
    /// The session goes on as that one, which has its number and its address: it has moved from
    /// here to another member of a cluster, or from there to here.
    void goes_on_as(const Session& before, const SessionPtr& after);
    /// Null: nobody watches. Outlives the table, or takes itself away.
    void watch(SessionWatcher* watcher) { watcher_ = watcher; }
    SessionWatcher* watcher() const { return watcher_; }
    /// A fact that others know of a session here has changed.
    void changed(const Session& session) {
        if (watcher_ && !session.other_member && by_id_.contains(session.id))
            watcher_->on_changed(session);
    }
    /// Of a cluster: whether all members that are there have told all of their sessions.
    void set_complete(bool knows_all) { knows_all_ = knows_all; }
    /// The session rests on another certificate from now on.
    void identify(Session& session, controller::IdentityPtr identity);

    /// Sessions here that rest on a certificate: `link` is an entry of controller::Identity::path,
    /// of their own certificate or of a CA above it.
    std::vector<SessionPtr> by_certificate(const std::string& link) const;
    /// Sessions whose path is not valid any more, each once.
    std::vector<SessionPtr> take_expired(storage::Millis now);

    /// Wherever it is. Of two with one address, which are there until one has ended, the one here.
    SessionPtr find(const xml::Jid& full) const;
    SessionPtr find(std::uint64_t id) const;
    /// All sessions of an account, wherever they are, in the order in which they came.
    const std::vector<SessionPtr>& of_account(std::string_view bare) const;
    /// The number of an account's sessions here.
    std::size_t count_here(std::string_view bare) const;
    /// Of its sessions everywhere those that stay when one with this address enters the table.
    std::size_t count_beside(const xml::Jid& full) const;
    /// Of those here.
    std::size_t size() const { return by_id_.size() - on_other_members(); }
    std::size_t on_other_members() const { return on_other_members_; }
    /// Looks at all that are here.
    std::size_t hibernating() const;
    /// Visits those here.
    void for_each(const std::function<void(const SessionPtr&)>& visit) const;

    // controller::Sessions
    std::vector<controller::SessionView> sessions() const override;
    std::vector<controller::SessionView> sessions_after(std::uint64_t id, std::size_t max)
        const override;
    const controller::Identity* identity(std::uint64_t session) const override;
    bool is_active(std::uint64_t session) const override;
    std::optional<controller::Activity> activity(std::uint64_t session) const override;
    std::vector<xml::Jid> active_resources(const xml::Jid& bare) const override;
    std::vector<xml::Jid> resources(const xml::Jid& bare) const override;
    std::vector<xml::Jid> active_resources_here(const xml::Jid& bare) const override;
    std::vector<xml::Jid> resources_here(const xml::Jid& bare) const override;
    std::vector<controller::SessionView> sessions_of(const xml::Jid& bare) const override;
    bool knows_all() const override { return knows_all_; }

private:
    struct Hash {
        using is_transparent = void;
        std::size_t operator()(std::string_view text) const {
            return std::hash<std::string_view>{}(text);
        }
    };
    /// The addresses of those of an account's sessions that are meant.
    template <typename IsMeant>
    std::vector<xml::Jid> addresses(const xml::Jid& bare, IsMeant is_meant) const;
    void link(const Session& session);
    void unlink(const Session& session);
    void take_out(const Session& session);

    std::uint32_t resources_max_;
    SessionWatcher* watcher_ = nullptr;
    bool knows_all_ = true;
    std::size_t on_other_members_ = 0;   // of by_id_
    /// Hashes of the entries of their paths, and their numbers.
    std::set<std::pair<std::size_t, std::uint64_t>> by_certificate_;
    std::set<std::pair<storage::Millis, std::uint64_t>> by_expiry_;
    std::unordered_map<std::uint64_t, SessionPtr> by_id_;
    std::unordered_map<std::string, std::vector<SessionPtr>, Hash, std::equal_to<>> by_account_;
};

}   // namespace grid::server
