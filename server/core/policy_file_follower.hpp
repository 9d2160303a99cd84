// server/core/policy_file_follower.hpp: the policy in force follows policy.file, at a start and at
// a reload.
#pragma once

#include <optional>
#include <string>

#include "controller/policy/policy.hpp"
#include "server/config/config.hpp"
#include "server/log.hpp"
#include "storage/store.hpp"

namespace grid::server {

/// A text of the file that was edited is taken: by a reload, and by a start where that was done
/// while the server was down. One that is as it was taken last does not undo what was set since,
/// with gridctl say. So the store has a record of what was taken last. Core strand.
class PolicyFileFollower {
public:
    PolicyFileFollower(const Config& config, const controller::policy::Policy& policy, Log& log)
        : config_(config), policy_(policy), log_(log) {}

    /// The record of the text that this member, or a server of its own, took last; empty: there is
    /// none. Any thread.
    std::string taken(const storage::Snapshot& snapshot) const;
    /// The batch that is committed before the first client; nullopt: there is none.
    std::optional<storage::Batch> at_start(
        const std::string& text, const std::string& taken, const pubsub::Context& context
    );
    /// The text is put in force; nullopt: it is, and that is on record.
    std::optional<storage::Batch> at_reload(
        const std::string& text, const std::string& taken, const pubsub::Context& context
    ) const;

private:
    std::string key() const;
    void note(storage::Batch& batch, const std::string& text) const;
    void warn();

    const Config& config_;
    const controller::policy::Policy& policy_;
    Log& log_;
    bool is_warned_ = false;
};

}   // namespace grid::server
