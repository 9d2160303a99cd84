// controller/audit/cut.cpp: see cut.hpp.
#include "controller/audit/cut.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <vector>

#include "controller/audit/position.hpp"
#include "storage/codec.hpp"
#include "storage/keys.hpp"

namespace grid::controller::audit {

namespace {

constexpr std::uint8_t plain_version = 1;
constexpr std::uint8_t cut_version = 2;

/// A batch's part: so many records are kept, of so many that are looked at.
constexpr std::size_t kept_max = 100;
constexpr std::size_t cut_looked_at_max = 200'000;
/// The kept ones together may have half of audit.keep_bytes; of what a cut takes, one account's
/// refusals and own deeds may keep a sixteenth, so that no account's are all that is kept.
constexpr std::uint64_t kept_part = 2, account_part = 16;
constexpr std::uint64_t account_bytes_min = 1'024;

std::string encode_cut(const Cut& cut) {
    return storage::Encoder()
        .u8(cut_version)
        .text(cut.key)
        .text(storage::encode(cut.link))
        .text(storage::encode(cut.kept_from))
        .text(storage::encode(cut.kept_to))
        .boolean(cut.is_for_space)
        .take();
}

/// Acts that any account may do with its own topics and with itself, as often as it likes.
bool is_own_deed(const Record& record) {
    constexpr std::array deeds{
        "create",
        "configure",
        "delete",
        "purge",
        "associate",
        "dissociate",
        "affiliation-set",
        "subscriptions-set",
        "subscription-approve",
        "subscription-deny",
        "initPublish",
        "finishPublish",
        "publisher-ended",
        "account-register",
        "account-unregister",
        "account-bind",
    };
    return std::ranges::find(deeds, record.operation) != deeds.end();
}

/// Records of acts by administrators and the server: kept, whatever their number.
bool is_administration(const Record& record) {
    return record.outcome != Outcome::Deny && !is_own_deed(record);
}

struct Candidate {
    std::string key, value;
    std::string account;   // empty: kept in any case
};

/// Looks along the chain from where the last cut ended.
class Planner {
public:
    Planner(
        const storage::Snapshot& snapshot,
        const Retention& retention,
        storage::Millis now,
        const std::optional<Cut>& before
    )
        : snapshot_(snapshot), places_(snapshot), retention_(retention), now_(now) {
        if (before) cut_ = *before;
        revision_ = before ? before->revision : 0;
        from_ = cut_.key;
    }

    storage::Result<std::optional<PlannedCut>> plan();

private:
    bool is_old(storage::Millis time) const {
        return retention_.keep_ms > 0 && time < now_ - retention_.keep_ms;
    }
    std::uint64_t kept_bytes() const { return cut_.kept_to.bytes - cut_.kept_from.bytes; }
    boost::system::error_code cut_kept();
    boost::system::error_code look(std::uint64_t bytes_now);
    void visit(std::string_view key, const storage::Record& stored, const Place& place);
    void keep_some();
    storage::Batch batch() const;

