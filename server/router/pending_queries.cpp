// server/router/pending_queries.cpp: the table of iqs between clients.
#include "server/router/pending_queries.hpp"

namespace grid::server {

Queries::Taken Queries::add(Query query, Time now) {
    Key key{query.answerer, query.from.str(), query.id};
    if (waiting_.contains(key)) return Taken::Duplicate;
    if (waiting_.size() >= bounds_.total_max) return Taken::Busy;
    auto& mine = by_asker_[query.asker];
    if (mine.size() >= bounds_.per_session_max) return Taken::Busy;
    query.until = now + bounds_.timeout;
    mine.insert(key);
    by_time_.emplace(query.until, key);
    waiting_.emplace(std::move(key), std::move(query));
    return Taken::Yes;
}

std::map<Queries::Key, Queries::Query>::iterator Queries::remove(std::map<Key, Query>::iterator at
) {
    by_time_.erase({at->second.until, at->first});
    if (auto mine = by_asker_.find(at->second.asker); mine != by_asker_.end()) {
        mine->second.erase(at->first);
        if (mine->second.empty()) by_asker_.erase(mine);
    }
    return waiting_.erase(at);
}

std::optional<Queries::Query> Queries::answer(
    std::uint64_t answerer, const xml::Jid& asker, const std::string& id
) {
    auto found = waiting_.find(Key{answerer, asker.str(), id});
    if (found == waiting_.end()) return std::nullopt;
    Query query = found->second;
    remove(found);
    return query;
}

std::optional<Queries::Query> Queries::take_by_asker(
    std::uint64_t asker, const xml::Jid& from, const std::string& id
) {
    const auto mine = by_asker_.find(asker);
    if (mine == by_asker_.end()) return std::nullopt;
    for (const Key& key : mine->second) {
        if (std::get<2>(key) != id) continue;
        const auto at = waiting_.find(key);
        if (at->second.to != from && at->second.asked != from) continue;
        Query query = at->second;
        remove(at);
        return query;
    }
    return std::nullopt;
}

std::vector<Queries::Query> Queries::session_ended(std::uint64_t session) {
    if (auto mine = by_asker_.find(session); mine != by_asker_.end())
        for (const Key& key : std::set<Key>(mine->second))   // no asker is left to answer
            if (auto at = waiting_.find(key); at != waiting_.end()) remove(at);
    return logged_out(session);
}

std::vector<Queries::Query> Queries::logged_out(std::uint64_t session) {
    std::vector<Query> unanswered;
    auto at = waiting_.lower_bound(Key{session, {}, {}});
    while (at != waiting_.end() && std::get<0>(at->first) == session) {
        unanswered.push_back(at->second);
        at = remove(at);
    }
    return unanswered;
}

std::vector<Queries::Query> Queries::session_moves(std::uint64_t session) {
    std::vector<Query> asked;
    if (const auto mine = by_asker_.find(session); mine != by_asker_.end())
        for (const Key& key : mine->second) asked.push_back(waiting_.at(key));
    auto unanswered = session_ended(session);
    asked.insert(asked.end(), unanswered.begin(), unanswered.end());
    return asked;
}

std::vector<Queries::Query> Queries::expired(Time now, std::size_t max) {
    std::vector<Query> late;
    while (!by_time_.empty() && by_time_.begin()->first <= now && late.size() < max) {
        auto at = waiting_.find(Key(by_time_.begin()->second));
        late.push_back(at->second);
        remove(at);
    }
    return late;
}

}   // namespace grid::server
