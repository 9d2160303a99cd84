// controller/policy/policy.cpp: the policy in force follows its head record; verdicts are
// remembered.
#include "controller/policy/policy.hpp"

#include "controller/audit/record.hpp"
#include "storage/codec.hpp"
#include "storage/keys.hpp"

namespace grid::controller::policy {

namespace {

constexpr std::uint8_t policy_version = 1;
constexpr char head_kind = 'h', version_kind = 'v';
const std::string default_rule = "default deny";

std::string version_key(std::uint64_t version) {
    storage::Encoder out;
    out.u8(static_cast<std::uint8_t>(storage::Tag::Policy));
    out.u8(static_cast<std::uint8_t>(version_kind)).u64(version);
    return out.take();
}

std::string encode(const Head& head) {
    storage::Encoder out;
    out.u8(policy_version).u64(head.version).i64(head.changed);
    out.text(head.changed_by).text(head.text);
    return out.take();
}

std::optional<Head> decode(std::string_view value) {
    storage::Decoder in(value);
    if (in.u8() != policy_version) return std::nullopt;
    Head head;
    head.version = in.u64();
    head.changed = in.i64();
    head.changed_by = in.text();
    head.text = in.text();
    if (!in.ok()) return std::nullopt;
    return head;
}

}   // namespace

std::string policy_head_key() { return {static_cast<char>(storage::Tag::Policy), head_kind}; }

Policy::Policy(std::string domain)
    : domain_(std::move(domain)), compiled_(std::make_unique<const Compiled>(Rules{})) {}

void Policy::apply(std::string_view rest, const std::optional<storage::Record>& record) {
    // Old versions stay on disk, for history and roll-back.
    if (rest.size() != 1 || rest.front() != head_kind) return;
    Head head;
    if (record) {
        // A head that cannot be understood denies everything.
        head = decode(record->value).value_or(Head{});
        head.revision = record->revision;
        if (head.changed == 0) head.changed = record->time;
    }
    Parsed parsed = parse(head.text);
    if (!parsed.ok()) parsed.rules.clear();   // as above
    names_.clear();
    groups_.clear();
    for (const Rule& rule : parsed.rules) {
        names_.push_back(
            "policy " + std::to_string(head.version) + ", line " + std::to_string(rule.line) +
            ": " + rule.text
        );
        if (rule.who != Rule::Who::Groups) continue;
        for (const std::string& name : rule.names) ++groups_[name];
    }
    compiled_ = std::make_unique<const Compiled>(std::move(parsed.rules));
    head_ = std::move(head);
    cache_.clear();
    cached_ = 0;
}

Match Policy::match(std::uint32_t rule) const {
    if (rule == Compiled::none) return {false, 0, &default_rule};
    const Rule& found = compiled_->rules()[rule];
    return {found.allows, found.line, &names_[rule]};
}

std::uint32_t Policy::rule_for(
    std::string_view client,
    std::span<const std::string> groups,
    Operation operation,
    std::string_view topic
) const {
    const auto rule = compiled_->decide(client, groups, operation, topic);
    if (rule != Compiled::none || operation != Operation::Manage) return rule;
    // Who may make a topic may look after it, unless a rule about `manage` says otherwise.
    return compiled_->decide(client, groups, Operation::Create, topic);
}

Match Policy::of(
    std::string_view client,
    std::span<const std::string> groups,
    Operation operation,
    std::string_view topic
) const {
    return match(rule_for(client, groups, operation, topic));
}

Match Policy::of(const Account& account, Operation operation, std::string_view topic) const {
    // A name of that length is no topic's: not worth remembering, and a peer may invent many.
    if (topic.size() > cached_topic_bytes_max)
        return match(rule_for(account.jid, account.groups, operation, topic));
    if (cached_ >= cached_max) {
        cache_.clear();
        cached_ = 0;
    }
    auto by_topic = cache_.find(account.jid);
    if (by_topic == cache_.end()) by_topic = cache_.try_emplace(account.jid).first;
    auto verdicts = by_topic->second.find(topic);
    if (verdicts == by_topic->second.end()) {
        Verdicts all;
        all.fill(unknown);
        verdicts = by_topic->second.emplace(std::string(topic), all).first;
        ++cached_;
    }
    std::int64_t& verdict = verdicts->second.at(static_cast<std::size_t>(operation));
    if (verdict == unknown) verdict = rule_for(account.jid, account.groups, operation, topic);
    return match(static_cast<std::uint32_t>(verdict));
}

void Policy::forget(std::string_view account) const {
    const auto found = cache_.find(account);
    if (found == cache_.end()) return;
    cached_ -= found->second.size();
    cache_.erase(found);
}

std::size_t Policy::rules_of(std::string_view group) const {
    const auto found = groups_.find(group);
    return found == groups_.end() ? 0 : found->second;
}

storage::Batch Policy::replace(const std::string& text, const pubsub::Context& context) const {
    Head next;
    next.version = head_.version + 1;
    next.text = text;
    next.changed = context.now;
    next.changed_by = audit::actor_name(context.actor);
    storage::Batch batch;
    const std::string value = encode(next);
    batch.expect(storage::Family::Control, policy_head_key(), head_.revision);
    batch.put(storage::Family::Control, policy_head_key(), value);
    batch.put(storage::Family::Control, version_key(next.version), value);
    if (next.version > versions_max)
        batch.erase(storage::Family::Control, version_key(next.version - versions_max));
    audit::Record record = audit::by(context.actor, audit::Outcome::Allow, "policy-set");
    record.detail =
        "version " + std::to_string(next.version) + ", " + std::to_string(text.size()) + " bytes";
    audit::append(batch, std::move(record));
    storage::Encoder event;
    event.u8(static_cast<std::uint8_t>(storage::Tag::Policy)).u64(next.version);
    batch.event = event.take();
    return batch;
}

}   // namespace grid::controller::policy
