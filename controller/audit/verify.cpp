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

constexpr std::size_t losses_max = 100;

/// The record that earlier versions lost of a second provider of a topic with subtopics: their
/// collection got a subscriber in the same change, and its record the place of this one.
std::optional<std::string> record_before(std::string_view key, std::string_view value) {
    constexpr std::uint8_t version_of_then = 2;
    constexpr std::string_view suffix = "#subtopics";
    const auto after = decode(value);
    if (!after || static_cast<std::uint8_t>(value.front()) != version_of_then || key.back() != 0 ||
        after->actor != "system" || after->operation != "subscribe" ||
        !after->topic.ends_with(suffix))
        return std::nullopt;
    const std::string topic = after->topic.substr(0, after->topic.size() - suffix.size());
    storage::Encoder out;
    out.u8(version_of_then).u8(static_cast<std::uint8_t>(Outcome::Allow)).varint(1);
    for (const std::string& field :
         {std::string("system"), std::string(), std::string("manage"), topic, std::string(),
          std::string("system"), std::string()})
        out.text(field);
    return out.take();
}

/// Goes along the chain, record by record.
class Walk {
public:
    Walk(const Check& check, storage::Link from, bool is_kept)
        : check_(check), at_(from), is_kept_(is_kept) {
        result.head = from;
    }

    /// False: stop here.
    bool visit(std::string_view key, const storage::Record& stored) {
        if (!is_kept_ && at_.number == 0 && !is_linked(stored.value)) {
            ++result.unlinked;
            return true;
        }
        if (result.checked + result.kept == check_.max) {
            result.next = result.head_id;
            return false;
        }
        const auto linked = storage::split_link(stored.value);
        std::string why = linked ? std::string() : std::string("it is no record of the chain");
        if (linked) why = is_kept_ ? kept_fault(key, *linked) : fault(key, stored, *linked);
        if (!why.empty()) {
            result.broken =
                Break{storage::to_hex(key), linked ? linked->link.number : at_.number + 1, why};
            return false;
        }
        ++(is_kept_ ? result.kept : result.checked);
        at_ = linked->link;
        result.head_id = storage::to_hex(key);
        if (is_kept_) return true;
        result.head = at_;
        result.head_time = stored.time;
        return true;
    }
    const storage::Link& at() const { return at_; }
    /// From the kept ones over to the chain behind the cut.
    void go_on(const storage::Link& from) {
        at_ = from;
        is_kept_ = false;
        result.head = from;
    }

    Verified result;

private:
    std::string fault(
        std::string_view key, const storage::Record& stored, const storage::Linked& linked
    ) {
        if (!is_linked(linked.record)) return "it is no record of the chain";
        const std::uint64_t expected = at_.number + 1;
        if (linked.link.number == expected + 1 && is_known_loss(key, stored, linked)) return {};
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
    std::string kept_fault(std::string_view key, const storage::Linked& linked) {
        if (!decode_kept(linked.record)) return "it is no record that a cut kept";
        if (linked.link.number > at_.number + 1)
            return "of the records that a cut kept some are missing before it";
        if (chain_.next(at_, key, 0, linked.record) != linked.link)
            return "it is not what the cut kept: it or one before it was changed";
        return {};
    }
    /// Only where the lost record, made again, closes the gap in the hashes.
    bool is_known_loss(
        std::string_view key, const storage::Record& stored, const storage::Linked& linked
    ) {
        const auto lost = record_before(key, linked.record);
        if (!lost || storage::Decoder(key).u64() != stored.revision) return false;
        const storage::Link between = chain_.next(at_, key, stored.time, *lost);
        if (chain_.next(between, key, stored.time, linked.record) != linked.link) return false;
        if (++result.lost_count > losses_max) return true;
        const std::string number = std::to_string(between.number);
        const std::string topic = decode(*lost)->topic;
        result.lost.push_back(
            {storage::to_hex(key), between.number,
             "record " + number + " was lost between " + std::to_string(between.number - 1) +
                 " and " + std::to_string(between.number + 1) +
                 ": an earlier version of gridd joined two changes of one request and gave their "
                 "records one place. It said that a client became a publisher of '" +
                 topic +
                 "' (system, manage, allow); the hashes prove that, and that nothing else is "
                 "missing"}
        );
        return true;
    }

    const Check& check_;
    storage::Chain chain_;
    storage::Link at_;
    bool is_kept_;
};

/// The record that the chain must hold for a cut, or the fault in it.
storage::Result<std::string> doubt(const storage::Snapshot& snapshot, const Cut& cut) {
    const std::string key = storage::Encoder().u64(cut.revision).u8(0).take();
    const auto stored = snapshot.get(storage::Family::Audit, key);
    if (!stored) return stored.error();
    const auto record = *stored ? decode((*stored)->value) : std::nullopt;
    if (record && record->operation == cut_operation && record->detail == cut_detail(cut))
        return std::string{};
    return "records up to " + std::to_string(cut.link.number) +
           " are gone, and the chain has no record of that cut";
}

/// Where the check begins.
struct Start {
    std::string from;   // key
    storage::Link link;
    bool is_kept = false;
    std::string doubt;
};

storage::Result<Start> start_of(
    const storage::Snapshot& snapshot, const Check& check, const std::optional<Cut>& cut
) {
    if (!check.after.empty()) {
        const auto key = storage::from_hex(check.after);
        if (!key) return storage::Errc::Conflict;
        const auto stored = snapshot.get(storage::Family::Audit, *key);
        if (!stored) return stored.error();
        const auto linked = *stored ? storage::split_link((*stored)->value) : std::nullopt;
        const bool is_kept = cut && *key <= cut->key;
        if (!linked || is_kept != decode_kept((*stored)->value).has_value())
            return storage::Errc::Conflict;
        return Start{*key + '\0', linked->link, is_kept, {}};
    }
    if (!cut) return Start{};
    auto wrong = doubt(snapshot, *cut);
    if (!wrong) return wrong.error();
    return Start{{}, cut->kept_from, true, std::move(*wrong)};
}

/// Reports records that are missing at the end.
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
    const auto cut = newest_cut(snapshot);
    if (!cut) return cut.error();
    auto start = start_of(snapshot, check, *cut);
    if (!start) return start.error();
    Walk walk(check, start->link, start->is_kept);
    Verified& result = walk.result;
    result.cut = *cut ? (*cut)->link.number : 0;
    result.head_id = check.after;
    if (!start->doubt.empty()) {
        result.broken = Break{{}, (*cut)->link.number, start->doubt};
        return result;
    }
    const auto go = [&](const std::string& from, const std::string& to) {
        return snapshot.scan(
            storage::Family::Audit, from, to, false,
            [&](std::string_view key, const storage::Record& stored) {
                return walk.visit(key, stored);
            }
        );
    };
    std::string from = start->from;
    if (start->is_kept) {
        const std::string end = (*cut)->key + '\0';
        if (const auto error = go(from, end)) return error;
        if (result.broken || !result.next.empty()) return result;
        if (walk.at() != (*cut)->kept_to) {
            result.broken = Break{
                {},
                walk.at().number + 1,
                "of the records that a cut kept some are missing at the end"
            };
            return result;
        }
        walk.go_on((*cut)->link);
        from = end;
    }
    if (const auto error = go(from, {})) return error;
    if (result.broken || !result.next.empty()) return result;
    const auto head = head_of(snapshot);
    if (!head) return head.error();
    check_end(result, *head);
    return result;
}

}   // namespace grid::controller::audit
