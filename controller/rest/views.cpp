// controller/rest/views.cpp: accounts, sessions, topics and the rest as JSON, in lists and alone.
#include "controller/rest/views.hpp"

namespace grid::controller::rest {

json::object to_json(const Account& account) {
    json::value certificate(nullptr);
    if (account.is_bound())
        certificate = json::object{
            {"fingerprint", account.fingerprint},
            {"anchor", account.anchor},
            {"other_anchors", to_json(account.other_anchors)},
            {"subject", account.subject},
            {"issuer", account.issuer},
            {"serial", account.serial},
            {"not_before", time_text(account.not_before)},
            {"not_after", time_text(account.not_after)},
            {"key", account.key},
            {"mapped", account.is_mapped}
        };
    return {
        {"jid", account.jid},
        {"state", to_string(account.state)},
        {"groups", to_json(account.groups)},
        {"role", to_string(role_of_groups(account.groups))},
        {"wished_groups", to_json(account.wished)},
        {"description", account.description},
        {"device_type", account.device_type},
        {"wished_device_type", account.claimed_device},
        {"key_pin", account.key_pin.empty() ? json::value(nullptr) : json::value(account.key_pin)},
        {"approved_by", account.approved_by},
        {"created", time_text(account.created)},
        {"changed", time_text(account.changed)},
        {"changed_by", account.changed_by},
        {"password", account.has_password()},
        {"certificate", std::move(certificate)}
    };
}

json::object to_json(const pubsub::NodeView& node) {
    const CapabilityName name = split_topic(node.name);
    return {
        {"name", node.name},
        {"title", node.title},
        {"type", node.type},
        {"access_model", node.access_model},
        {"publish_model", node.publish_model},
        {"items", node.items},
        {"subscriptions", node.subscriptions},
        {"publishers", node.publishers},
        {"created", time_text(node.created)},
        {"creator", node.creator},
        {"enabled", node.is_enabled},
        {"capability", name.name},
        {"version", name.version}
    };
}

json::object to_json(const SessionView& session) {
    const Identity& identity = session.identity;
    json::value certificate(nullptr);   // of a login by password
    if (!identity.is_by_password())
        certificate = json::object{
            {"fingerprint", identity.fingerprint},
            {"subject", identity.subject},
            {"issuer", identity.issuer},
            {"serial", identity.serial},
            {"not_after", time_text(identity.not_after)}
        };
    return {
        {"id", session.id},
        {"jid", session.jid.str()},
        {"address", session.address},
        {"member", session.member.empty() ? json::value(nullptr) : json::value(session.member)},
        {"transport", session.transport},
        {"since", time_text(session.since)},
        {"active", session.is_active},
        {"state", session.is_hibernating ? "hibernating" : "connected"},
        {"stream_management", session.is_managed},
        {"unacked", session.unacked},
        {"outbox_bytes", session.outbox_bytes},
        {"stanzas_in", session.stanzas_in},
        {"stanzas_out", session.stanzas_out},
        {"certificate", std::move(certificate)}
    };
}

json::object to_json(const audit::Entry& entry) {
    const audit::Record& record = entry.record;
    const bool is_linked = entry.link.number > 0;
    return {
        {"id", entry.id},
        {"time", time_text(entry.time)},
        {"last", time_text(entry.last)},
        {"actor", record.actor},
        {"address", record.address},
        {"operation", record.operation},
        {"topic", record.topic},
        {"target", record.target},
        {"decision", audit::to_string(record.outcome)},
        {"rule", record.rule},
        {"detail", record.detail},
        {"count", record.count},
        {"number", is_linked ? json::value(entry.link.number) : json::value(nullptr)},
        {"hash", is_linked ? json::value(storage::to_hex(storage::view(entry.link.hash)))
                           : json::value(nullptr)}
    };
}

json::object to_json(const audit::Verified& verified) {
    json::value broken(nullptr);
    if (verified.broken)
        broken = json::object{
            {"id", verified.broken->id},
            {"number", verified.broken->number},
            {"text", verified.broken->text}
        };
    json::array lost;
    for (const audit::Loss& loss : verified.lost)
        lost.push_back(json::object{{"id", loss.id}, {"number", loss.number}, {"text", loss.text}});
    return {
        {"ok", !verified.broken.has_value()},
        {"broken", std::move(broken)},
        {"checked", verified.checked},
        {"unlinked", verified.unlinked},
        {"cut", verified.cut},
        {"kept", verified.kept},
        {"lost", std::move(lost)},
        {"lost_count", verified.lost_count},
        {"head",
         json::object{
             {"number", verified.head.number},
             {"hash", storage::to_hex(storage::view(verified.head.hash))},
             {"id", verified.head_id},
             {"time", verified.head_time == 0 ? json::value(nullptr)
                                              : json::value(time_text(verified.head_time))}
         }},
        {"passed", verified.has_passed},
        {"next", cursor(verified.next)}
    };
}

json::object to_json(const bulk::Transfer& transfer) {
    const auto text = [](const std::string& value) {
        return value.empty() ? json::value() : json::value(value);
    };
    return {
        {"id", transfer.id},
        {"kind", bulk::to_string(transfer.kind)},
        {"from", text(transfer.from.str())},
        {"to", text(transfer.to.str())},
        {"account", transfer.account},
        {"address", transfer.address},
        {"what", transfer.what},
        {"rule", transfer.rule},
        {"size", transfer.size ? json::value(*transfer.size) : json::value()},
        {"hash", text(transfer.hash)},
        {"state", bulk::to_string(transfer.state)},
        {"bytes", transfer.bytes},
        {"started", time_text(transfer.started)},
        {"ended", transfer.ended == 0 ? json::value() : json::value(time_text(transfer.ended))},
        {"detail", text(transfer.detail)}
    };
}

json::object to_json(const bulk::Counters& counters, std::size_t running) {
    json::object ended, bytes;
    for (std::size_t i = 1; i < bulk::state_count; ++i)
        ended[bulk::to_string(static_cast<bulk::State>(i))] = counters.ended.at(i);
    for (std::size_t i = 0; i < bulk::kind_count; ++i)
        bytes[bulk::to_string(static_cast<bulk::Kind>(i))] = counters.bytes.at(i);
    return {
        {"running", running},
        {"started", counters.started},
        {"refused", counters.refused},
        {"ended", std::move(ended)},
        {"bytes", std::move(bytes)}
    };
}

}   // namespace grid::controller::rest
