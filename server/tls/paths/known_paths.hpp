// server/tls/paths/known_paths.hpp: chains that were verified before are not verified again.
#pragma once

#include <ctime>

#include "server/tls/paths/path.hpp"

namespace grid::server::tls {

/// As `find_paths`, which takes 130 microseconds; 5 where the same chain (`leaf` and `sent`, byte
/// for byte) held before by the same anchors, and no certificate that has a part in it, nor any
/// anchor, has become valid or expired since: a clock that goes back counts. Verdicts against a
/// chain are not kept. Revocation is no part of either. `now`: seconds since 1970. Any thread.
Found find_known_paths(
    X509* leaf, STACK_OF(X509) * sent, X509_STORE* anchors, std::time_t now = std::time(nullptr)
);

/// From now on what holds by these anchors is kept with them, up to 1 MiB. They may not change any
/// more. Without this call `find_known_paths` is `find_paths`.
void keep_paths(X509_STORE* anchors);

}   // namespace grid::server::tls
