// controller/audit/verify.cpp: see verify.hpp.
#include "controller/audit/verify.hpp"

#include <algorithm>
#include <charconv>

#include "controller/audit/cut.hpp"
#include "controller/audit/record.hpp"
#include "storage/codec.hpp"
#include "storage/schema.hpp"

namespace grid::controller::audit {

namespace {

std::string count_text(std::uint64_t from, std::uint64_t to) {
    if (from == to) return "record " + std::to_string(from) + " is";
    return "records " + std::to_string(from) + " to " + std::to_string(to) + " are";
}

/// Goes along the chain, record by record.
class Walk {
public:
    Walk(const Check& check, storage::Link from) : check_(check), at_(from) { result.head = from; }

    /// False: stop here.
    bool visit(std::string_view key, const storage::Record& stored) {
        if (at_.number == 0 && !is_linked(stored.value)) {
            ++result.unlinked;
            return true;
        }
        if (result.checked == check_.max) {
            result.next = result.head_id;
            return false;
        }
        const auto linked = storage::split_link(stored.value);
        const std::string why =
            linked ? fault(key, stored, *linked) : std::string("it is no record of the chain");
        if (!why.empty()) {
            result.broken =
                Break{storage::to_hex(key), linked ? linked->link.number : at_.number + 1, why};
            return false;
        }
        ++result.checked;
        at_ = linked->link;
        result.head = at_;
        result.head_id = storage::to_hex(key);
        result.head_time = stored.time;
        return true;
    }

    Verified result;

private:
    std::string fault(
        std::string_view key, const storage::Record& stored, const storage::Linked& linked
    ) {
        if (!is_linked(linked.record)) return "it is no record of the chain";
        const std::uint64_t expected = at_.number + 1;
        if (linked.link.number > expected)
            return count_text(expected, linked.link.number - 1) + " missing before it";
        if (linked.link.number < expected) return "it is out of order, or was put in";
        if (storage::Decoder(key).u64() != stored.revision) return "its revision was changed";
        if (chain_.next(at_, key, stored.time, linked.record) != linked.link)
            return "it does not follow from the one before it: one of them was changed";
        if (check_.passes && check_.passes->number == linked.link.number) {
            if (check_.passes->hash != linked.link.hash)
                return "its hash is not the one that was noted: the chain was written anew";
            result.has_passed = true;
        }
        return {};
    }

    const Check& check_;
    storage::Chain chain_;
    storage::Link at_;
};

/// The record that the chain must hold for a cut, or what is wrong with it.
storage::Result<std::string> doubt(const storage::Snapshot& snapshot, const Cut& cut) {
    const std::string key = storage::Encoder().u64(cut.revision).u8(0).take();
    const auto stored = snapshot.get(storage::Family::Audit, key);
    if (!stored) return stored.error();
    const auto record = *stored ? decode((*stored)->value) : std::nullopt;
    if (record && record->operation == cut_operation && record->detail == cut_detail(cut.link))
        return std::string{};
    return "records up to " + std::to_string(cut.link.number) +
           " are gone, and the chain has no record of that cut";
}

/// Where the check begins.
struct Start {
    std::string from;   // key
    storage::Link link;
    std::uint64_t cut = 0;
    std::string doubt;
};

storage::Result<Start> start_of(const storage::Snapshot& snapshot, const Check& check) {
    Start start;
    if (!check.after.empty()) {
        const auto key = storage::from_hex(check.after);
        if (!key) return storage::Errc::Conflict;
        const auto stored = snapshot.get(storage::Family::Audit, *key);
        if (!stored) return stored.error();
        const auto linked = *stored ? storage::split_link((*stored)->value) : std::nullopt;
        if (!linked) return storage::Errc::Conflict;
        return Start{*key + '\0', linked->link, 0, {}};
    }
    const auto cut = newest_cut(snapshot);
    if (!cut) return cut.error();
    if (!*cut) return start;
    auto wrong = doubt(snapshot, **cut);
    if (!wrong) return wrong.error();
    return Start{{}, (*cut)->link, (*cut)->link.number, std::move(*wrong)};
}

/// What is wrong with the end: records that are missing there.
void check_end(Verified& result, const storage::Link& head) {
    if (result.head == head) return;
    Break broken;
    broken.number = result.head.number + 1;
    if (head.number > result.head.number)
        broken.text = count_text(broken.number, head.number) + " missing at the end";
    else
        broken.text = "the end of the chain is not the one that the store wrote";
    result.broken = std::move(broken);
}

}   // namespace

std::optional<Passage> parse_passage(std::string_view number, std::string_view hash) {
    Passage passage;
    const auto [end, error] =
        std::from_chars(number.data(), number.data() + number.size(), passage.number);
    const auto bytes = storage::from_hex(hash);
    if (error != std::errc{} || end != number.data() + number.size() || passage.number == 0 ||
        !bytes || bytes->size() != passage.hash.size())
        return std::nullopt;
    std::ranges::copy(*bytes, passage.hash.begin());
    return passage;
}

storage::Result<storage::Link> head_of(const storage::Snapshot& snapshot) {
    const auto stored = snapshot.get(storage::Family::Control, storage::chain_key);
    if (!stored) return stored.error();
    if (!*stored) return storage::Link{};
    const auto link = storage::decode_link((*stored)->value);
    if (!link) return storage::Errc::Corrupt;
    return *link;
}

storage::Result<Verified> verify(const storage::Snapshot& snapshot, const Check& check) {
    auto start = start_of(snapshot, check);
    if (!start) return start.error();
    Walk walk(check, start->link);
    Verified& result = walk.result;
    result.cut = start->cut;
    result.head_id = check.after;
    if (!start->doubt.empty()) {
        result.broken = Break{{}, start->link.number, start->doubt};
        return result;
    }
    const auto error = snapshot.scan(
        storage::Family::Audit, start->from, {}, false,
        [&](std::string_view key, const storage::Record& stored) { return walk.visit(key, stored); }
    );
    if (error) return error;
    if (result.broken || !result.next.empty()) return result;
    const auto head = head_of(snapshot);
    if (!head) return head.error();
    check_end(result, *head);
    return result;
}

}   // namespace grid::controller::audit
