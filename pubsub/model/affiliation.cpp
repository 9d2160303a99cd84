// pubsub/model/affiliation.cpp: the names of XEP-0060 §4.1 and its table of privileges.
#include "pubsub/model/affiliation.hpp"

#include <array>
#include <utility>

namespace grid::pubsub {

namespace {
constexpr std::array affiliation_names{
    std::pair{Affiliation::None, std::string_view("none")},
    std::pair{Affiliation::Outcast, std::string_view("outcast")},
    std::pair{Affiliation::Member, std::string_view("member")},
    std::pair{Affiliation::PublishOnly, std::string_view("publish-only")},
    std::pair{Affiliation::Publisher, std::string_view("publisher")},
    std::pair{Affiliation::Owner, std::string_view("owner")},
};
}   // namespace

std::string_view to_string(Affiliation affiliation) {
    return affiliation_names.at(static_cast<std::size_t>(affiliation)).second;
}

std::optional<Affiliation> parse_affiliation(std::string_view text) {
    for (const auto& [affiliation, name] : affiliation_names)
        if (name == text) return affiliation;
    return std::nullopt;
}

bool is_publishing(Affiliation affiliation) {
    return affiliation == Affiliation::Owner || affiliation == Affiliation::Publisher ||
           affiliation == Affiliation::PublishOnly;
}

bool is_listed(Affiliation affiliation) {
    return affiliation == Affiliation::Owner || affiliation == Affiliation::Publisher ||
           affiliation == Affiliation::Member;
}

bool is_shut_out(Affiliation affiliation) {
    return affiliation == Affiliation::Outcast || affiliation == Affiliation::PublishOnly;
}

}   // namespace grid::pubsub
