// controller/administration/tracing/trace.cpp: see trace.hpp.
#include "controller/administration/tracing/trace.hpp"

#include <algorithm>

#include "xml/datetime.hpp"

namespace grid::controller::administration {

using pubsub::TopicTrace;
using Answer = TraceStep::Answer;
using Verdict = Trace::Verdict;

namespace {

/// The conditions in their order. Those behind one that is not met are answered as well: an
/// operator mends all of them at once.
class Tracing {
public:
    Tracing(
        const ActContext& call,
        const pubsub::Broker& broker,
        const xml::Jid& account,
        const std::string& topic,
        const std::string& item
    )
        : call_(call),
          broker_(broker),
          jid_(account),
          topic_(topic),
          item_id_(item),
          about_(broker.trace(topic, account.bare_view(), item, call.context.now)) {}

    Trace run() {
        ask_account();
        ask_topic();
        if (!about_.is_there) return std::move(trace_);
        ask_policy();
        ask_subscription();
        if (item_id_.empty()) {
            ask_recipient();
            if (is_open_) trace_.verdict = Verdict::Yes;
            return std::move(trace_);
        }
        ask_item();
        if (!about_.item) return std::move(trace_);
        trace_.item = about_.item;
        ask_owed();
        if (!about_.item->owed.empty()) ask_delivery();
        return std::move(trace_);
    }

private:
    void add(const char* name, bool is_met, std::string reason) {
        trace_.steps.push_back({name, is_met ? Answer::Yes : Answer::No, std::move(reason)});
        is_open_ = is_open_ && is_met;
    }

    void ask_account() {
        const Account* account = call_.state.accounts.find(jid_.bare_view());
        if (account == nullptr) return add("account", false, "there is no account " + jid_.str());
        std::string groups;
        for (const std::string& group : account->groups) groups += " " + group;
        add("account", account->state == AccountState::Enabled,
            jid_.str() + " is " + std::string(to_string(account->state)) +
                (groups.empty() ? ", in no group" : ", in the groups" + groups));
    }

    void ask_topic() {
        if (!about_.is_there) return add("topic", false, "there is no topic '" + topic_ + "'");
        if (!about_.is_enabled)
            return add(
                "topic", false, "an administrator has switched the topic off: nothing is published"
            );
        add("topic", about_.sends_items,
            about_.sends_items ? "'" + topic_ + "' is there, and notifies its subscribers"
                               : "the topic notifies nobody (pubsub#deliver_notifications)");
    }

    /// As at a delivery: administrators are past the policy.
    void ask_policy() {
        const Account* account = call_.state.accounts.find(jid_.bare_view());
        if (account == nullptr) return;
        if (account->is_in(administrators_group))
            return add("policy", true, "the account is an administrator's: past the policy");
        const policy::Policy& policy = call_.state.policy;
        const std::string governing = call_.state.governing(topic_);
        const policy::Match match = policy.of(
            *account, policy::Right::Subscribe, policy::Object{governing, about_.type, {}},
            policy::SessionKnown::Possible
        );
        std::string reason = (match.line == 0 ? "" : "line " + std::to_string(match.line) + ": ") +
                             (match.rule == nullptr ? std::string() : *match.rule);
        if (match.allowed && policy.asks_sessions(policy::Right::Subscribe))
            reason += "; rules look at sessions, and each delivery asks for its own";
        add("policy", match.allowed, std::move(reason));
    }

    static std::string words_of(const TopicTrace::Way& way) {
        std::string text = way.jid + " is " + way.state + " to '" + way.node + "'";
        if (!way.filter.empty()) text += " with the filter " + way.filter;
        if (!way.takes_items) text += ", and takes no items (pubsub#deliver)";
        if (way.state == "pending") text += ": an owner of the topic has to approve it";
        if (way.expires != 0) text += ", until " + xml::to_datetime(way.expires);
        return text;
    }

    void ask_subscription() {
        const bool is_by_collection = about_.ways.empty() && !about_.recipients.empty();
        if (is_by_collection)
            return add("subscription", true, "by a collection that the topic is in");
        if (about_.ways.empty())
            return add(
                "subscription", false, "the account has no subscription to '" + topic_ + "'"
            );
        std::string reason;
        bool is_met = false;
        for (const TopicTrace::Way& way : about_.ways) {
            reason += (reason.empty() ? "" : "; ") + words_of(way);
            is_met = is_met || (way.state == "subscribed" && way.takes_items);
        }
        add("subscription", is_met, std::move(reason));
    }

