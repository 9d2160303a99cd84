// server/tls/own_certificate.hpp: whether the server's certificate and the clients' CAs serve a
// domain.
#pragma once

#include <string>
#include <vector>

#include "server/config.hpp"

namespace grid::server::tls {

/// For the operator; `key` is the option to blame.
struct Complaint {
    std::string key, text;
    bool is_warning = false;
};

/// Beyond what `make_context` refuses: the names in the certificate (RFC 6120 §13.7.2), and whether
/// its key may sign.
std::vector<Complaint> check_own_certificate(const std::string& file, const std::string& domain);

/// CAs, one name each, and whether all names together can be told to clients.
std::vector<Complaint> check_client_cas(const std::string& file);

/// `tls.ciphers`, where no certificate is there yet to make a context with.
std::vector<Complaint> check_ciphers(const std::string& ciphers);

}   // namespace grid::server::tls
