// controller/policy/drafts.cpp: see controller/policy/drafts.hpp.
#include "controller/policy/drafts.hpp"

#include <iterator>

namespace grid::controller::policy {

DraftPtr Drafts::find(std::string_view text, std::uint64_t version) const {
    return last_ && last_->version == version && last_->text == text ? last_ : nullptr;
}

DraftWork Drafts::begin(
    Purpose purpose,
    std::string_view account,
    const std::string& text,
    const Policy& in_force,
    storage::Millis now
) {
    std::size_t questions = 0;
    for (auto at = places_.begin(); at != places_.end();) {
        auto& [key, places] = *at;
        std::erase_if(places, [](const auto& place) { return place.expired(); });
        if (key.first == Purpose::Question) questions += places.size();
        at = places.empty() ? places_.erase(at) : std::next(at);
    }
    if (purpose == Purpose::Question && questions >= questions_max) return nullptr;
    auto& mine = places_[{purpose, std::string(account)}];
    if (mine.size() >= per_account_max) return nullptr;
    const auto place = std::make_shared<int>();
    mine.push_back(place);
    // The end of a policy with many rules takes its time, too: that of the last one is the work's.
    return [place, text, now, domain = in_force.domain(), version = in_force.head().version + 1,
            last = std::make_shared<DraftPtr>(std::exchange(last_, nullptr))] {
        last->reset();
        auto draft = std::make_shared<Draft>();
        draft->text = text;
        draft->version = version;
        Parsed parsed = parse(text, domain);
        draft->errors = std::move(parsed.errors);
        draft->rules = parsed.rules.size();
        if (draft->ok()) draft->policy = Policy::imagined(domain, version, text, now);
        return DraftPtr(draft);
    };
}

}   // namespace grid::controller::policy
