// controller/policy/groups.hpp: authorization groups. One exists when it was created or is used.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "controller/accounts/accounts.hpp"
#include "controller/errors.hpp"
#include "controller/policy/policy.hpp"
#include "pubsub/request.hpp"
#include "storage/batch.hpp"

namespace grid::controller {

/// A group that was created: it has a record of its own.
struct Group {
    std::string description, changed_by;
    storage::Millis created = 0;
    storage::Revision revision = 0;
    bool operator==(const Group&) const = default;
};

/// As lists show it.
struct GroupView {
    std::string name, description;
    std::size_t members = 0, rules = 0;
    bool is_stored = false;
};

class GroupTable {
public:
    void apply(std::string_view name, const std::optional<storage::Record>& record);
    const Group* find(std::string_view name) const;
    /// Created, or used by an account or a rule; by name.
    std::vector<GroupView> page(
        const Accounts& accounts,
        const policy::Policy& policy,
        std::string_view after,
        std::size_t max
    ) const;
    GroupView view(const Accounts& accounts, const policy::Policy& policy, std::string_view name)
        const;

    Outcome<storage::Batch> put(
        std::string_view name, std::string_view description, const pubsub::Context& context
    ) const;
    /// Only a group that no account or rule uses, so that no right hangs on a name that is gone.
    Outcome<storage::Batch> remove(
        const Accounts& accounts,
        const policy::Policy& policy,
        std::string_view name,
        const pubsub::Context& context
    ) const;
    bool operator==(const GroupTable&) const = default;

private:
    std::map<std::string, Group, std::less<>> groups_;
};

}   // namespace grid::controller