    void ask_recipient() {
        std::string told;
        for (const std::string& jid : about_.recipients) told += (told.empty() ? "" : ", ") + jid;
        for (const TopicTrace::Way& way : about_.ways)
            if (way.is_recipient && told.find(way.jid) == std::string::npos)
                told +=
                    (told.empty() ? "" : ", ") + way.jid +
                    (way.filter.empty() ? " (of " + way.node + ")" : " (what its filter passes)");
        if (!told.empty()) return add("recipient", true, "the next item goes to " + told);
        add("recipient", false,
            is_open_ ? "the topic shuts the account out: its affiliation is " +
                           std::string(broker_.affiliation(topic_, jid_.bare_view()))
                     : "the next item does not go there");
    }

    void ask_item() {
        if (const auto& item = about_.item) {
            return add(
                "item", true,
                "'" + item_id_ + "' was published by " + item->publisher + " at " +
                    xml::to_datetime(item->time) + ", revision " + std::to_string(item->revision) +
                    (item->is_shown ? "" : "; it is beyond max_items or expired, and not shown")
            );
        }
        std::string reason = "there is no item '" + item_id_ + "': ";
        if (!about_.keeps_items)
            reason += "the topic keeps none (pubsub#persist_items), what was sent is not known";
        else
            reason += "it was never published, or was retracted";
        if (about_.keeps_items && about_.lost_up_to != 0)
            reason += ", or erased by retention, which is through with items up to revision " +
                      std::to_string(about_.lost_up_to);
        add("item", false, std::move(reason));
    }

    /// By which of the account's addresses.
    void ask_owed() {
        const TopicTrace::Item& item = *about_.item;
        if (item.owed.empty()) {
            std::string reason = "the item is for none of the account's subscriptions";
            for (const TopicTrace::Way& way : about_.ways)
                if (way.from >= item.revision)
                    reason = "the item is older than the subscription of " + way.jid +
                             ", whose items begin behind revision " + std::to_string(way.from);
            if (is_open_ && about_.is_for_online_alone)
                reason = "the topic sends headlines: who is not online does not get them later";
            return add("recipient", false, std::move(reason));
        }
        std::string told;
        bool has_plain = false;
        for (const auto& [jid, owed] : item.owed) {
            if (told.find(jid) == std::string::npos) told += (told.empty() ? "" : ", ") + jid;
            has_plain = has_plain || !owed.test;
        }
        add("recipient", true, "the item is for " + told);
        trace_.needs_payload = !has_plain;
    }

    void ask_delivery() {
        const TopicTrace::Item& item = *about_.item;
        Verdict best = Verdict::Waits;
        std::string reason;
        const auto take = [&](Verdict verdict, std::string why) {
            if (!reason.empty() && verdict <= best) return;
            best = verdict;
            reason = std::move(why);
        };
        for (const auto& [address, owed] : item.owed) {
            const auto to = xml::Jid::from_canonical(address);
            bool is_online = false;
            for (const SessionView& session : call_.state.sessions.sessions_of(jid_)) {
                if (!to.is_bare() && session.jid != to) continue;
                if (!session.is_active || (to.is_bare() && session.priority < 0)) continue;
                is_online = true;
                look_at(session, item.revision, take);
            }
            const storage::Revision stored = broker_.position(address);
            if (stored >= item.revision)
                take(
                    Verdict::Delivered,
                    address + " was told everything up to revision " + std::to_string(stored)
                );
            else if (!is_online)
                take(
                    Verdict::Waits, "no session of " + address +
                                        " takes items now; it comes with the next login, behind "
                                        "revision " +
                                        std::to_string(stored)
                );
        }
        if (best == Verdict::Unknown)
            trace_.steps.push_back({"delivery", Answer::Unknown, std::move(reason)});
        else
            add("delivery", best != Verdict::Waits, std::move(reason));
        // An item that was delivered was, though a right to it may be gone since.
        const bool may_come = is_open_ || best != Verdict::Waits;
        const bool was_open = std::ranges::all_of(trace_.steps, [](const TraceStep& step) {
            return step.name == "delivery" || step.answer != Answer::No;
        });
        trace_.verdict = may_come || was_open ? best : Verdict::No;
    }

