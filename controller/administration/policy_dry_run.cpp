// controller/administration/policy_dry_run.cpp: the rights that a policy which is not in force
// would take away, page by page.
#include "controller/administration/policy_acts.hpp"
#include "storage/codec.hpp"
#include "xml/base64.hpp"

namespace grid::controller::administration {

namespace {

/// Subscriptions and publishers of one page: a bound, so that it does not hold up other clients.
constexpr std::size_t holders_looked_at_max = 1'000;

std::string encode_cursor(const pubsub::HolderCursor& cursor) {
    storage::Encoder out;
    out.u8(static_cast<std::uint8_t>(cursor.kind));
    out.text(cursor.node).text(cursor.jid).text(cursor.subid);
    return xml::to_base64(out.take());
}

std::optional<pubsub::HolderCursor> decode_cursor(const std::string& text) {
    pubsub::HolderCursor cursor;
    if (text.empty()) return cursor;
    const auto bytes = xml::parse_base64(text);
    if (!bytes) return std::nullopt;
    storage::Decoder in(*bytes);
    const std::uint8_t kind = in.u8();
    cursor.kind = static_cast<pubsub::Holder::Kind>(kind);
    cursor.node = in.text();
    cursor.jid = in.text();
    cursor.subid = in.text();
    if (!in.ok() || !in.at_end() || kind > 1) return std::nullopt;
    return cursor;
}

/// Compares the policy in force with the imagined one, for one holder after the other.
class Comparison {
public:
    Comparison(const State& state, const policy::Policy& next, storage::Millis now)
        : state_(state), next_(next), minute_(policy::minute_of_week(now)) {}

    void look_at(const pubsub::Holder& holder, std::vector<PolicyCut>& cuts) const {
        const auto jid = xml::Jid::from_canonical(holder.jid);
        const Account* account = state_.accounts.find(jid.bare_view());
        // Holders that have no right from the policy: nothing can be taken from them.
        if (account == nullptr || account->state != AccountState::Enabled) return;
        if (account->is_in(administrators_group)) return;
        const bool is_subscriber = holder.kind == pubsub::Holder::Kind::Subscriber;
        const auto operation = is_subscriber ? policy::Right::Subscribe : policy::Right::Publish;
        const policy::Object object{holder.node, holder.type, {}};
        policy::Question now = state_.policy.question(*account, operation, object);
        policy::Question then = next_.question(*account, operation, object);
        then.minute = minute_;
        now.session = then.session = policy::SessionKnown::Possible;
        if (!state_.policy.of(now).allowed) return;
        const policy::Match match = next_.of(then);
        const bool by_session = match.allowed && next_.asks_sessions(operation);
        if (match.allowed && !by_session) return;
        const auto sessions = state_.sessions.sessions_of(jid.bare());
        if (by_session) return look_at_sessions(holder, jid, sessions, now, then, cuts);
        const auto kind =
            is_subscriber ? PolicyCut::Kind::Subscription : PolicyCut::Kind::Publisher;
        cuts.push_back(
            {kind, holder.jid, holder.node, holder.subid, !sessions.empty(), *match.rule, match.line
            }
        );
    }

private:
    void look_at_sessions(
        const pubsub::Holder& holder,
        const xml::Jid& jid,
        const std::vector<SessionView>& sessions,
        policy::Question now,
        policy::Question then,
        std::vector<PolicyCut>& cuts
    ) const {
        now.session = then.session = policy::SessionKnown::Yes;
        for (const SessionView& session : sessions) {
            if (!jid.is_bare() && session.jid != jid) continue;
            now.address = then.address = policy::parse_address(session.address);
            now.issuer = then.issuer = session.identity.issuer;
            if (!state_.policy.of(now).allowed) continue;
            const policy::Match match = next_.of(then);
            if (match.allowed) continue;
            const auto kind = holder.kind == pubsub::Holder::Kind::Subscriber
                                  ? PolicyCut::Kind::Session
                                  : PolicyCut::Kind::Publisher;
            cuts.push_back(
                {kind, session.jid.str(), holder.node, holder.subid, true, *match.rule, match.line}
            );
        }
    }

    const State& state_;
    const policy::Policy& next_;
    const std::uint32_t minute_;   // of the week: the draft may be of an earlier one
};

}   // namespace

PolicyStep<PolicyDryRun> dry_run_policy(
    const ActContext& call,
    const pubsub::Broker& broker,
    const std::string& text,
    const std::string& after,
    std::size_t cuts_max,
    const policy::DraftPtr& made
) {
    const auto cursor = decode_cursor(after);
    if (!cursor)
        return PolicyRefusal{
            {Errc::MalformedRequest, "after is the cursor of an earlier page", {}}, {}
        };
    auto first = draft_of(call, policy::Drafts::Purpose::Question, text, made);
    if (!first) return first.error();
    if (auto* work = std::get_if<policy::DraftWork>(&*first)) return std::move(*work);
    const policy::DraftPtr draft = std::get<policy::DraftPtr>(*first);
    if (!draft->ok()) return refuse_mistakes(*draft);
    const Comparison comparison(call.state, *draft->policy, call.context.now);
    PolicyDryRun run;
    run.rules = draft->rules;
    pubsub::HolderCursor at = *cursor;
    for (std::size_t looked_at = 0; looked_at < holders_looked_at_max;) {
        const std::size_t step = std::min<std::size_t>(holders_looked_at_max - looked_at, 50);
        const pubsub::HolderPage page = broker.holders(at, step);
        for (const pubsub::Holder& holder : page.holders) {
            comparison.look_at(holder, run.cuts);
            at = {holder.at, holder.jid, holder.subid, holder.kind};
            if (run.cuts.size() < cuts_max) continue;
            run.next = encode_cursor(at);
            return run;
        }
        if (page.is_end) return run;
        at = page.last;
        looked_at += step;
    }
    run.next = encode_cursor(at);
    return run;
}

}   // namespace grid::controller::administration
