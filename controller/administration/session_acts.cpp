// controller/administration/session_acts.cpp: see controller/administration/session_acts.hpp.
#include "controller/administration/session_acts.hpp"

#include <map>

#include "controller/administration/act_event.hpp"
#include "controller/audit/record.hpp"
#include "controller/audit/refusals.hpp"

namespace grid::controller::administration {

Outcome<storage::Batch> end_sessions(const ActContext& call, const std::vector<xml::Jid>& jids) {
    for (const xml::Jid& jid : jids)
        if (auto failure = call.beyond_reach(jid.bare_view())) {
            note_refusal(
                call.state.audit, call.actor(), Act::EndSessions, jid.bare_view(),
                role_rule(Act::Administer)
            );
            return *failure;
        }
    storage::Batch batch;
    ActEvent act{ActEvent::Kind::EndSessions, {}};
    std::map<std::string_view, std::string> of_accounts;
    for (const xml::Jid& jid : jids) {
        act.texts.push_back(jid.str());
        std::string& all = of_accounts[jid.bare_view()];
        all.append(all.empty() ? "" : " ").append(jid.str());
    }
    // One for each account, so that it is found by its name.
    for (auto& [account, all] : of_accounts) {
        audit::Record record = audit::by(call.actor(), audit::Outcome::Allow, "end-session");
        record.target = account;
        record.detail = std::move(all);
        audit::append(batch, std::move(record));
    }
    batch.event = encode(act);
    call.expect_right(batch);
    return batch;
}

storage::Batch announce(
    const ActContext& call, const std::string& subject, const std::string& body
) {
    // The text of an announcement is not on the audit, which never holds payloads.
    storage::Batch batch;
    batch.event = encode(ActEvent{ActEvent::Kind::Announce, {subject, body}});
    audit::append(batch, audit::by(call.actor(), audit::Outcome::Allow, "announce"));
    call.expect_right(batch);
    return batch;
}

}   // namespace grid::controller::administration
