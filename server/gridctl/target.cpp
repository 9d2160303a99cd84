// server/gridctl/target.cpp: finds the server and the administrator's files by options or
// --data.
#include "server/gridctl/target.hpp"

#include <unistd.h>

#include <algorithm>
#include <boost/json.hpp>
#include <cerrno>
#include <charconv>

#include "server/pki/files.hpp"
#include "server/pki/layout.hpp"
#include "xml/domain.hpp"

namespace grid::gridctl {
namespace {

namespace fs = std::filesystem;

/// A file that this user may not see is not one that is not there.
void need_sight(const fs::path& file) {
    if (::access(file.c_str(), R_OK) == 0 || errno != EACCES) return;
    throw Failed(
        Exit::Connection,
        file.string() + ": permission denied: run gridctl as root or as gridd's user"
    );
}

bool is_port(const std::string& text) {
    unsigned number = 0;
    const char* end = text.data() + text.size();
    const auto [at, error] = std::from_chars(text.data(), end, number);
    return error == std::errc{} && at == end && number >= 1 && number <= 65535;
}

/// The given file, else DIR/pki's.
std::string file_of(const std::string& given, const fs::path& found, const char* option) {
    const fs::path path = given.empty() ? found : fs::path(given);
    std::error_code error;
    if (fs::exists(path, error)) return path.string();
    const std::string why = error ? error.message() : "there is none";
    if (!given.empty()) throw Failed(Exit::Usage, path.string() + ": " + why);
    throw Failed(
        Exit::Usage, "give " + std::string(option) +
                         " FILE, or --data DIR of gridd on this machine (" + path.string() + ": " +
                         why + ")"
    );
}

}   // namespace

Ready parse_ready(std::string_view text) {
    boost::json::error_code ignored;
    const auto value =
        boost::json::parse(boost::json::string_view(text.data(), text.size()), ignored);
    Ready ready;
    if (ignored || !value.is_object()) return ready;
    const auto& object = value.get_object();
    const auto* listen = object.if_contains("listen");
    const auto text_of = [](const boost::json::object& from, const char* name) {
        const auto* member = from.if_contains(name);
        return member != nullptr && member->is_string() ? std::string(member->get_string()) : "";
    };
    ready.domain = text_of(object, "domain");
    if (const auto* pid = object.if_contains("pid"); pid != nullptr && pid->is_int64())
        ready.pid = pid->get_int64();
    if (listen == nullptr || !listen->is_object()) return ready;
    ready.c2s = text_of(listen->get_object(), "c2s");
    ready.c2s_tls = text_of(listen->get_object(), "c2s_tls");
    ready.http = text_of(listen->get_object(), "http");
    ready.socks5 = text_of(listen->get_object(), "socks5");
    return ready;
}

Ready read_ready(const Options& options) {
    const auto file = pki::read_file(pki::Layout{options.data}.ready());
    return file && file->exists ? parse_ready(file->text) : Ready{};
}

bool is_wildcard(const std::string& address) {
    return address.starts_with("0.0.0.0:") || address.starts_with("[::]:");
}

std::string to_dns(const std::string& host) {
    const auto prepared = xml::prepare_domain(host, true);
    return prepared ? xml::domain_to_ascii(*prepared) : host;
}

std::string why_no_server(const std::string& text) {
    if (text.find("://") != std::string::npos || text.find('/') != std::string::npos)
        return "'" + text + "': it takes HOST or HOST:PORT, no URL";
    if (!text.starts_with('[') && std::ranges::count(text, ':') > 1)
        return "'" + text + "': an IPv6 address stands in brackets, as [::1] or [::1]:8443";
    if (text.starts_with('[')) {
        const auto end = text.find(']');
        const bool is_closed =
            end != std::string::npos && end > 1 && (end + 1 == text.size() || text[end + 1] == ':');
        if (!is_closed) return "'" + text + "' is not [ADDRESS]:PORT";
    } else if (text.empty() || text.starts_with(':')) {
        return "'" + text + "' names no host";
    }
    const auto colon = text.rfind(':'), bracket = text.rfind(']');
    const bool has_port =
        colon != std::string::npos && (bracket == std::string::npos || bracket < colon);
    if (has_port && !is_port(text.substr(colon + 1)))
        return "'" + text.substr(colon + 1) + "' is no port: those are 1 to 65535";
    return "";
}

std::string host_of(const std::string& address) {
    if (address.starts_with("0.0.0.0:")) return "127.0.0.1";
    if (address.starts_with("[::]:")) return "::1";
    const auto colon = address.rfind(':');
    if (address.starts_with("[")) return address.substr(1, address.find(']') - 1);
    return to_dns(address.substr(0, colon));
}

std::vector<std::string> hosts_of(const std::string& address) {
    if (address.starts_with("[::]:")) return {"::1", "127.0.0.1"};
    return {host_of(address)};
}

std::string port_of(const std::string& address) {
    const auto colon = address.rfind(':');
    const auto bracket = address.rfind(']');
    if (colon == std::string::npos || (bracket != std::string::npos && colon < bracket)) return "";
    return address.substr(colon + 1);
}

Target find_target(const Options& options) {
    const pki::Layout layout{options.data};
    const Ready ready = read_ready(options);
    const std::string address = options.server.empty() ? ready.http : options.server;
    if (address.empty()) need_sight(layout.ready());
    if (address.empty())
        throw Failed(
            Exit::Connection, "no running gridd found: " + layout.ready().string() +
                                  " is not there or names no HTTPS. Start gridd, or give "
                                  "--server HOST:PORT"
        );
    Target target;
    target.host = host_of(address);
    target.hosts = hosts_of(address);
    target.port = port_of(address).empty() ? "8443" : port_of(address);
    if (target.host.empty()) throw Failed(Exit::Usage, "'" + address + "' is not HOST:PORT");
    target.found_by = options.server.empty() ? layout.ready().string() : "--server";
    target.name = options.server_name;
    if (target.name.empty() && options.server.empty())
        target.name = ready.domain.empty() ? domain_of(options) : ready.domain;
    if (target.name.empty()) target.name = target.host;
    target.name = to_dns(target.name);
    target.certificate = file_of(options.certificate, layout.admin_certificate(), "--cert");
    target.key = file_of(options.key, layout.admin_key(), "--key");
    target.ca = file_of(options.ca, layout.ca_certificate(), "--ca");
    return target;
}

std::string domain_of(const Options& options) {
    // A running gridd is asked first: with an operator's own certificates there is no DIR/pki.
    if (const Ready ready = read_ready(options); !ready.domain.empty()) return ready.domain;
    const auto file = pki::read_file(pki::Layout{options.data}.domain());
    if (!file) return "";   // ignored: what needs the domain says so itself
    const auto prepared =
        xml::prepare_domain(file->text.substr(0, file->text.find_first_of("\r\n")), false);
    return prepared.value_or("");
}

xml::Jid account_of(
    const Options& options, const std::string& text, const std::function<std::string()>& ask
) {
    std::string full = text;
    if (text.find('@') == std::string::npos) {
        std::string domain = domain_of(options);
        if (domain.empty() && ask) domain = ask();
        if (domain.empty()) need_sight(pki::Layout{options.data}.domain());
        if (domain.empty())
            throw Failed(
                Exit::Usage, "'" + text +
                                 "': give the full address, NAME@DOMAIN (no domain is "
                                 "known: there is no " +
                                 pki::Layout{options.data}.domain().string() + ")"
            );
        full += "@" + domain;
    }
    const auto jid = xml::Jid::parse(full);
    if (!jid.has_value() || !jid->is_bare() || jid->local().empty())
        throw Failed(
            Exit::Usage, "'" + text + "' is no account address such as sensor@grid.example"
        );
    return *jid;
}

}   // namespace grid::gridctl
