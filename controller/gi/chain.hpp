// controller/gi/chain.hpp: the certificate chain of an isAuthorized request.
#pragma once

#include "controller/gi/request.hpp"
#include "controller/state.hpp"

namespace grid::controller::gi {

inline constexpr std::size_t chain_certificates_max = 8;
inline constexpr std::size_t chain_bytes_max = 32 * 1024;   // DER; as much as in a handshake

/// Reads the chain, if there is one, has it verified, and leaves the verdict in the request. On the
/// connection's strand, so that no other client waits for the signatures. The failure is for a
/// chain that cannot be read; one that does not hold is an answer (a denial), not an error.
std::optional<Failure> verify_chain(const State& state, Request& request);

}   // namespace grid::controller::gi
