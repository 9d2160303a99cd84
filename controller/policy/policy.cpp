// controller/policy/policy.cpp: the policy in force follows its head record; verdicts are
// remembered.
#include "controller/policy/policy.hpp"

#include "controller/audit/record.hpp"
#include "storage/codec.hpp"
#include "storage/keys.hpp"

namespace grid::controller::policy {

namespace {

/// 1: before there were time windows, without an instant.
constexpr std::uint8_t policy_version = 2;
/// How far a clock must have gone back before windows follow it: nodes' clocks differ a little.
constexpr storage::Millis clock_back_ms = 5 * 60 * 1000;
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
    out.text(head.changed_by).text(head.text).i64(head.instant);
    return out.take();
}

std::optional<Head> decode(std::string_view value) {
    storage::Decoder in(value);
    const std::uint8_t written = in.u8();
    if (written == 0 || written > policy_version) return std::nullopt;
    Head head;
    head.version = in.u64();
    head.changed = in.i64();
    head.changed_by = in.text();
    head.text = in.text();
    if (written >= 2) head.instant = in.i64();
    if (!in.ok()) return std::nullopt;
    return head;
}

std::string policy_event(std::uint64_t version) {
    storage::Encoder event;
    event.u8(static_cast<std::uint8_t>(storage::Tag::Policy)).u64(version);
    return event.take();
}

}   // namespace

std::string policy_head_key() { return {static_cast<char>(storage::Tag::Policy), head_kind}; }

Policy::Policy(std::string domain)
    : domain_(std::move(domain)),
      rules_(std::make_shared<const RuleSet>(RuleSet{Compiled(Rules{}), {}, {}})) {}

void Policy::apply(
    std::string_view rest, const std::optional<storage::Record>& record, const Policy* made
) {
    if (rest.empty()) return;
    if (rest.front() == version_kind) {
        const std::uint64_t version = storage::Decoder(rest.substr(1)).u64();
        auto kept = record ? decode(record->value) : std::nullopt;
        versions_.erase(version);
        if (!kept) return;
        if (kept->changed == 0) kept->changed = record->time;
        versions_.emplace(version, std::move(*kept));
        return;
    }
    if (rest.size() != 1 || rest.front() != head_kind) return;
    Head head;
    if (record) {
        // A head that cannot be understood denies everything.
        head = decode(record->value).value_or(Head{});
        head.revision = record->revision;
        if (head.changed == 0) head.changed = record->time;
        if (head.instant == 0) head.instant = record->time;
    }
    take(std::move(head), made);
}

std::shared_ptr<const Policy::RuleSet> Policy::rule_set(
    const Head& head, const std::string& domain
) {
    Parsed parsed = policy::parse(head.text, domain, Spelling::Stored);
    if (!parsed.ok()) parsed.rules.clear();   // denies everything
    std::vector<std::string> names;
    std::map<std::string, std::size_t, std::less<>> groups;
    for (const Rule& rule : parsed.rules) {
        names.push_back(
            "policy " + std::to_string(head.version) + ", line " + std::to_string(rule.line) +
            ": " + rule.text
        );
        for (const std::string& group : rule.conditions.groups) ++groups[group];
        for (const std::string& group : rule.recipient_groups) ++groups[group];
        if (rule.who != Rule::Who::Groups) continue;
        for (const std::string& name : rule.names) ++groups[name];
    }
    return std::make_shared<const RuleSet>(
        RuleSet{Compiled(std::move(parsed.rules)), std::move(names), std::move(groups)}
    );
}

void Policy::take(Head head, const Policy* made) {
    const auto is_of = [&head](const Head& other) {
        return other.version == head.version && other.text == head.text;
    };
    if (made != nullptr && is_of(made->head_))
        rules_ = made->rules_;
    else if (!is_of(head_))
        rules_ = rule_set(head, domain_);
    minute_ = minute_of_week(head.instant);
    next_change_ = compiled().next_change(head.instant);
    head_ = std::move(head);
    cache_.forget_all();
}

std::shared_ptr<const Policy> Policy::imagined(const std::string& text, storage::Millis now) const {
    return imagined(domain_, head_.version + 1, text, now);
}

std::shared_ptr<const Policy> Policy::imagined(
    std::string domain, std::uint64_t version, const std::string& text, storage::Millis now
) {
    auto policy = std::make_shared<Policy>(std::move(domain));
    Head head;
    head.version = version;
    head.text = text;
    head.instant = now;
    policy->take(std::move(head));
    return policy;
}

