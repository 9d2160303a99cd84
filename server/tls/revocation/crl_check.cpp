// server/tls/revocation/crl_check.cpp: see crl_check.hpp.
#include "server/tls/revocation/crl_check.hpp"

#include <algorithm>

#include "server/clock.hpp"
#include "server/tls/certificate_text.hpp"
#include "server/tls/pem_file.hpp"
#include "xml/datetime.hpp"

namespace grid::server::tls {

namespace {

/// The CAs of the file, and behind them those that clients have shown before.
std::vector<KnownCa> authorities_of(const CrlSources& sources, std::size_t& anchors) {
    std::vector<KnownCa> all;
    auto read = read_certificates(sources.authorities);
    if (!read) return all;
    for (X509Ptr& anchor : *read) {
        std::string key = key_hash_of(anchor.get());
        all.push_back({std::move(anchor), std::move(key)});
    }
    anchors = all.size();
    std::vector<std::string> unreadable;   // the watch says so
    for (KnownCa& one : CrlStore(sources.folder).read_authorities(unreadable))
        if (one.certificate && is_certified(one, all)) all.push_back(std::move(one));
    return all;
}

std::string why_not_in_force(const CrlSet::Finding& finding, const std::string& option) {
    if (finding.crl == nullptr) return "no list of it is in " + option;
    if (!finding.crl->covers(finding.depth)) return "of its list, " + finding.crl->gap;
    return "its list ended on " + xml::to_datetime(finding.crl->next_update);
}

Complaint refuses_all_of(const KnownCa& one, const std::string& why, const std::string& option) {
    return {
        option + "_policy",
        option + "_policy is closed, and " + why + ": every client whose certificate " +
            to_text(X509_get_subject_name(one.certificate.get())) +
            " has issued is refused. Put a list of that CA that is in force into " + option +
            ", or set " + option + "_policy to open",
        true
    };
}

}   // namespace

std::vector<Complaint> check_crls(const CrlSources& sources, bool is_closed) {
    std::vector<Complaint> out;
    if (sources.paths.empty()) return out;
    std::size_t anchors = 0;
    const auto authorities = authorities_of(sources, anchors);
    const auto time = now();
    CrlSet set;
    std::vector<std::string> unreadable;
    for (const CrlPtr& list : CrlStore(sources.folder).read(unreadable))
        if (auto read = read_crl(list.get(), authorities, time); read.crl) set.add(read.crl);
    for (const FileStamp& stamp : find_files(sources.paths).files) {
        const auto lists = read_crls(stamp.path);
        for (std::size_t i = 0; lists && i < lists->size(); ++i) {
            auto read = read_crl((*lists)[i].get(), authorities, time);
            if (!read.complaint.empty())
                out.push_back(
                    {sources.option, sources.option + ": " + stamp.path + ": " + read.complaint,
                     true}
                );
            if (read.crl) set.add(read.crl);
        }
    }
    for (std::size_t i = 0; is_closed && i < anchors; ++i) {
        const KnownCa& one = authorities[i];
        if (to_millis(X509_get0_notAfter(one.certificate.get())) < time) continue;
        const auto of_clients = set.check_key(one.key, 0, time);
        const bool is_known = of_clients.standing == CrlSet::Standing::Good ||
                              set.check_key(one.key, 1, time).standing == CrlSet::Standing::Good;
        if (!is_known)
            out.push_back(
                refuses_all_of(one, why_not_in_force(of_clients, sources.option), sources.option)
            );
    }
    return out;
}

}   // namespace grid::server::tls
