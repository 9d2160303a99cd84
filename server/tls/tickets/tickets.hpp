// server/tls/tickets/tickets.hpp: tickets of TLS 1.3, with which a client resumes TLS (RFC 8446
// §2.2).
#pragma once

#include <openssl/ssl.h>

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/batch.hpp"

namespace grid::server::tls {

/// The content of a ticket, by which its holder is judged anew, as in a full handshake.
struct Ticket {
    /// The client's last full handshake: when it proved that it has its certificate's key.
    storage::Millis proved = 0;
    /// DER, in the client's order, its own certificate first. Empty: it showed none.
    std::vector<std::string> chain;
    /// The verdict on that chain, for vetting. It holds while the same anchors are trusted, which a
    /// ticket does not outlive; dates, revocation and account are asked anew. Empty: there is none.
    std::string verdict = {};
};
std::string to_bytes(const Ticket& ticket);
/// No value: they are not what to_bytes makes.
std::optional<Ticket> read_ticket(std::string_view bytes);

/// A longer chain is not carried: its client makes full handshakes.
inline constexpr std::size_t ticket_chain_bytes_max = 8 * 1024;
/// Of all that is carried.
inline constexpr std::size_t ticket_bytes_max = 16 * 1024;

/// Lets clients of TLS 1.3 resume with tickets, which TlsStream::send_ticket hands out. The server
/// keeps none: they are sealed (AES-256-CBC, HMAC-SHA-256) with keys of this context, which are
/// random, never leave the process, change after each `lifetime` and are forgotten after two. So
/// tickets end with their context: with a restart, and when certificates or CAs are replaced. A
/// resumed connection has an ephemeral key exchange of its own (psk_dhe_ke alone); there is no
/// early data (0-RTT), and TLS 1.2 is not resumed.
void accept_tickets(SSL_CTX* context, std::chrono::seconds lifetime);

/// The content of the ticket that this connection was resumed with; no value: it was not.
std::optional<Ticket> resumed_ticket_of(SSL* ssl);
/// A ticket for the client of a full handshake; no value: its chain is too long.
std::optional<Ticket> ticket_for(SSL* ssl, storage::Millis now);

}   // namespace grid::server::tls
