// server/core/left_out.hpp: a session that read too slowly lost items, which are sent later.
#pragma once

#include "server/delivery/catch_up.hpp"
#include "server/presence/last_items.hpp"

namespace grid::server {

/// Items of its subscriptions are replayed; of those that came without one, the last are sent
/// again.
class LeftOut final : public ReplayListener {
public:
    LeftOut(CatchUp& catch_up, LastItems& last_items)
        : catch_up_(catch_up), last_items_(last_items) {}

    void on_dropped(const SessionPtr& session) override {
        catch_up_.on_dropped(session);
        last_items_.missed(session);
    }
    void replay_from(const xml::Jid& subscriber, std::uint64_t node, storage::Revision after)
        override {
        catch_up_.replay_from(subscriber, node, after);
    }
    void replay_from(
        const SessionPtr& session, std::uint64_t node, bool is_bare, storage::Revision after
    ) override {
        catch_up_.replay_from(session, node, is_bare, after);
    }
    void on_sent(const SessionPtr& session) override { catch_up_.on_sent(session); }
    void detached(Session& session) override { catch_up_.detached(session); }

private:
    CatchUp& catch_up_;
    LastItems& last_items_;
};

}   // namespace grid::server
