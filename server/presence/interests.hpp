// server/presence/interests.hpp: which session's client asks for the events of which nodes of
// accounts. Core strand.
#pragma once

#include <cstdint>
#include <list>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "server/presence/capabilities.hpp"

namespace grid::server {

/// The nodes that a client asks for follow from its version (XEP-0115). A client is asked once
/// about a version that is not known here; an answer which its hash proves is remembered for all
/// clients of that version. Soft state.
class Interests {
public:
    /// The consequence of a presence, or of an answer.
    struct Step {
        bool is_changed = false;   // the session asks for other nodes than before
        std::string question;      // the id of a question to the client; empty: none
        presence::WantsPtr before;
    };

    /// The session is available, with this claim.
    Step heard(std::uint64_t session, const std::optional<presence::Caps>& caps);
    /// The session's client has answered. Other answers than those to the last question are passed
    /// over.
    Step learned(std::uint64_t session, const presence::Capabilities& answer);
    /// The same of a session that came from another member of a cluster, where its client answered.
    void adopt(std::uint64_t session, presence::Caps caps, presence::WantsPtr wants) {
        sessions_[session] = {std::move(caps), {}, std::move(wants)};
    }
    /// The session is not available any more; true: it had asked for something.
    bool forget(std::uint64_t session);

    /// Null: the session asks for nothing.
    const presence::Wants* of(std::uint64_t session) const;
    /// The claim of its presence; null: there is none.
    const presence::Caps* caps_of(std::uint64_t session) const;
    bool wants(std::uint64_t session, std::string_view node) const;
    bool is_empty() const { return sessions_.empty(); }

    static constexpr std::size_t versions_max = 4'096;

private:
    struct One {
        presence::Caps caps;
        std::string question;       // that waits for its answer
        presence::WantsPtr wants;   // null: not known
    };
    using Version = std::pair<std::string, std::string>;   // hash, ver

    presence::WantsPtr find_version(const Version& version);
    void remember(Version version, const presence::WantsPtr& wants);

    std::unordered_map<std::uint64_t, One> sessions_;
    struct Known {
        presence::WantsPtr wants;
        std::list<Version>::iterator used;
    };
    std::map<Version, Known> versions_;
    std::list<Version> by_use_;   // the latest first
    std::uint64_t questions_ = 0;
};

}   // namespace grid::server
