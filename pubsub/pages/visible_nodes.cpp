// pubsub/pages/visible_nodes.cpp: see pubsub/pages/visible_nodes.hpp.
#include "pubsub/pages/visible_nodes.hpp"

#include <algorithm>

#include "pubsub/errors.hpp"
#include "pubsub/model/rights.hpp"
#include "xml/form.hpp"
#include "xml/namespaces.hpp"

namespace grid::pubsub {

namespace {

/// Everything that the policy may ask for besides the node.
std::string key_of(const Principal& actor) {
    std::string key(actor.jid.bare_view());
    key.append("\n").append(actor.address).append("\n").append(actor.issuer).append("\n");
    return key + std::to_string(static_cast<int>(actor.origin)) + (actor.is_mapped ? "m" : "-");
}

VisibleCounts::Seen look_at(
    const BrokerState& broker, const Principal& actor, const NodeList::Block& block
) {
    VisibleCounts::Seen seen;
    for (std::size_t i = 0; i < block.nodes.size(); ++i)
        seen[i] = may_discover_by_policy(broker, actor, *block.nodes[i]);
    return seen;
}

/// The subtopics that an actor may see change with subscriptions and affiliations, and so are never
/// remembered.
void leave_out_subtopics(
    const BrokerState& broker,
    const Principal& actor,
    const NodeList::Block& block,
    VisibleCounts::Seen& seen
) {
    if (block.subtopics == 0) return;
    for (std::size_t i = 0; i < block.nodes.size(); ++i)
        if (seen[i] && !is_known_subtopic(broker, actor, *block.nodes[i])) seen[i] = false;
}

/// Nodes that stand together mostly have one type.
class FilterOfNeighbours {
public:
    explicit FilterOfNeighbours(const TypeFilter& filter) : filter_(filter) {}
    bool lets_through(const Node& node) {
        const std::string& type = node.config().type;
        if (last_ && *last_ == type) return is_let_through_;
        last_ = &type;
        return is_let_through_ = filter_.lets_through(type);
    }

private:
    const TypeFilter& filter_;
    const std::string* last_ = nullptr;
    bool is_let_through_ = false;
};

}   // namespace

Result<TypeFilter, xml::StanzaError> parse_type_filter(const xml::Element& query) {
    constexpr std::size_t types_max = 100;
    TypeFilter filter;
    const xml::Element* element = query.child("filter", pubsub_filter);
    if (!element) return filter;
    const xml::Element* x = element->child("x", xml::ns::data);
    if (!x) return refuse(Errc::BadRequest, "<filter/> must hold a form.");
    const auto form = xml::Form::parse(*x);
    if (!form) return form.error();
    if (form->form_type() != pubsub_filter.uri())
        return refuse(Errc::BadRequest, "FORM_TYPE must be urn:xmpp:pubsub-filter:0.");
    const xml::FormField* included = form->field("included-types");
    const xml::FormField* excluded = form->field("excluded-types");
    if (included && excluded)
        return refuse(Errc::BadRequest, "Give included-types or excluded-types, not both.");
    const xml::FormField* field = included ? included : excluded;
    if (!field) return filter;
    if (field->values.size() > types_max)
        return refuse(Errc::BadRequest, "At most 100 types are taken.");
    filter.kind = included ? TypeFilter::Kind::Included : TypeFilter::Kind::Excluded;
    filter.types.insert(field->values.begin(), field->values.end());
    return filter;
}

VisibleNodes::VisibleNodes(
    const BrokerState& broker,
    const Principal& actor,
    const NodeList& list,
    const TypeFilter& filter
)
    : list_(list), filter_(filter) {
    const bool sees_all = is_trusted(broker, actor);
    auto& known = broker.visible_counts.of(key_of(actor), broker.policy.revision());
    // Drops the remains of blocks that changed, so that there are never much more than there are
    // blocks.
    if (known.size() > 4 * broker.memory.by_name().size() / NodeList::block_nodes_max + 1024)
        known.clear();
    before_.reserve(list.blocks().size());
    seen_.reserve(list.blocks().size());
    FilterOfNeighbours neighbours(filter);
    for (const auto& block : list.blocks()) {
        before_.push_back(total_);
        if (sees_all) {
            seen_.push_back(VisibleCounts::Seen().set());
            seen_.back() >>= NodeList::block_nodes_max - block->nodes.size();
        } else {
            const auto [at, is_new] = known.try_emplace(block->version);
            if (is_new) at->second = look_at(broker, actor, *block);
            seen_.push_back(at->second);
            leave_out_subtopics(broker, actor, *block, seen_.back());
        }
        if (filter.kind == TypeFilter::Kind::Everything) {
            total_ += seen_.back().count();
            continue;
        }
        for (std::size_t i = 0; i < block->nodes.size(); ++i)
            if (seen_.back()[i] && neighbours.lets_through(*block->nodes[i])) ++total_;
    }
}

std::vector<const Node*> VisibleNodes::visible(std::size_t block) const {
    std::vector<const Node*> nodes;
    const auto& all = list_.blocks()[block]->nodes;
    for (std::size_t i = 0; i < all.size(); ++i)
        if (seen_[block][i] && filter_.lets_through(all[i]->config().type)) nodes.push_back(all[i]);
    return nodes;
}

std::size_t VisibleNodes::rank_of(std::string_view name, bool is_after) const {
    if (list_.blocks().empty()) return 0;
    const std::size_t index = list_.block_of(name);
    std::size_t rank = before_[index];
    for (const Node* node : visible(index))
        if (is_after ? node->name() <= name : node->name() < name) ++rank;
    return rank;
}

std::vector<const Node*> VisibleNodes::range(std::size_t from, std::size_t to) const {
    std::vector<const Node*> nodes;
    if (from >= to) return nodes;
    const auto behind = std::upper_bound(before_.begin(), before_.end(), from);
    auto index = static_cast<std::size_t>(behind - before_.begin()) - 1;
    std::size_t rank = before_[index];
    for (; index < list_.blocks().size() && rank < to; ++index)
        for (const Node* node : visible(index)) {
            if (rank >= to) break;
            if (rank++ >= from) nodes.push_back(node);
        }
    return nodes;
}

}   // namespace grid::pubsub
