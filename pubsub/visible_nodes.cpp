// pubsub/visible_nodes.cpp: see visible_nodes.hpp.
#include "pubsub/visible_nodes.hpp"

#include <algorithm>

#include "pubsub/access.hpp"
#include "pubsub/errors.hpp"
#include "xml/form.hpp"
#include "xml/namespaces.hpp"

namespace grid::pubsub {

namespace {

/// Everything that an answer depends on besides the node, the policy and its revision.
std::string key_of(const Principal& actor, const TypeFilter& filter) {
    std::string key(actor.jid.bare_view());
    key.append("\n").append(actor.address).append("\n").append(actor.issuer).append("\n");
    key += std::to_string(static_cast<int>(actor.origin)) + (actor.is_mapped ? "m" : "-") +
           std::to_string(static_cast<int>(filter.kind));
    for (const std::string& type : filter.types) key.append("\n").append(type);
    return key;
}

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

VisibleCounts::ByBlock& VisibleCounts::of(const std::string& key, std::uint64_t policy) {
    auto found = entries_.find(key);
    if (found == entries_.end()) {
        if (entries_.size() >= actors_max)
            entries_.erase(std::min_element(
                entries_.begin(), entries_.end(),
                [](const auto& a, const auto& b) { return a.second.used < b.second.used; }
            ));
        found = entries_.try_emplace(key).first;
    }
    Entry& entry = found->second;
    entry.used = ++uses_;
    if (entry.policy != policy) entry.counts.clear();
    entry.policy = policy;
    return entry.counts;
}

VisibleNodes::VisibleNodes(
    const Broker& broker, const Principal& actor, const NodeList& list, const TypeFilter& filter
)
    : broker_(broker),
      actor_(actor),
      list_(list),
      filter_(filter),
      is_trusted_(is_trusted(broker, actor)) {
    VisibleCounts::ByBlock& counts =
        broker.visible_counts.of(key_of(actor, filter), broker.policy.revision());
    // What is left of blocks that changed: never much more than there are blocks.
    if (counts.size() > 4 * broker.memory.by_name().size() / NodeList::block_nodes_max + 1024)
        counts.clear();
    before_.reserve(list.blocks().size());
    for (const auto& block : list.blocks()) {
        before_.push_back(total_);
        const auto [known, is_new] = counts.try_emplace(block->version, 0);
        if (is_new)
            known->second = static_cast<std::uint32_t>(std::count_if(
                block->nodes.begin(), block->nodes.end(),
                [&](const Node* node) { return is_visible(*node); }
            ));
        total_ += known->second;
    }
}

bool VisibleNodes::is_visible(const Node& node) const {
    if (!filter_.lets_through(node.config().type)) return false;
    return is_trusted_ || may_discover(broker_, actor_, node);
}

std::size_t VisibleNodes::rank_of(std::string_view name, bool is_after) const {
    if (list_.blocks().empty()) return 0;
    const std::size_t index = list_.block_of(name);
    std::size_t rank = before_[index];
    for (const Node* node : list_.blocks()[index]->nodes) {
        const bool is_before = is_after ? node->name() <= name : node->name() < name;
        if (is_before && is_visible(*node)) ++rank;
    }
    return rank;
}

std::vector<const Node*> VisibleNodes::range(std::size_t from, std::size_t to) const {
    std::vector<const Node*> nodes;
    if (from >= to) return nodes;
    const auto behind = std::upper_bound(before_.begin(), before_.end(), from);
    auto index = static_cast<std::size_t>(behind - before_.begin()) - 1;
    std::size_t rank = before_[index];
    for (; index < list_.blocks().size() && rank < to; ++index)
        for (const Node* node : list_.blocks()[index]->nodes) {
            if (rank >= to) break;
            if (is_visible(*node) && rank++ >= from) nodes.push_back(node);
        }
    return nodes;
}

}   // namespace grid::pubsub
