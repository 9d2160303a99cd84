// controller/filters/index.cpp: see index.hpp.
#include "controller/filters/index.hpp"

#include <algorithm>

namespace grid::controller::filters {

namespace {

template <class Table>
void drop_from(Table& table, const std::string& key, const auto* entry) {
    const auto at = table.find(key);
    if (at == table.end()) return;
    std::erase(at->second, entry);
    if (at->second.empty()) table.erase(at);
}

}   // namespace

void Index::keep(const Entry& entry, const Access& access) {
    OfAttribute& tests = attributes_[access.attribute];
    switch (access.kind) {
        case Access::Kind::Equal:
            tests.equal[access.key].push_back(&entry);
            break;
        case Access::Kind::Stem:
            tests.stems[access.bits][access.key].push_back(&entry);
            break;
        case Access::Kind::AtLeast:
            tests.at_least[access.key].push_back(&entry);
            break;
        case Access::Kind::Above:
            tests.above[access.key].push_back(&entry);
            break;
        case Access::Kind::AtMost:
            tests.at_most[access.key].push_back(&entry);
            break;
        case Access::Kind::Below:
            tests.below[access.key].push_back(&entry);
            break;
    }
}

void Index::drop(const Entry& entry, const Access& access) {
    OfAttribute& tests = attributes_[access.attribute];
    switch (access.kind) {
        case Access::Kind::Equal:
            drop_from(tests.equal, access.key, &entry);
            break;
        case Access::Kind::Stem:
            drop_from(tests.stems[access.bits], access.key, &entry);
            if (tests.stems[access.bits].empty()) tests.stems.erase(access.bits);
            break;
        case Access::Kind::AtLeast:
            drop_from(tests.at_least, access.key, &entry);
            break;
        case Access::Kind::Above:
            drop_from(tests.above, access.key, &entry);
            break;
        case Access::Kind::AtMost:
            drop_from(tests.at_most, access.key, &entry);
            break;
        case Access::Kind::Below:
            drop_from(tests.below, access.key, &entry);
            break;
    }
}

void Index::add(std::uint64_t subtopic, Compiled filter) {
    remove(subtopic);
    const Entry& entry = *filters_.emplace(subtopic, Filter(std::move(filter))).first;
    for (const Access& access : entry.second.compiled.access()) keep(entry, access);
    if (entry.second.compiled.access().empty()) others_.push_back(&entry);
}

void Index::remove(std::uint64_t subtopic) {
    const auto found = filters_.find(subtopic);
    if (found == filters_.end()) return;
    for (const Access& access : found->second.compiled.access()) drop(*found, access);
    std::erase(others_, &*found);
    filters_.erase(found);
}

template <class Take>
void Index::find(const OfAttribute& tests, std::string_view key, const Take& take) {
    if (const auto at = tests.equal.find(key); at != tests.equal.end()) take(at->second);
    for (const auto& [bits, stems] : tests.stems) {
        if (bits > 8 * key.size()) break;
        if (const auto at = stems.find(stem_of(key, bits)); at != stems.end()) take(at->second);
    }
    const auto take_all = [&](auto from, auto to) {
        for (; from != to; ++from) take(from->second);
    };
    take_all(tests.at_least.begin(), tests.at_least.upper_bound(key));
    take_all(tests.above.begin(), tests.above.lower_bound(key));
    take_all(tests.at_most.lower_bound(key), tests.at_most.end());
    take_all(tests.below.upper_bound(key), tests.below.end());
}

std::vector<std::uint64_t> Index::match(const Values& values) const {
    std::vector<std::uint64_t> found;
    const std::uint64_t round = ++round_;
    const auto take = [&](const List& list) {
        for (const Entry* entry : list) {
            if (entry->second.seen == round) continue;
            entry->second.seen = round;
            if (entry->second.compiled.matches(values)) found.push_back(entry->first);
        }
    };
    for (const AttributeValues& attribute : values) {
        const auto tests = attributes_.find(attribute.name);
        if (tests == attributes_.end()) continue;
        for (const std::string& key : attribute.keys) find(tests->second, key, take);
    }
    take(others_);
    std::ranges::sort(found);
    return found;
}

}   // namespace grid::controller::filters
