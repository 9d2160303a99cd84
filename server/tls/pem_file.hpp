// server/tls/pem_file.hpp: certificates and keys read from PEM files, with errors for the
// operator.
#pragma once

#include <string>
#include <vector>

#include "server/tls/openssl.hpp"
#include "xml/result.hpp"

namespace grid::server::tls {

/// Every certificate of the file, in order; an error names the file and, if one is malformed,
/// which.
Result<std::vector<X509Ptr>, std::string> read_certificates(const std::string& path);
/// An unencrypted private key.
Result<KeyPtr, std::string> read_key(const std::string& path);

}   // namespace grid::server::tls
