// server/audit/format.cpp: see format.hpp.
#include "server/audit/format.hpp"

#include <unistd.h>

#include <boost/json.hpp>

#include "controller/rest/views.hpp"
#include "xml/datetime.hpp"

namespace grid::server::audit {

namespace {

using controller::audit::Entry;
using controller::audit::Outcome;

constexpr int facility = 13;   // RFC 5424 §6.2.1: log audit
constexpr int warning = 4, notice = 5;
/// §7.2.2: not registered, so with an enterprise number; this is the one for documentation.
constexpr std::string_view data_id = "gridd@32473";
constexpr std::size_t host_bytes_max = 255;

bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }

/// §6.3.3: the characters that are escaped in a value. Control characters would end the line at
/// some receivers.
void add_param(std::string& out, std::string_view name, std::string_view value) {
    if (value.empty()) return;
    out.append(" ").append(name).append("=\"");
    for (char c : value) {
        if (c == '"' || c == '\\' || c == ']') out += '\\';
        out += is_control(c) ? ' ' : c;
    }
    out += '"';
}

void add_text(std::string& out, std::string_view text) {
    for (char c : text) out += is_control(c) ? ' ' : c;
}

}   // namespace

std::string to_json_line(const Entry& entry) {
    return boost::json::serialize(controller::rest::to_json(entry)) + "\n";
}

std::string to_syslog(const Entry& entry, std::string_view host) {
    const controller::audit::Record& record = entry.record;
    const bool is_denial = record.outcome == Outcome::Deny;
    std::string out = "<" + std::to_string(facility * 8 + (is_denial ? warning : notice)) + ">1 ";
    out += xml::to_datetime(entry.time);
    out.append(" ").append(host.empty() ? "-" : host.substr(0, host_bytes_max));
    out += " gridd " + std::to_string(::getpid()) + " audit [" + std::string(data_id);
    add_param(out, "number", std::to_string(entry.link.number));
    add_param(out, "id", entry.id);
    add_param(out, "decision", controller::audit::to_string(record.outcome));
    add_param(out, "operation", record.operation);
    add_param(out, "actor", record.actor);
    add_param(out, "address", record.address);
    add_param(out, "topic", record.topic);
    add_param(out, "target", record.target);
    add_param(out, "rule", record.rule);
    add_param(out, "count", std::to_string(record.count));
    if (record.count > 1) add_param(out, "last", xml::to_datetime(entry.last));
    add_param(out, "hash", storage::to_hex(storage::view(entry.link.hash)));
    out += "] ";
    add_text(out, record.actor + " " + record.operation);
    for (const std::string* about : {&record.topic, &record.target})
        if (!about->empty()) add_text(out, " " + *about);
    if (!record.detail.empty()) {
        out += ": ";
        add_text(out, record.detail);
    }
    return out;
}

}   // namespace grid::server::audit
