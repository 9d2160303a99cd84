// pubsub/visible_nodes.hpp: the nodes of a list that one actor may see, counted and paged in
// milliseconds however long the list is.
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

#include "pubsub/node_list.hpp"
#include "pubsub/principal.hpp"
#include "xml/element.hpp"
#include "xml/result.hpp"
#include "xml/stanza_error.hpp"

namespace grid::pubsub {

struct Broker;
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

/// Remembers which nodes of a block an actor may see. Every entry is what asking the policy again
/// would give: a block that changed has another version, and a policy that changed another
/// revision. Filters are not part of the key, so that a client which invents a new filter with each
/// request does not make the policy be asked of all nodes each time.
class VisibleCounts {
public:
    static constexpr std::size_t actors_max = 512;
    using Seen = std::bitset<NodeList::block_nodes_max>;
    using ByBlock = std::unordered_map<std::uint64_t, Seen>;

    /// The counts under that key, of that policy; makes room by forgetting the least recently used.
    ByBlock& of(const std::string& key, std::uint64_t policy);

private:
    struct Entry {
        std::uint64_t policy = 0, used = 0;
        ByBlock seen;
    };
    std::map<std::string, Entry> entries_;
    std::uint64_t uses_ = 0;
};

/// Short-lived: for one request.
class VisibleNodes {
public:
    VisibleNodes(
        const Broker& broker, const Principal& actor, const NodeList& list, const TypeFilter& filter
    );

    std::size_t total() const { return total_; }
    /// How many of them have a name before that one, or up to it.
    std::size_t rank_of(std::string_view name, bool is_after) const;
    /// Those with ranks [from, to).
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