    template <class Take>
    static void look_at(const SessionView& session, storage::Revision revision, const Take& take) {
        const std::string name = session.jid.str();
        if (!session.member.empty())
            return take(
                Verdict::Unknown, name + " is a session at the member " + session.member +
                                      ", which alone knows what it was sent: ask there"
            );
        if (session.acked_to >= revision)
            return take(
                Verdict::Delivered, name + " has it: everything up to revision " +
                                        std::to_string(session.acked_to) + " has arrived"
            );
        if (session.sent_to >= revision)
            return take(Verdict::Sent, name + " was sent it, and has not acknowledged it yet");
        if (session.is_hibernating)
            return take(Verdict::Waits, name + " has no connection, and may resume its session");
        take(
            Verdict::Waits, name + (session.is_replaying ? " is behind, and replays what it missed"
                                                         : " has not been sent it yet")
        );
    }

    const ActContext& call_;
    const pubsub::Broker& broker_;
    const xml::Jid& jid_;
    const std::string &topic_, &item_id_;
    const TopicTrace about_;
    bool is_open_ = true;
    Trace trace_;
};

/// nullopt: the payload cannot be read.
std::optional<bool> passes(
    const pubsub::TopicTrace::Item& item,
    const storage::Snapshot& snapshot,
    const pubsub::PayloadFaults& faults
) {
    const auto stored = pubsub::read_item(snapshot, item.at, faults);
    if (stored.state != pubsub::StoredItem::State::There) return std::nullopt;
    const auto element = pubsub::read_payload(item.at, stored.payload, faults);
    if (!element) return std::nullopt;
    return std::ranges::any_of(item.owed, [&](const auto& one) {
        return !one.second.test || one.second.test->matches(*element);
    });
}

}   // namespace

const std::string& Trace::because() const {
    static const std::string none;
    const auto failed = std::ranges::find(steps, Answer::No, &TraceStep::answer);
    if (failed != steps.end() && verdict != Verdict::Delivered && verdict != Verdict::Sent)
        return failed->reason;
    return steps.empty() ? none : steps.back().reason;
}

Trace trace_item(
    const ActContext& call,
    const pubsub::Broker& broker,
    const xml::Jid& account,
    const std::string& topic,
    const std::string& item
) {
    return Tracing(call, broker, account, topic, item).run();
}

void finish_trace(
    Trace& trace, const storage::Snapshot& snapshot, const pubsub::PayloadFaults& faults
) {
    if (!trace.needs_payload || !trace.item) return;
    TraceStep step{"filter", Answer::Unknown, "the payload cannot be read (any more)"};
    if (trace.item->payload_bytes == 0) {
        step = {"filter", Answer::No, "the item has no payload, and no filter lets it pass"};
    } else if (const auto is_passed = passes(*trace.item, snapshot, faults)) {
        step.answer = *is_passed ? Answer::Yes : Answer::No;
        step.reason = *is_passed ? "a filter of the account's subscriptions lets the payload pass"
                                 : "no filter of the account's subscriptions lets the payload pass";
    }
    if (step.answer == Answer::No) {
        // A position says what was looked at, not that this item was among it.
        trace.verdict = Verdict::No;
        std::erase_if(trace.steps, [](const TraceStep& one) { return one.name == "delivery"; });
        trace.steps.push_back(std::move(step));
        return;
    }
    const auto before = std::ranges::find(trace.steps, "delivery", &TraceStep::name);
    trace.steps.insert(before, std::move(step));
}

std::string_view to_string(Verdict verdict) {
    switch (verdict) {
        case Verdict::Yes:
            return "yes";
        case Verdict::Waits:
            return "waits";
        case Verdict::Unknown:
            return "unknown";
        case Verdict::Sent:
            return "sent";
        case Verdict::Delivered:
            return "delivered";
        case Verdict::No:
            break;
    }
    return "no";
}

}   // namespace grid::controller::administration
