// pubsub/pages/visible_nodes.hpp: the nodes of a list that one actor may see, counted and paged
// in milliseconds however long the list is.
#pragma once

#include <bitset>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "pubsub/model/node_list.hpp"
#include "pubsub/principal.hpp"
#include "xml/element.hpp"
#include "xml/result.hpp"
#include "xml/stanza_error.hpp"

namespace grid::pubsub {

struct BrokerState;
struct Node;

inline const xml::Ns pubsub_filter{"urn:xmpp:pubsub-filter:0"};

/// XEP-0462: by `pubsub#type`.
struct TypeFilter {
    enum class Kind : std::uint8_t { Everything, Included, Excluded } kind = Kind::Everything;
    std::set<std::string, std::less<>> types;   // an empty one: nodes without a type

    bool lets_through(std::string_view type) const {
        return kind == Kind::Everything || types.contains(type) == (kind == Kind::Included);
    }
};

/// The `<filter/>` in a disco#items query, if there is one.
Result<TypeFilter, xml::StanzaError> parse_type_filter(const xml::Element& query);

/// Short-lived: for one request.
class VisibleNodes {
public:
    VisibleNodes(
        const BrokerState& broker,
        const Principal& actor,
        const NodeList& list,
        const TypeFilter& filter
    );

    std::size_t total() const { return total_; }
    /// How many of them have a name before that one, or up to it.
    std::size_t rank_of(std::string_view name, bool is_after) const;
    /// The nodes with ranks [from, to).
    std::vector<const Node*> range(std::size_t from, std::size_t to) const;

private:
    /// Of a block, in their order.
    std::vector<const Node*> visible(std::size_t block) const;

    const NodeList& list_;
    const TypeFilter& filter_;
    std::vector<VisibleCounts::Seen> seen_;   // by block, whatever the filter
    std::vector<std::size_t> before_;         // how many before each block
    std::size_t total_ = 0;
};

}   // namespace grid::pubsub
