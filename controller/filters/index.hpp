// controller/filters/index.hpp: all filters of one topic, asked together about one payload.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "controller/filters/evaluate.hpp"

namespace grid::controller::filters {

/// Each filter is kept under tests of single values of which one must hold for it to match
/// (Compiled::access). A payload's values find these by hash, by their beginnings and by order;
/// only filters that were found so are tried, and those of which nothing is known. Not for several
/// threads at a time.
class Index {
public:
    void add(std::uint64_t subtopic, Compiled filter);
    void remove(std::uint64_t subtopic);
    /// In ascending order.
    std::vector<std::uint64_t> match(const Values& values) const;
    std::size_t size() const { return filters_.size(); }

private:
    struct Filter {
        explicit Filter(Compiled of) : compiled(std::move(of)) {}
        Compiled compiled;
        mutable std::uint64_t seen = 0;   // the last match that tried it
    };
    using Entry = std::pair<const std::uint64_t, Filter>;
    using List = std::vector<const Entry*>;
    struct Hash {
        using is_transparent = void;
        std::size_t operator()(std::string_view text) const {
            return std::hash<std::string_view>{}(text);
        }
    };
    using ByKey = std::unordered_map<std::string, List, Hash, std::equal_to<>>;
    using InOrder = std::map<std::string, List, std::less<>>;
    struct OfAttribute {
        ByKey equal;
        std::map<unsigned, ByKey> stems;   // by length in bits
        InOrder at_least, above, at_most, below;
    };
    template <class Take>
    static void find(const OfAttribute& tests, std::string_view key, const Take& take);
    void keep(const Entry& entry, const Access& access);
    void drop(const Entry& entry, const Access& access);

    std::unordered_map<std::uint64_t, Filter> filters_;
    std::map<std::string, OfAttribute, std::less<>> attributes_;
    List others_;   // tried always
    mutable std::uint64_t round_ = 0;
};

}   // namespace grid::controller::filters
