// server/gridctl/keys/judge.hpp: a certificate in a file, judged by the functions and in the order
// of a login.
#pragma once

#include <string>
#include <vector>

#include "controller/identity.hpp"
#include "server/gridctl/doctor/local.hpp"
#include "server/gridctl/doctor/report.hpp"
#include "server/tls/openssl.hpp"

namespace grid::gridctl {

struct Judged {
    Report report;
    std::string refusal;   // the first reason, as a login hears it; empty: it would be let in
    std::vector<controller::Identity> identities;   // the accounts that it may claim
};

/// `chain`: the client's certificate first. Looks at files and, where tls.ocsp is on, asks the
/// responder; changes nothing.
Judged judge_certificate(const Local& local, const std::vector<server::tls::X509Ptr>& chain);

/// The account that an identity claims, as the store of --data has it; adds a line.
void judge_account(const Local& local, const controller::Identity& identity, Judged& judged);

}   // namespace grid::gridctl
