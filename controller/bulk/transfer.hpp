// controller/bulk/transfer.hpp: the record of one transfer of bulk data: from whom, to whom, what,
// by which rule, how far it came, and why it ended.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "controller/audit/record.hpp"
#include "storage/batch.hpp"
#include "xml/jid.hpp"

namespace grid::controller::bulk {

/// The carrier: SOCKS5 (XEP-0065), in-band (XEP-0047), HTTPS up and down, the history of a
/// topic.
enum class Kind : std::uint8_t { S5b, Ibb, Upload, Download, History };
inline constexpr std::size_t kind_count = 5;
/// "s5b", "ibb", "upload", "download", "history".
std::string_view to_string(Kind kind);

/// Running, or why it ended.
enum class State : std::uint8_t {
    Running,
    Complete,   // both ends were done
    Declined,   // the addressee did not want it
    Lost,       // an end went away in the middle
    Idle,       // nearly nothing moved for bulk.idle_seconds_max
    TooLong,    // bulk.seconds_max were over
    Quota,      // the account has had its bytes
    Denied,     // the policy or a block list took the right away
    Disabled,   // an account is not enabled any more
    Revoked,    // a certificate was revoked, or has expired
    Ended,      // the session of an end was ended
    Mismatch,   // size or hash were not what was said
    Failed,     // a fault of the server: disk full, out of descriptors
    Stopped     // the server stops
};
inline constexpr std::size_t state_count = 14;
/// One word for `status`, the audit and metrics: "running", "complete", "idle" …
std::string_view to_string(State state);
/// The same for a person, as the reason of an end.
std::string_view describe(State state);

struct Transfer {
    std::uint64_t id = 0;   // counts up from the start of the server
    Kind kind = Kind::S5b;
    /// Of the bytes. Full addresses where sessions are the ends, bare ones of clients by HTTPS;
    /// empty: this server.
    xml::Jid from, to;
    std::string account;                 // bare: whose quotas it uses, the one that asked for it
    std::string address;                 // the network address of that one
    std::string what;                    // the stream's id, the file's id and name, the topic
    std::string rule;                    // that allowed it
    std::optional<std::uint64_t> size;   // as announced
    std::string hash;                    // the same, "sha-256:" and hex; empty: not announced
    State state = State::Running;
    std::uint64_t bytes = 0;                  // so far, both directions together
    storage::Millis started = 0, ended = 0;   // wall clock
    std::string detail;                       // of its end, for a person

    bool operator==(const Transfer&) const = default;
};

/// For the audit: `bulk-start`; at the end `upload`, `download`, or `bulk-end` of the other kinds.
/// Bytes and the reason of the end are in the detail.
audit::Record start_record(const Transfer& transfer);
audit::Record end_record(const Transfer& transfer);
/// `bulk-start` that was refused; `rule` is the one that denied, or the quota.
audit::Record refusal_record(const Transfer& transfer);

/// Since the start of the server.
struct Counters {
    std::uint64_t started = 0, refused = 0;
    std::array<std::uint64_t, state_count> ended{};   // by State
    std::array<std::uint64_t, kind_count> bytes{};    // by Kind
};

/// The server's table, for `status`. Read on the core strand.
class Table {
public:
    virtual ~Table() = default;
    virtual std::vector<Transfer> running() const = 0;
    /// The newest first.
    virtual std::vector<Transfer> recent() const = 0;
    virtual Counters counters() const = 0;
};

}   // namespace grid::controller::bulk
