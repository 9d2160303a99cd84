// server/net/socket_bio.hpp: lets OpenSSL read and write a non-blocking socket without SIGPIPE.
#pragma once

#include <openssl/bio.h>

namespace grid::server::net {

/// Does not own `descriptor`. OpenSSL's own socket BIO uses write(2), which raises SIGPIPE when the
/// peer is gone; a library should not rest on the process ignoring that signal. Null: out of
/// memory.
BIO* make_socket_bio(int descriptor);
/// Whether bytes that are written from now on wait for those behind them, or for the end of the
/// connection, to leave in one packet; for 200 ms at the most (MSG_MORE).
void hold_back(BIO* bio, bool holds);

/// The socket is waited for: the next read asks it again.
void note_wait(BIO* bio);

}   // namespace grid::server::net
