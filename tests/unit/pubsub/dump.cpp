// tests/unit/pubsub/dump.cpp: see dump.hpp.
#include "dump.hpp"

#include <map>
#include <set>
#include <sstream>

namespace grid::test {

namespace {

void dump_items(std::ostream& out, const pubsub::Memory& memory, const pubsub::Items& items) {
    for (std::size_t rank = 0; rank < items.size(); ++rank) {
        const pubsub::ItemView item = items.at(rank);
        out << "  item " << item.id << " r" << item.revision << " t" << item.time << " "
            << item.payload_bytes << " " << memory.publisher(item) << "\n";
    }
}

void dump_node(std::ostream& out, const pubsub::Memory& memory, const pubsub::Node& node) {
    out << "node " << node.uid << " r" << node.revision << " g" << node.guard << " "
        << std::hash<std::string>{}(pubsub::encode(node.record)) << " " << node.name()
        << (node.record.is_deleted ? " deleted" : "") << " h" << node.hidden_up_to << " "
        << node.items.payload_bytes() << "\n";
    for (const auto& [bare, entry] : node.affiliations)
        out << "  affiliation " << bare << " r" << entry.revision << " "
            << to_string(entry.record.affiliation) << entry.record.is_cleaning << "\n";
    for (const auto& [key, subscription] : node.subscriptions)
        out << "  subscription " << key.jid << " " << key.subid << " r" << subscription.revision
            << " " << to_string(subscription.state) << " "
            << std::hash<std::string>{}(pubsub::encode(subscription)) << "\n";
    for (const std::string& bare : node.cleaning) out << "  cleaning " << bare << "\n";
    dump_items(out, memory, node.items);
    for (const auto& [bare, entry] : node.affiliations)
        out << "  of " << bare << " " << memory.affiliated_nodes(bare).contains(node.uid) << "\n";
    for (const auto& [key, subscription] : node.subscriptions)
        out << "  in " << key.jid << " "
            << memory.subscribed_nodes(pubsub::bare_of(key.jid)).at(node.uid) << "\n";
}

}   // namespace

std::string dump(const pubsub::Memory& memory) {
    std::ostringstream out;
    std::map<std::uint64_t, const pubsub::Node*> nodes;
    for (const auto& [uid, node] : memory.nodes()) nodes[uid] = node.get();
    for (const auto& [uid, node] : nodes) dump_node(out, memory, *node);
    for (const auto& [name, node] : memory.by_name())
        out << "name " << name << " " << node->uid << "\n";
    for (const auto& [key, items] : memory.old_items()) {
        out << "old " << key.first << " " << key.second << "\n";
        dump_items(out, memory, items);
    }
    for (const auto& [key, revision] : memory.trash())
        out << "trash " << key.first << " " << key.second << " r" << revision << "\n";
    const auto set = [&](const char* name, const std::set<std::uint64_t>& uids) {
        out << name;
        for (std::uint64_t uid : uids) out << " " << uid;
        out << "\n";
    };
    set("deleted", memory.deleted());
    set("cleaning", memory.cleaning());
    set("overfull", memory.over_max_items());
    set("expiring", memory.expiring());
    set("crowded", memory.over_retention());
    for (const auto& [hidden, uid] : memory.by_hidden())
        out << "hides " << hidden << " " << uid << "\n";
    set("pending", memory.pending());
    for (const auto& lease : memory.leases())
        out << "lease " << lease.due << " " << lease.node << " " << lease.key.jid << " "
            << lease.key.subid << "\n";
    out << memory.old_item_count() << " old, ";
    out << memory.item_count() << " items, " << memory.subscription_count() << " subscriptions\n";
    return out.str();
}

std::size_t orphans(Stage& stage) {
    std::set<std::string> known;
    const auto note = [&](std::uint64_t uid, std::uint64_t epoch, const pubsub::Items& items) {
        for (std::size_t rank = 0; rank < items.size(); ++rank)
            known.insert(pubsub::payload_key(uid, epoch, items.at(rank).revision));
    };
    for (const auto& [uid, node] : stage.memory().nodes()) note(uid, node->epoch(), node->items);
    for (const auto& [key, items] : stage.memory().old_items()) note(key.first, key.second, items);
    std::size_t count = 0;
    (void)stage.store().snapshot()->scan(
        storage::Family::Payload, "", "", false,
        [&](std::string_view key, const auto&) {
            count += known.contains(std::string(key)) ? 0 : 1;
            return true;
        }
    );
    return count;
}

}   // namespace grid::test
