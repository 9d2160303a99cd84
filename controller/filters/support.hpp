// controller/filters/support.hpp: the attributes that subscribers of a topic may filter by.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "controller/filters/expression.hpp"
#include "controller/filters/value.hpp"
#include "storage/codec.hpp"

namespace grid::controller::filters {

inline constexpr std::size_t attributes_max = 32;
inline constexpr std::size_t subtopics_default = 64;

/// One attribute. `matches` has a bit for each operator that the provider offers (1 << Op).
struct Attribute {
    std::string name;
    Type type = Type::String;
    std::uint16_t matches = 0;
    std::string path;   // where in a payload, for filtering by the server
    std::string by;     // the declaring provider, a bare JID; empty: from before that was kept

    bool offers(Op op) const { return (matches & (1U << static_cast<unsigned>(op))) != 0; }
    bool operator==(const Attribute&) const = default;
};

struct Support {
    std::vector<Attribute> attributes;   // by name
    std::size_t subtopics_max = subtopics_default;
    bool is_server_side = false;     // the broker filters, not the publisher
    std::string limit_by, side_by;   // their providers; empty: none yet

    bool is_offered() const { return !attributes.empty(); }
    const Attribute* find(std::string_view name) const;
    bool operator==(const Support&) const = default;
};

/// The publisher that declares filters, and the others whose declarations still stand.
struct Declarer {
    std::string bare;
    std::function<bool(const std::string& other)> is_live;

    /// Whether this one may change what `by` has declared.
    bool may_change(const std::string& by) const {
        return by.empty() || by == bare || !is_live(by);
    }
};

/// Takes over what an `<initPublishRequest/>` declares: `<filterSupport><attribute name= type=
/// match= path=/></filterSupport>`, `<subtopicLimit/>`, `<serverSideFilter/>`. Attributes are
/// added; one that is there keeps its type, since subtopics may rest on it. Declarations of another
/// provider stay as they are while that one provides. A failure says what is wrong; `limit_max` is
/// the service's own.
Outcome<Support> declare(
    Support known, const xml::Element& request, std::size_t limit_max, const Declarer& who
);

/// `eq in prefix`, as it was declared.
std::string matches_text(const Attribute& attribute);
/// `location string eq in prefix`: one line of x-grid#filters.
std::string to_line(const Attribute& attribute);
/// The attributes and operators on offer, for the text of a refusal.
std::string offer_of(const Support& support);

void encode(storage::Encoder& out, const Support& support);
Support decode_support(storage::Decoder& in);

}   // namespace grid::controller::filters
