// server/gridctl/doctor/checks_names.cpp: the domain in DNS.
#include <arpa/nameser.h>
#include <netdb.h>
#include <resolv.h>

#include <array>
#include <cstdlib>
#include <memory>

#include "server/gridctl/doctor/checks.hpp"
#include "xml/domain.hpp"

namespace grid::gridctl {
namespace {

struct Srv {
    std::string target;
    unsigned port = 0;
};

std::string host_at(const ns_msg& message, const unsigned char* at) {
    std::array<char, NS_MAXDNAME> name{};
    const int size = ::dn_expand(
        ns_msg_base(message), ns_msg_end(message), at, name.data(), static_cast<int>(name.size())
    );
    return size < 0 ? std::string() : std::string(name.data());
}

/// Records of "_xmpp-client._tcp.grid.example"; none as well where no name server answers.
std::vector<Srv> find_srv(const std::string& name, unsigned timeout_seconds) {
    struct __res_state state{};
    if (::res_ninit(&state) != 0) return {};
    state.retrans = static_cast<int>(std::min(timeout_seconds, 3U));
    state.retry = 1;
    std::array<unsigned char, 8192> answer{};
    const int size = ::res_nquery(
        &state, name.c_str(), ns_c_in, ns_t_srv, answer.data(), static_cast<int>(answer.size())
    );
    ::res_nclose(&state);
    ns_msg message{};
    std::vector<Srv> found;
    if (size < 0 || ::ns_initparse(answer.data(), size, &message) != 0) return found;
    for (int i = 0; i < ns_msg_count(message, ns_s_an); ++i) {
        ns_rr record{};
        constexpr int head = 6;   // priority, weight, port
        if (::ns_parserr(&message, ns_s_an, i, &record) != 0 || ns_rr_type(record) != ns_t_srv ||
            ns_rr_rdlen(record) <= head)
            continue;
        const unsigned char* data = ns_rr_rdata(record);
        found.push_back({host_at(message, data + head), data[4] * 256U + data[5]});
    }
    return found;
}

/// How many addresses; -1 and `why`: there is none.
int count_addresses(const std::string& host, std::string& why) {
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    if (const int failed = ::getaddrinfo(host.c_str(), nullptr, &hints, &found); failed != 0) {
        why = ::gai_strerror(failed);
        return -1;
    }
    const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> all(found, &::freeaddrinfo);
    int count = 0;
    for (const addrinfo* one = all.get(); one != nullptr; one = one->ai_next) ++count;
    return count;
}

}   // namespace

void check_names(const std::string& domain, unsigned timeout_seconds, Report& report) {
    const std::string name = xml::domain_to_ascii(domain);
    if (name == "localhost" || name.ends_with(".localhost"))
        return report.ok("names", name + " is for this machine only: nothing is looked up");
    // Before the resolver is used: a name server that is away must not hold this up for long.
    ::setenv("RES_OPTIONS", "timeout:2 attempts:1", 0);
    std::size_t records = 0;
    for (const char* service : {"_xmpp-client._tcp.", "_xmpps-client._tcp."})
        for (const Srv& one : find_srv(service + name, timeout_seconds)) {
            ++records;
            std::string why;
            const std::string text =
                service + name + " is " + one.target + ":" + std::to_string(one.port);
            if (count_addresses(one.target, why) < 0)
                report.fail("names", text + ", which has no address: " + why, "mend the record");
            else
                report.ok("names", text);
        }
    std::string why;
    const int addresses = count_addresses(name, why);
    if (addresses > 0)
        report.ok("names", name + " has " + std::to_string(addresses) + " address(es)");
    else if (records == 0)
        report.warn(
            "names", "clients do not find " + name + ": it has neither SRV records nor an address",
            "publish _xmpp-client._tcp." + name + ", or tell clients the host"
        );
}

}   // namespace grid::gridctl