    const storage::Snapshot& snapshot_;
    const Places places_;
    const Retention retention_;
    const storage::Millis now_;
    Cut cut_;
    storage::Revision revision_ = 0;   // of the cut before
    std::string from_;                 // up to this key an earlier cut has removed all
    std::string kept_end_;             // of what was kept, up to here it goes
    std::vector<Candidate> candidates_;
    std::vector<std::pair<std::string, std::string>> kept_;   // key, value
    std::uint64_t looked_at_ = 0, bytes_ = 0, removed_ = 0;
    bool has_more_ = false;
};

/// Of the records that an earlier cut kept: the ones that are too old, and the oldest when they are
/// too many.
boost::system::error_code Planner::cut_kept() {
    if (from_.empty() || kept_bytes() == 0) return {};
    const std::uint64_t most = retention_.keep_bytes / kept_part;
    std::size_t looked_at = 0;
    return snapshot_.scan(
        storage::Family::Audit, {}, from_ + '\0', false,
        [&](std::string_view key, const storage::Record& stored) {
            const bool is_much = retention_.keep_bytes > 0 && kept_bytes() > most;
            const bool is_due = is_much || is_old(places_.place_of(key, stored).time);
            const auto linked = storage::split_link(stored.value);
            if (!is_due || !linked || ++looked_at > cut_looked_at_max) return false;
            kept_end_ = key;
            cut_.kept_from = linked->link;
            ++removed_;
            return true;
        }
    );
}

void Planner::visit(std::string_view key, const storage::Record& stored, const Place& place) {
    const bool is_old = this->is_old(place.time);
    cut_.is_for_space = cut_.is_for_space || !is_old;
    bytes_ += key.size() + stored.value.size();
    ++looked_at_;
    ++removed_;
    cut_.key = key;
    if (place.link.number != 0) cut_.link = place.link;
    if (is_old || place.link.number == 0) return;
    const auto record = decode(stored.value);
    if (!record || is_everyday(*record)) return;
    std::string account;
    if (!is_administration(*record)) account = account_of(*record);
    candidates_.push_back(
        {std::string(key), encode(Kept{stored.time, stored.value}), std::move(account)}
    );
}

/// Chooses the records that go, from the oldest on: those that are too old, or too many.
boost::system::error_code Planner::look(std::uint64_t bytes_now) {
    cut_.is_for_space = false;
    const std::uint64_t kept = std::min(kept_bytes(), retention_.keep_bytes / kept_part);
    const std::string from = from_.empty() ? std::string() : from_ + '\0';
    return snapshot_.scan(
        storage::Family::Audit, from, {}, false,
        [&](std::string_view key, const storage::Record& stored) {
            const Place place = places_.place_of(key, stored);
            const bool is_much = retention_.keep_bytes > 0 &&
                                 bytes_now - place.link.bytes >= retention_.keep_bytes - kept;
            if (!is_much && !is_old(place.time)) return false;
            has_more_ = candidates_.size() >= kept_max || looked_at_ >= cut_looked_at_max;
            if (has_more_) return false;
            visit(key, stored, place);
            return true;
        }
    );
}

void Planner::keep_some() {
    const std::uint64_t share = std::max(account_bytes_min, bytes_ / account_part);
    std::map<std::string, std::uint64_t> by_account;
    storage::Chain chain;
    for (Candidate& one : candidates_) {
        const std::uint64_t size = one.key.size() + one.value.size();
        // Others leave room for administration, which would else be the oldest that goes.
        const bool has_share = !one.account.empty();
        if (has_share && kept_bytes() > retention_.keep_bytes / kept_part / 2) continue;
        if (has_share && (by_account[one.account] += size) > share) continue;
        cut_.kept_to = chain.next(cut_.kept_to, one.key, 0, one.value);
        kept_.emplace_back(std::move(one.key), one.value + storage::encode(cut_.kept_to));
        --removed_;
    }
}

storage::Batch Planner::batch() const {
    storage::Batch batch;
    // Two that cut at a time must not leave the shorter cut as the one on record.
    batch.expect(storage::Family::Control, cut_key(), revision_);
    batch.put(storage::Family::Control, cut_key(), encode_cut(cut_));
    if (!kept_end_.empty()) batch.cut({}, kept_end_);
    if (cut_.key != from_) batch.cut(from_, cut_.key);
    for (const auto& [key, value] : kept_) batch.put(storage::Family::Audit, key, value);
    Record record;
    record.actor = "system";
    record.operation = cut_operation;
    record.rule = cut_.is_for_space ? "audit.keep_bytes" : "audit.keep_days";
    record.detail = cut_detail(cut_);
    append(batch, record);
    return batch;
}

storage::Result<std::optional<PlannedCut>> Planner::plan() {
    const auto newest = places_.neighbour({}, true);
    if (!newest) return newest.error();
    if (!*newest) return std::optional<PlannedCut>{};
    if (const auto error = cut_kept()) return error;
    if (const auto error = look((*newest)->link.bytes)) return error;
    if (looked_at_ == 0 && kept_end_.empty()) return std::optional<PlannedCut>{};
    keep_some();
    return std::optional(PlannedCut{batch(), cut_, removed_, has_more_});
}

std::string link_text(const storage::Link& link) {
    return std::to_string(link.number) + ", hash " + storage::to_hex(storage::view(link.hash));
}

}   // namespace

bool is_everyday(const Record& record) {
    constexpr std::array strangers{"login-refused", "rest-refused"};
    constexpr std::array uses{
        "publish",    "retract",      "retrieve",
        "query",      "isAuthorized", "message",
        "subscribe",  "unsubscribe",  "subscription-options",
        "connect",    "login",        "logout",
        "disconnect", "resume",
    };
    const auto is_one_of = [&](const auto& names) {
        return std::ranges::find(names, record.operation) != names.end();
    };
    // A cut is confirmed by the newest such record; earlier ones say nothing more.
    if (is_one_of(strangers) || record.operation == cut_operation) return true;
    return record.outcome != Outcome::Deny && is_one_of(uses);
}

std::string cut_key() { return std::string(1, static_cast<char>(storage::Tag::AuditCut)); }

std::string cut_detail(const Cut& cut) {
    std::string text = "up to number " + link_text(cut.link);
    if (cut.kept_to.number > cut.kept_from.number)
        text += "; of them are kept " + std::to_string(cut.kept_to.number - cut.kept_from.number) +
                ", after " + link_text(cut.kept_from) + ", up to " + link_text(cut.kept_to);
    return text;
}

std::optional<Cut> decode_cut(const storage::Record& stored) {
    storage::Decoder in(stored.value);
    const std::uint8_t version = in.u8();
    Cut cut;
    cut.key = in.text();
    cut.time = stored.time;
    cut.revision = stored.revision;
    if (version == plain_version) {
        const auto link = storage::decode_link(in.raw());
        if (!in.ok() || !link) return std::nullopt;
        cut.link = *link;
        return cut;
    }
    if (version != cut_version) return std::nullopt;
    for (storage::Link* link : {&cut.link, &cut.kept_from, &cut.kept_to}) {
        const auto decoded = storage::decode_link(in.text());
        if (!decoded) return std::nullopt;
        *link = *decoded;
    }
    cut.is_for_space = in.u8() == 1;
    if (!in.ok()) return std::nullopt;
    return cut;
}

storage::Result<std::optional<Cut>> newest_cut(const storage::Snapshot& snapshot) {
    const auto stored = snapshot.get(storage::Family::Control, cut_key());
    if (!stored) return stored.error();
    if (!*stored) return std::optional<Cut>{};
    auto cut = decode_cut({(*stored)->revision, (*stored)->time, (*stored)->value});
    if (!cut) return storage::Errc::Corrupt;
    return std::optional(std::move(*cut));
}

storage::Result<std::optional<PlannedCut>> plan_cut(
    const storage::Snapshot& snapshot, const Retention& retention, storage::Millis now
) {
    const auto before = newest_cut(snapshot);
    if (!before) return before.error();
    return Planner(snapshot, retention, now, *before).plan();
}

}   // namespace grid::controller::audit
