// server/cluster/link/tls.hpp: TLS between members: 1.3 alone, certificates of both sides with a
// member's role.
#pragma once

#include <openssl/ssl.h>

#include <string>
#include <vector>

#include "server/cluster/links.hpp"
#include "server/tls/context.hpp"
#include "xml/result.hpp"

namespace grid::server::cluster {

struct MemberTls {
    tls::Context accepting, connecting;
};

/// From PEM files. The error is for the operator: which file, what is wrong with it; also when the
/// certificate is not that member's.
Result<MemberTls, std::string> make_member_tls(const LinksSettings& settings);

/// The name of the member that a certificate is for; the error says why it is for none.
Result<std::string, std::string> member_of(const X509* certificate);
/// Of the other side, after the handshake.
Result<std::string, std::string> member_of(const SSL* ssl);

/// The path that the other side's certificate was verified by.
struct Shown {
    std::vector<tls::X509Ptr> path;    // the leaf first, the CA of cluster.ca last
    std::vector<std::string> links;    // as controller::Identity::path
    storage::Millis valid_until = 0;   // the earliest of them
};
Shown shown_by(const SSL* ssl);
/// The same of the own certificate, as others verify it that have the same CAs.
Shown shown_to_others(SSL_CTX* context);
/// Why it does not hold with the CAs of that context; empty: it does.
std::string why_not_trusted(const Shown& shown, SSL_CTX* context);

}   // namespace grid::server::cluster
