// controller/bulk/transfer.cpp: words for transfers, and their lines in the audit.
#include "controller/bulk/transfer.hpp"

namespace grid::controller::bulk {

namespace {

struct StateWords {
    std::string_view word, description;
};

constexpr std::array<StateWords, state_count> state_words{{
    {"running", "under way"},
    {"complete", "both ends are done"},
    {"declined", "the addressee declined"},
    {"lost", "an end went away"},
    {"idle", "too little moved within bulk.idle_seconds_max"},
    {"too-long", "it took longer than bulk.seconds_max"},
    {"quota", "the account has used up bulk.bytes_per_account_max"},
    {"denied", "the policy or a block list does not allow it any more"},
    {"disabled", "an account is not enabled any more"},
    {"revoked", "a certificate was revoked or has expired"},
    {"ended", "the session of an end was ended"},
    {"mismatch", "size or hash were not those that were announced"},
    {"failed", "the server has a fault: see its log"},
    {"stopped", "the server stops"},
}};

constexpr std::array<std::string_view, kind_count> kind_words{
    "s5b", "ibb", "upload", "download", "history"
};

/// A file's two ends are one client and the server: the audit tells of the client.
audit::Record about(const Transfer& transfer, audit::Outcome outcome, std::string_view operation) {
    audit::Record record;
    record.outcome = outcome;
    record.actor = transfer.account;
    record.address = transfer.address;
    record.operation = operation;
    const bool is_asked_by_recipient =
        transfer.kind == Kind::Download || transfer.kind == Kind::History;
    record.target = (is_asked_by_recipient ? transfer.from : transfer.to).str();
    if (transfer.kind == Kind::History) record.topic = transfer.what;
    record.rule = transfer.rule;
    record.detail = "#" + std::to_string(transfer.id) + " " +
                    std::string(to_string(transfer.kind)) + " " + transfer.what;
    record.is_single = outcome != audit::Outcome::Deny;   // with its bytes and its end
    return record;
}

}   // namespace

std::string_view to_string(Kind kind) { return kind_words.at(static_cast<std::size_t>(kind)); }
std::string_view to_string(State state) {
    return state_words.at(static_cast<std::size_t>(state)).word;
}
std::string_view describe(State state) {
    return state_words.at(static_cast<std::size_t>(state)).description;
}

audit::Record start_record(const Transfer& transfer) {
    audit::Record record = about(transfer, audit::Outcome::Allow, "bulk-start");
    if (transfer.size) record.detail += ", " + std::to_string(*transfer.size) + " bytes announced";
    return record;
}

audit::Record end_record(const Transfer& transfer) {
    const bool is_file = transfer.kind == Kind::Upload || transfer.kind == Kind::Download;
    audit::Record record =
        about(transfer, audit::Outcome::Info, is_file ? to_string(transfer.kind) : "bulk-end");
    record.detail +=
        ", " + std::to_string(transfer.bytes) + " bytes: " + std::string(to_string(transfer.state));
    if (!transfer.detail.empty()) record.detail += " (" + transfer.detail + ")";
    return record;
}

audit::Record refusal_record(const Transfer& transfer) {
    return about(transfer, audit::Outcome::Deny, "bulk-start");
}

}   // namespace grid::controller::bulk
