// controller/admission.hpp: may a certificate enter, and where a stanza of a confined session
// goes.
#pragma once

#include <string>

#include "controller/accounts/account.hpp"

namespace grid::controller {

/// May this certificate enter the session table? Asked at SASL and again at bind, on the core
/// strand.
struct Admission {
    enum class Kind { Enter, Disabled, OtherCertificate, OtherKey } kind = Kind::Enter;
    AccountState state = AccountState::Init;
    std::string text;   // for the SASL failure and the log
};

/// The destination of a stanza; a confined session may reach some only.
enum class Destination { Server, OwnAccount, Controller, Broker, Proxy, Bulk, Client, Other };

}   // namespace grid::controller