std::optional<storage::Batch> Policy::due(storage::Millis now) const {
    if (!next_change_) return std::nullopt;
    const bool is_back = now < head_.instant - clock_back_ms &&
                         compiled().next_change(now).value_or(now) <= head_.instant;
    if (now < *next_change_ && !is_back) return std::nullopt;
    Head next = head_;
    next.instant = now;
    storage::Batch batch;
    batch.expect(storage::Family::Control, policy_head_key(), head_.revision);
    batch.put(storage::Family::Control, policy_head_key(), encode(next));
    audit::Record record =
        audit::by(pubsub::Principal::system(), audit::Outcome::Info, "policy-window");
    record.detail = "version " + std::to_string(head_.version) + ": a time window opened or closed";
    audit::append(batch, std::move(record));
    batch.event = policy_event(head_.version);
    return batch;
}

Match Policy::match(std::uint32_t rule) const {
    if (rule == Compiled::none) return {false, 0, &default_rule};
    const Rule& found = compiled().rules()[rule];
    return {found.allows, found.line, &rules_->names[rule], !found.conditions.services.empty()};
}

Compiled::Decision Policy::decide(const Question& question) const {
    const auto decision = compiled().decide(question);
    if (decision.rule != Compiled::none || question.operation != Right::Manage) return decision;
    // The right to make a topic implies the right to manage it, unless a rule about `manage` says
    // otherwise.
    Question creating = question;
    creating.operation = Right::Create;
    auto second = compiled().decide(creating);
    second.is_conditional = second.is_conditional || decision.is_conditional;
    return second;
}

Match Policy::of(const Question& question) const { return match(decide(question).rule); }

Match Policy::remembered(const Account& account, const Question& question) const {
    // A name of that length is no topic's: not worth remembering, and a peer may invent many.
    if (question.topic.size() > cached_topic_bytes_max) return of(question);
    // The recipient's groups may change while neither the account nor the policy does.
    if (is_about_client(question.operation)) return of(question);
    const VerdictCache::Key key{account.jid, account.revision, question.topic, question.operation};
    if (const std::uint32_t known = cache_.find(key); known != VerdictCache::unknown)
        return match(known);
    const Compiled::Decision decision = decide(question);
    if (!decision.is_conditional) cache_.put(key, decision.rule);
    return match(decision.rule);
}

Question Policy::question(const Account& account, Right operation, const Object& object) const {
    Question question;
    question.client = account.jid;
    question.groups = account.groups;
    question.operation = operation;
    question.topic = object.topic;
    question.type = object.type;
    question.service = object.service;
    question.recipient_groups = object.recipient_groups;
    question.device = account.device_type;
    question.issuer = account.issuer;
    question.anchor = account.anchor;
    question.minute = minute_;
    return question;
}

Match Policy::of(
    const Account& account, Right operation, const Object& object, const SessionFacts& session
) const {
    return counted(operation, answer(account, question(account, operation, object), session));
}

Match Policy::answer(const Account& account, Question asked, const SessionFacts& session) const {
    if (!asks_sessions(asked.operation)) return remembered(account, asked);
    asked.address = parse_address(session.address);
    if (!session.has_certificate) {
        asked.issuer = asked.anchor = {};
        return of(asked);
    }
    // A renewed certificate may have come from elsewhere than the one of an older session.
    if (session.issuer.empty() || session.issuer == account.issuer)
        return remembered(account, asked);
    asked.issuer = session.issuer;
    return of(asked);
}

Match Policy::of(const Account& account, Right operation, const Object& object, SessionKnown known)
    const {
    Question asked = question(account, operation, object);
    asked.session = known;
    return counted(operation, remembered(account, asked));
}

Match Policy::counted(Right operation, Match match) const {
    Decided& decided = decided_.at(static_cast<std::size_t>(operation));
    ++(match.allowed ? decided.allowed : decided.denied);
    return match;
}

bool Policy::asks_sessions(Right operation) const {
    return compiled().asks_sessions(operation) ||
           (operation == Right::Manage && compiled().asks_sessions(Right::Create));
}

bool Policy::asks_type(Right operation) const {
    return compiled().asks_type(operation) ||
           (operation == Right::Manage && compiled().asks_type(Right::Create));
}

bool Policy::may_some(const Account& account, Right operation) const {
    return compiled().may_some(question(account, operation, {}));
}

std::size_t Policy::rules_of(std::string_view group) const {
    const auto found = rules_->groups.find(group);
    return found == rules_->groups.end() ? 0 : found->second;
}

storage::Batch Policy::replace(
    const std::string& text, const pubsub::Context& context, std::string_view why
) const {
    Head next;
    next.version = head_.version + 1;
    next.text = text;
    next.changed = next.instant = context.now;
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
    if (!why.empty()) record.detail.append(", ").append(why);
    audit::append(batch, std::move(record));
    batch.event = policy_event(next.version);
    return batch;
}

}   // namespace grid::controller::policy
