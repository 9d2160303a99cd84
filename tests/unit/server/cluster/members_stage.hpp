// tests/unit/server/cluster/members_stage.hpp: cores of several members, joined by links in memory.
#pragma once

#include <boost/asio.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "memory_links.hpp"
#include "server/cluster/directory.hpp"
#include "server/config/config.hpp"
#include "server/core/core.hpp"
#include "server/router/addresses.hpp"
#include "storage/memory_store.hpp"

namespace grid::test {

/// Stanzas that a session is sent are read at once.
class ReadTransport final : public server::Transport {
public:
    void send(std::vector<server::Outgoing> stanzas, std::size_t bytes) override;
    void mark(std::uint64_t number, std::function<void(std::uint64_t)> done) override {
        done(number);
    }
    void close(std::optional<xml::StreamError> error) override {
        closed = error ? error->condition : "closed";
        if (when_closed) when_closed();
    }
    std::weak_ptr<server::Session> session;
    std::vector<std::string> stanzas;
    std::string closed;
    std::function<void()> when_closed;   // in the middle of the core's work
};

/// A client of one member.
struct Guest {
    server::SessionPtr session;
    std::shared_ptr<ReadTransport> transport;

    const std::string& jid() const { return session->jid.str(); }
    /// The stanzas since the last call.
    std::vector<std::string> hears() const { return std::exchange(transport->stanzas, {}); }
    /// The same as one text.
    std::string hears_all() const;
};

/// Each member has a store of its own, all with the same accounts: alice, bob and
/// carol@grid.example are contacts of each other. The context runs in `runs` alone.
class MembersStage {
public:
    explicit MembersStage(std::size_t members = 2, server::cluster::DirectorySettings = {});
    ~MembersStage();

    /// All members, to each other.
    void joins();
    /// A session of that account, which has not said anything.
    Guest binds(std::size_t member, const std::string& account, const std::string& resource);
    /// The same, and it is available; what it heard by then is still to be heard, or is not.
    Guest comes(
        std::size_t member,
        const std::string& account,
        const std::string& resource,
        bool is_heard = true
    );
    /// A wish to resume a session, and its answer.
    struct Resumed {
        Guest guest;           // without a session: it was refused
        std::string failure;   // by this condition
        std::optional<std::uint32_t> handled;
        bool is_answered = false;
    };
    /// The member's store is made to be ahead of the others', as if it had applied all that they
    /// have.
    void get_ahead(std::size_t member);
    /// The client says `<resume/>` at that member; nothing runs yet.
    std::shared_ptr<Resumed> asks_to_resume(
        std::size_t member,
        const std::string& account,
        const std::string& token,
        std::uint32_t handled,
        const std::string& key = ""
    );
    /// Switches stream management on; the token.
    std::string manages(std::size_t member, const Guest& guest);
    /// The connection is gone without a word.
    void loses(std::size_t member, const Guest& guest);
    /// `taken`: more may be read of the stream.
    void sends(
        std::size_t member,
        const Guest& guest,
        const std::string& stanza,
        std::function<void()> taken = [] {}
    );
    /// In one read of the stream.
    void sends_at_once(
        std::size_t member,
        const Guest& guest,
        const std::vector<std::string>& stanzas,
        std::function<void()> taken = [] {}
    );
    /// The stream ends.
    void goes(std::size_t member, const Guest& guest);
    void runs();
    /// Runs until `is_so`, for twenty seconds at the most: background work goes by the clock.
    bool waits(const std::function<bool()>& is_so);

    server::Core& core(std::size_t member) { return *members_[member]->core; }
    server::cluster::Directory& directory(std::size_t member) {
        return *members_[member]->directory;
    }
    MemoryLinks& links(std::size_t member) { return *members_[member]->links; }
    storage::MemberId id(std::size_t member) const { return members_[member]->self.id; }
    std::vector<server::cluster::Member> all() const;
    void cuts(std::size_t one, std::size_t other);
    void connects(std::size_t one, std::size_t other);

    boost::asio::io_context context;
    Switchboard board{context};
    server::Config config;

private:
    struct One {
        server::cluster::Member self;
        storage::MemoryStore store;
        std::unique_ptr<server::Core> core;
        std::unique_ptr<MemoryLinks> links;
        std::shared_ptr<server::cluster::Directory> directory;
    };
    void befriend(server::Core& core, const std::string& one, const std::string& other);

    server::Log log_;
    server::Addresses addresses_;
    server::IqTable server_iqs_, account_iqs_;
    std::vector<std::unique_ptr<One>> members_;
    std::vector<std::weak_ptr<server::Session>> guests_;
};

}   // namespace grid::test
