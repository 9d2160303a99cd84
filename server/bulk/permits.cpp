// server/bulk/permits.cpp: see server/bulk/permits.hpp.
#include "server/bulk/permits.hpp"

#include "xml/namespaces.hpp"
#include "xml/writer.hpp"

namespace grid::server::bulk {

namespace {

/// A question with more than names in it is none that is worth a permit.
constexpr std::size_t question_bytes_max = 4096, sid_bytes_max = 256;

}   // namespace

Permits::Key Permits::key_of(const Session& from, const Session& to, std::string_view sid) {
    return {from.jid.str(), to.jid.str(), std::string(sid)};
}

std::size_t Permits::count_of(const std::string& provider) const {
    std::size_t count = 0;
    for (auto at = permits_.lower_bound({provider, {}, {}});
         at != permits_.end() && std::get<0>(at->first).starts_with(provider); ++at)
        ++count;
    return count;
}

void Permits::forget(const Key& key) {
    const auto found = permits_.find(key);
    if (found == permits_.end()) return;
    by_time_.erase(found->second.end);
    permits_.erase(found);
}

void Permits::give(
    const Session& provider,
    const Session& client,
    const std::string& sid,
    Question question,
    Time now
) {
    while (!by_time_.empty() && by_time_.begin()->first <= now)
        forget(Key(by_time_.begin()->second));
    Key key = key_of(provider, client, sid);
    forget(key);
    if (permits_.size() >= total_max || count_of(provider.bare.str() + "/") >= per_provider_max)
        return;
    if (sid.size() > sid_bytes_max ||
        xml::to_string(*question, xml::ns::client.uri()).size() > question_bytes_max)
        return;
    const auto end = by_time_.emplace(now + seconds_max, key);
    permits_.emplace(
        std::move(key), Permit{provider.id, client.id, client.principal, std::move(question), end}
    );
}

/// One of a session that had the same address before is none.
const Permits::Permit* Permits::find(
    const Session& from, const Session& to, std::string_view sid, Time now
) const {
    const auto found = permits_.find(key_of(from, to, sid));
    if (found == permits_.end()) return nullptr;
    const Permit& permit = found->second;
    const bool is_theirs = permit.provider == from.id && permit.client == to.id;
    return is_theirs && now < permit.end->first ? &permit : nullptr;
}

Permits::Right Permits::right_to(
    const Session& from, const Session& to, std::string_view sid, Time now
) const {
    Right right;
    right.account = from.bare.str();
    right.address = from.principal.address;
    right.check = [this, actor = from.principal, addressee = to.jid] {
        return controller_.check_bulk(actor, addressee);
    };
    const Permit* permit = find(from, to, sid, now);
    if (permit == nullptr || right.check().allowed) return right;
    right.is_permit = true;
    right.account = to.bare.str();
    right.address = permit->asker.address;
    right.check = [this, asker = permit->asker, provider = from.jid, question = permit->question] {
        return controller_.check_bulk_answer(asker, provider, *question);
    };
    return right;
}

void Permits::use(const Session& from, const Session& to, std::string_view sid) {
    forget(key_of(from, to, sid));
}

bool Permits::has_any(const xml::Jid& from, Time now) const {
    const std::string provider = from.str();
    for (auto at = permits_.lower_bound({provider, {}, {}});
         at != permits_.end() && std::get<0>(at->first) == provider; ++at)
        if (now < at->second.end->first) return true;
    return false;
}

}   // namespace grid::server::bulk
