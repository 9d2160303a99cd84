// pubsub/decide/redirect.cpp: see redirect.hpp.
#include "pubsub/decide/redirect.hpp"

#include <string>
#include <vector>

#include "xml/percent.hpp"

namespace grid::pubsub {

namespace {

/// As they stand in the URI, and decoded.
std::vector<std::string> spellings_of(std::string_view name) {
    std::vector<std::string> spellings{std::string(name)};
    if (auto decoded = xml::percent_decoded(name)) spellings.push_back(std::move(*decoded));
    return spellings;
}

}   // namespace

const Node* redirected_to(const BrokerState& broker, std::string_view uri) {
    constexpr std::string_view key = "node=";
    for (std::size_t at = uri.find(key); at != std::string_view::npos; at = uri.find(key, at + 1)) {
        if (at == 0 || std::string_view("?;&").find(uri[at - 1]) == std::string_view::npos)
            continue;
        const std::string_view value = uri.substr(at + key.size());
        // A name may hold what separates parameters, spelt out or not.
        for (const std::string_view name : {value, value.substr(0, value.find_first_of(";&"))})
            for (const std::string& spelling : spellings_of(name))
                if (const Node* node = broker.memory.find(spelling)) return node;
    }
    return nullptr;
}

}   // namespace grid::pubsub
