// server/cluster/remote_session.hpp: stanzas on their way to sessions of another member of the
// cluster.
#pragma once

#include <chrono>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "server/cluster/directory_frames.hpp"
#include "server/session/budget.hpp"
#include "server/session/session.hpp"
#include "server/session/transport.hpp"

namespace grid::server::cluster {

/// The stanzas to one other member, in their order, until it has taken them: those that were under
/// way when a connection ended are sent again on the next one, and the member drops those that it
/// had. Bounded by the budgets of their sessions, whose sum is the member's. Core strand.
class StanzaOutbox {
public:
    /// False: the way takes nothing now; `go_on` is called later.
    using Send = std::function<bool(std::string frame)>;

    explicit StanzaOutbox(Send send) : send_(std::move(send)) {}
    ~StanzaOutbox();
    StanzaOutbox(const StanzaOutbox&) = delete;
    StanzaOutbox& operator=(const StanzaOutbox&) = delete;

    /// False: there is no room. `session`: the addressee.
    bool put(const SessionPtr& session, Outgoing stanza);
    bool put(const SessionPtr& session, ForwardedQuery query);
    /// The connection carries stanzas from now on, all that were not taken yet.
    void open();
    void close();
    void taken(std::uint64_t number);
    /// Before `open`: the other member has taken those up to that number, which may be of an outbox
    /// before this one, if it was taken for lost meanwhile and did not notice.
    void goes_on_behind(std::uint64_t number);
    void go_on();

    /// A stanza that has not been taken.
    struct Left {
        SessionPtr session;
        std::variant<Outgoing, ForwardedQuery> content;
    };
    /// All of them, which are sent no more.
    std::vector<Left> take_all();
    std::size_t size() const { return waiting_.size(); }

private:
    struct Entry {
        std::uint64_t number = 0;
        std::size_t bytes = 0;
        Left left;
    };
    bool put(Left left, std::size_t bytes);
    std::string frame_of(const Entry& entry) const;
    void give(const Entry& entry);

    Send send_;
    std::deque<Entry> waiting_;
    std::size_t sent_ = 0;   // of waiting_, by this connection
    std::uint64_t last_ = 0;
    std::uint64_t last_sent_ = 0;   // by any connection
    bool is_open_ = false;
};

/// Of one session elsewhere.
class RemoteTransport final : public Transport {
public:
    using Put = std::function<void(std::vector<Outgoing> stanzas)>;

    explicit RemoteTransport(Put put) : put_(std::move(put)) {}
    /// On the core strand.
    void send(std::vector<Outgoing> stanzas, std::size_t /*bytes*/) override {
        put_(std::move(stanzas));
    }
    /// How far a session got is known to its own member.
    void mark(std::uint64_t /*number*/, std::function<void(std::uint64_t)> /*done*/) override {}
    /// Streams are ended by their own member.
    void close(std::optional<xml::StreamError> /*error*/) override {}

private:
    Put put_;
};

}   // namespace grid::server::cluster
