// controller/policy/verdict_cache.hpp: verdicts that were found before, in a table of fixed size.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "controller/policy/rule.hpp"
#include "storage/batch.hpp"

namespace grid::controller::policy {

/// By account, as of a revision of its record, topic and operation. A place is taken over by what
/// comes next, and everything is forgotten by counting up: it never stops to make room.
class VerdictCache {
public:
    static constexpr std::uint32_t unknown = 0xfffffffe;   // no rule has that index

    struct Key {
        std::string_view account;
        storage::Revision revision = 0;
        std::string_view topic;
        Right operation = Right::Discover;
    };
    std::uint32_t find(const Key& key) const;
    void put(const Key& key, std::uint32_t rule);
    void forget_all() { ++generation_; }

private:
    static constexpr std::size_t places = 32 * 1024;   // a power of two
    struct Place {
        std::uint64_t generation = 0;
        storage::Revision revision = 0;
        std::string account, topic;
        std::array<std::uint32_t, operation_count> rules{};
    };
    static std::size_t place_of(const Key& key);
    bool is_of(const Place& place, const Key& key) const {
        return place.generation == generation_ && place.revision == key.revision &&
               place.account == key.account && place.topic == key.topic;
    }

    std::uint64_t generation_ = 1;
    std::vector<Place> places_;   // empty until something is put
};

}   // namespace grid::controller::policy
