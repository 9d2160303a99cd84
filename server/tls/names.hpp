// server/tls/names.hpp: the names in a certificate that can become an account.
#pragma once

#include <openssl/x509.h>

#include <string>
#include <vector>

#include "server/config/config.hpp"
#include "server/tls/openssl.hpp"
#include "xml/jid.hpp"

namespace grid::server::tls {

/// The certificate's names, as far as an account can come of them.
struct Names {
    /// Not null: the certificate is malformed or hostile, and not to be accepted. Says how.
    std::string malformed;
    bool has_xmpp_addr = false;         // then no mapping rule is looked at
    std::vector<xml::Jid> accounts;     // xmppAddr that are bare JIDs of the served domain
    std::vector<std::string> foreign;   // the other xmppAddr, printable, and why where that helps
    std::vector<std::string> dns, email, uris, common_names;   // as UTF-8, without NUL
};

/// All values of an attribute (NID_…) of a name, as UTF-8; those with a NUL are left out.
std::vector<std::string> texts_of(const X509_NAME* name, int attribute);
Names read_names(const X509* certificate, const std::string& served);
/// RFC 5280 §4.2.1.12: a certificate without EKU is for any purpose, and private CAs issue many
/// such, so it is let in. But one that names a host and nobody else, and does not say clientAuth,
/// is a server's: whoever runs that host must not be a client of the grid by accident. (A present
/// EKU without clientAuth was refused by the path validation already.) So is one with the role of a
/// cluster's member (member_role.hpp).
bool is_for_servers_only(X509* certificate, const Names& names);
/// RFC 5280 §4.2.1.10 has no constraints for an xmppAddr, so that a CA that may issue for
/// `example.org` only could name anybody here. So the dNSName constraints of its CAs (`path`, own
/// certificate first) are applied to the domain of each address.
void apply_constraints(Names& names, const std::vector<X509Ptr>& path);

/// Why the mapping rules make no account of it: what they gave, or that there are none.
std::string why_unmapped(
    const Names& names,
    const std::string& served,
    const std::vector<Config::Mapping>& mappings,
    const std::string& anchor
);

/// The accounts that the mapping rules make of a certificate without any xmppAddr (XEP-0178 3, case
/// 3). `anchor`: a rule may be for one CA only.
std::vector<xml::Jid> map_names(
    const Names& names,
    const std::string& served,
    const std::vector<Config::Mapping>& mappings,
    const std::string& anchor
);

}   // namespace grid::server::tls
