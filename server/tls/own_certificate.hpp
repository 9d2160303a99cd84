// server/tls/own_certificate.hpp: whether the server's certificate and the clients' CAs serve a
// domain.
#pragma once

#include <string>
#include <vector>

#include "server/config/config.hpp"

namespace grid::server::tls {

/// For the operator; `key` is the option to blame.
struct Complaint {
    std::string key, text;
    bool is_warning = false;
};

/// Beyond what `make_context` refuses: the names in the certificate (RFC 6120 §13.7.2), and whether
/// its key may sign.
std::vector<Complaint> check_own_certificate(const std::string& file, const std::string& domain);

/// Whether clients get the certificates between the server's and a root: those that are not in the
/// file are not sent, and few clients look for them elsewhere (RFC 5246 §7.4.2, RFC 8446 §4.4.2).
std::vector<Complaint> check_own_chain(const Config::Tls& tls);

/// CAs, one name each, and whether all names together can be told to clients.
std::vector<Complaint> check_client_cas(const std::string& file);

/// `tls.ciphers`, with the own certificate, or with the one that the evaluation makes: what OpenSSL
/// does not know, what is never used, and whether clients of TLS 1.2 can connect.
std::vector<Complaint> check_ciphers(const Config::Tls& tls);

}   // namespace grid::server::tls
