// controller/administration/session_acts.cpp: see controller/administration/session_acts.hpp.
#include "controller/administration/session_acts.hpp"

#include "controller/administration/act_event.hpp"
#include "controller/audit/record.hpp"

namespace grid::controller::administration {

namespace {

storage::Batch with_record(const ActContext& call, const ActEvent& act, audit::Record record) {
    storage::Batch batch;
    batch.event = encode(act);
    audit::append(batch, std::move(record));
    call.expect_right(batch);
    return batch;
}

}   // namespace

Outcome<storage::Batch> end_sessions(const ActContext& call, const std::vector<xml::Jid>& jids) {
    for (const xml::Jid& jid : jids)
        if (auto failure = call.beyond_reach(jid.bare_view())) return *failure;
    ActEvent act{ActEvent::Kind::EndSessions, {}};
    for (const xml::Jid& jid : jids) act.texts.push_back(jid.str());
    audit::Record record = audit::by(call.actor(), audit::Outcome::Allow, "end-session");
    record.target = jids.size() == 1 ? std::string(jids.front().bare_view()) : std::string{};
    for (const xml::Jid& jid : jids) {
        if (!record.detail.empty()) record.detail += ' ';
        record.detail += jid.str();
    }
    return with_record(call, act, std::move(record));
}

storage::Batch announce(
    const ActContext& call, const std::string& subject, const std::string& body
) {
    // The text of an announcement is not on the audit, which never holds payloads.
    return with_record(
        call, ActEvent{ActEvent::Kind::Announce, {subject, body}},
        audit::by(call.actor(), audit::Outcome::Allow, "announce")
    );
}

}   // namespace grid::controller::administration
