// server/cluster/control.hpp: words between members (Channel::Control), and answers that wait for
// all of them.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "server/cluster/member.hpp"
#include "storage/batch.hpp"

namespace grid::server::cluster {

/// Member::flushed_group of a member that takes no clients yet.
inline constexpr std::uint64_t serves_nobody = ~std::uint64_t{0};

/// One frame of Channel::Control.
struct ControlWord {
    enum class Kind : std::uint8_t {
        WhenApplied = 1,   // tell me when you have applied `number`
        Applied = 2,       // I have applied `number`
        Wish = 3,          // `number`: a controller::ClusterControl::Wish
        // Facts about the sender, for operators; 4 was a word of an earlier version.
        Clock = 5,       // milliseconds since 1970, as this was sent
        FreeBytes = 6,   // of the volume of its data
        MayLead = 7,     // 1: its store takes writes
        Exported = 8,    // of the leader: the number of the last audit record that it exported
        Leaving = 9,   // one more than the sessions and transfers that are still there; 0: it stays
    };
    Kind kind = Kind::WhenApplied;
    std::uint64_t number = 0;
    bool operator==(const ControlWord&) const = default;
};
std::string encode(const ControlWord& word);
std::optional<ControlWord> decode_control(std::string_view bytes);

/// Answers to requests that took rights away: each waits until every live member has applied the
/// change. One thread.
class Acknowledgements {
public:
    using TimePoint = std::chrono::steady_clock::time_point;

    struct Asked {
        storage::MemberId member = 0;
        storage::Revision revision = 0;
        bool operator==(const Asked&) const = default;
    };

    /// `group`: the log's group of that revision, or a later one. `done`: with false where the wait
    /// is given up. The number of the wait, which counts up: its members are to be read.
    std::uint64_t wait(
        storage::Revision revision, std::uint64_t group, std::function<void(bool)> done
    );
    /// The other members as they were read when the waits up to that number had begun. A wait for
    /// none ends at once; of the rest, the members that are to be asked, and for which revision.
    std::vector<Asked> members_read(std::uint64_t number, const std::vector<Member>& others);
    /// Ends the waits that began before.
    void give_up(TimePoint before);
    /// Ends those whose members could not be read.
    void give_up_unread(TimePoint before);
    /// That member has applied the revision.
    void applied(storage::MemberId member, storage::Revision revision);
    /// A member that has a group on disk has applied it, too, even if no link leads there.
    /// Those that are not among `others` any more are not waited for.
    void members_changed(const std::vector<Member>& others);
    /// The greatest revision that this member is asked for; 0: none.
    storage::Revision asked_of(storage::MemberId member) const;
    std::size_t size() const { return waits_.size(); }

private:
    struct Wait {
        std::uint64_t number = 0;
        storage::Revision revision = 0;
        std::uint64_t group = 0;
        std::optional<std::set<storage::MemberId>> missing;   // none: they are not read yet
        std::function<void(bool)> done;
        TimePoint since = std::chrono::steady_clock::now();
    };
    void finish();
    void end(const std::function<bool(const Wait&)>& has_ended, bool is_known);

    std::vector<Wait> waits_;
    std::uint64_t last_ = 0;   // number of the last wait
};

}   // namespace grid::server::cluster
