// controller/ports.cpp: default answers of a session table.
#include "controller/ports.hpp"

#include <algorithm>

namespace grid::controller {

std::vector<SessionView> Sessions::sessions_after(std::uint64_t id, std::size_t max) const {
    std::vector<SessionView> found = sessions();
    std::erase_if(found, [&](const SessionView& view) { return view.id <= id; });
    std::ranges::sort(found, {}, &SessionView::id);
    if (found.size() > max) found.resize(max);
    return found;
}

std::vector<xml::Jid> Sessions::resources(const xml::Jid& bare) const {
    std::vector<xml::Jid> found;
    for (SessionView& view : sessions())
        if (view.jid.bare_view() == bare.str()) found.push_back(std::move(view.jid));
    return found;
}

std::vector<SessionView> Sessions::sessions_of(const xml::Jid& bare) const {
    std::vector<SessionView> found = sessions();
    std::erase_if(found, [&](const SessionView& view) {
        return view.jid.bare_view() != bare.str();
    });
    return found;
}

void SessionControl::tell(const xml::Jid& full, xml::Bytes rest) {
    pubsub::Notification out;
    out.to = {full};
    out.rest = std::move(rest);
    notify(std::move(out));
}

std::string advice(const storage::StoreStatus& store) {
    if (store.writable) return {};
    if (store.reason.find("cluster is full") != std::string::npos)
        return "make room in each etcd: etcdctl defrag, then etcdctl alarm disarm (the manual's "
               "chapter on etcd); writes go on by themselves then";
    if (store.reason.find("cluster") != std::string::npos)
        return "look at gridctl cluster status and at etcd; writes go on by themselves then";
    if (store.needs_reopen) return "look at the disk and the log, then: gridctl store reopen";
    return "make space on the data volume; writes go on by themselves then";
}

std::string export_problem(const ServerFacts& facts, bool is_for_administrators) {
    if (!facts.audit_export || facts.audit_export->trouble.empty()) return {};
    const ExportFacts& out = *facts.audit_export;
    return "audit.export_to: the receiver has taken no records for " +
           std::to_string(out.troubled_ms / 1000) + " s" +
           (is_for_administrators ? " (" + out.trouble + ")" : std::string()) + ": " +
           std::to_string(out.waiting) + " of them wait in the store until they can be handed on";
}

std::vector<std::string> problems_of(const ServerFacts& facts) {
    std::vector<std::string> problems;
    if (!facts.store.writable)
        problems.push_back(
            "the store takes no writes: " + facts.store.reason + "; " + advice(facts.store)
        );
    problems.insert(problems.end(), facts.problems.begin(), facts.problems.end());
    if (auto text = export_problem(facts, true); !text.empty()) problems.push_back(std::move(text));
    return problems;
}

}   // namespace grid::controller
