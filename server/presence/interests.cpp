// server/presence/interests.cpp: see interests.hpp.
#include "server/presence/interests.hpp"

namespace grid::server {

using presence::WantsPtr;

Interests::Step Interests::heard(std::uint64_t session, const std::optional<presence::Caps>& caps) {
    Step step;
    const auto found = sessions_.find(session);
    if (!caps) {
        step.is_changed = forget(session);
        return step;
    }
    if (found != sessions_.end() && found->second.caps == *caps) return step;
    One& one = sessions_[session];
    step.before = one.wants;
    one.caps = *caps;
    one.question.clear();
    if (const WantsPtr known = find_version({caps->hash, caps->ver})) {
        one.wants = known;
        step.is_changed = true;
        return step;
    }
    // Until the answer comes what the client asked for before counts.
    one.question = step.question = presence::question_id(++questions_, caps->hash);
    return step;
}

Interests::Step Interests::learned(std::uint64_t session, const presence::Capabilities& answer) {
    Step step;
    const auto found = sessions_.find(session);
    if (found == sessions_.end() || found->second.question != answer.id || answer.id.empty())
        return step;
    One& one = found->second;
    step.before = one.wants;
    step.is_changed = one.wants != nullptr || answer.wants != nullptr;
    one.question.clear();
    one.wants = answer.wants;
    if (answer.wants && !answer.ver.empty() && answer.ver == one.caps.ver)
        remember({one.caps.hash, one.caps.ver}, answer.wants);
    return step;
}

bool Interests::forget(std::uint64_t session) {
    const auto found = sessions_.find(session);
    if (found == sessions_.end()) return false;
    const bool had_any = found->second.wants != nullptr && !found->second.wants->empty();
    sessions_.erase(found);
    return had_any;
}

const presence::Wants* Interests::of(std::uint64_t session) const {
    const auto found = sessions_.find(session);
    return found == sessions_.end() ? nullptr : found->second.wants.get();
}

const presence::Caps* Interests::caps_of(std::uint64_t session) const {
    const auto found = sessions_.find(session);
    return found == sessions_.end() ? nullptr : &found->second.caps;
}

bool Interests::wants(std::uint64_t session, std::string_view node) const {
    const presence::Wants* all = of(session);
    return all != nullptr && all->contains(node);
}

WantsPtr Interests::find_version(const Version& version) {
    const auto found = versions_.find(version);
    if (found == versions_.end()) return nullptr;
    by_use_.splice(by_use_.begin(), by_use_, found->second.used);
    return found->second.wants;
}

void Interests::remember(Version version, const WantsPtr& wants) {
    if (versions_.contains(version)) return;
    if (versions_.size() >= versions_max) {
        versions_.erase(by_use_.back());
        by_use_.pop_back();
    }
    by_use_.push_front(version);
    versions_.emplace(std::move(version), Known{wants, by_use_.begin()});
}

}   // namespace grid::server
