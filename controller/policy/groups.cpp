// controller/policy/groups.cpp: group records, and the list of all groups in use.
#include "controller/policy/groups.hpp"

#include <set>

#include "controller/audit/record.hpp"
#include "storage/codec.hpp"
#include "storage/keys.hpp"

namespace grid::controller {

namespace {

constexpr std::uint8_t group_version = 1;

std::string group_key(std::string_view name) {
    return std::string(1, static_cast<char>(storage::Tag::Group)).append(name);
}

void record_act(
    storage::Batch& batch,
    const pubsub::Context& context,
    std::string_view operation,
    std::string_view name
) {
    audit::Record record = audit::by(context.actor, audit::Outcome::Allow, operation);
    record.target = name;
    audit::append(batch, std::move(record));
}

}   // namespace

void GroupTable::apply(std::string_view name, const std::optional<storage::Record>& record) {
    if (!record) {
        if (const auto found = groups_.find(name); found != groups_.end()) groups_.erase(found);
        return;
    }
    storage::Decoder in(record->value);
    Group group;
    group.revision = record->revision;
    if (in.u8() == group_version) {
        group.description = in.text();
        group.changed_by = in.text();
        group.created = in.i64();
    }
    groups_.insert_or_assign(std::string(name), std::move(group));
}

const Group* GroupTable::find(std::string_view name) const {
    const auto found = groups_.find(name);
    return found == groups_.end() ? nullptr : &found->second;
}

GroupView GroupTable::view(
    const Accounts& accounts, const policy::Policy& policy, std::string_view name
) const {
    GroupView view;
    view.name = name;
    if (const Group* group = find(name)) {
        view.description = group->description;
        view.is_stored = true;
    }
    if (const auto* members = accounts.members(name)) view.members = members->size();
    view.rules = policy.rules_of(name);
    return view;
}

std::vector<GroupView> GroupTable::page(
    const Accounts& accounts, const policy::Policy& policy, std::string_view after, std::size_t max
) const {
    std::set<std::string_view> names;
    const auto collect = [&](const auto& map) {
        auto at = map.upper_bound(after);
        for (std::size_t i = 0; i < max && at != map.end(); ++i, ++at) names.insert(at->first);
    };
    collect(groups_);
    collect(accounts.groups());
    collect(policy.groups());
    std::vector<GroupView> found;
    for (std::string_view name : names) {
        if (found.size() == max) break;
        found.push_back(view(accounts, policy, name));
    }
    return found;
}

Outcome<storage::Batch> GroupTable::put(
    std::string_view name, std::string_view description, const pubsub::Context& context
) const {
    if (!is_group_name(name) || description.size() > description_bytes_max)
        return Failure{
            Errc::MalformedRequest,
            std::string(group_name_rule) + ", and its description has at most 1024 bytes",
            {}
        };
    const Group* before = find(name);
    storage::Encoder value;
    value.u8(group_version).text(description).text(audit::actor_name(context.actor));
    value.i64(before != nullptr ? before->created : context.now);
    storage::Batch batch;
    const std::string key = group_key(name);
    batch.expect(storage::Family::Control, key, before != nullptr ? before->revision : 0);
    batch.put(storage::Family::Control, key, value.take());
    record_act(batch, context, "group-put", name);
    return batch;
}

Outcome<storage::Batch> GroupTable::remove(
    const Accounts& accounts,
    const policy::Policy& policy,
    std::string_view name,
    const pubsub::Context& context
) const {
    const GroupView present = view(accounts, policy, name);
    if (present.members > 0 || present.rules > 0)
        return Failure{
            Errc::GroupInUse,
            "the group has " + std::to_string(present.members) + " members and is named by " +
                std::to_string(present.rules) + " rules: remove those first",
            {}
        };
    const Group* group = find(name);
    if (group == nullptr) return Failure{Errc::UnknownGroup, "no group " + std::string(name), {}};
    storage::Batch batch;
    const std::string key = group_key(name);
    batch.expect(storage::Family::Control, key, group->revision);
    batch.erase(storage::Family::Control, key);
    record_act(batch, context, "group-delete", name);
    return batch;
}

}   // namespace grid::controller
