// server/sasl/plain.cpp: see server/sasl/plain.hpp.
#include "server/sasl/plain.hpp"

namespace grid::server::sasl {

Step Plain::start(const std::optional<std::string>& initial) {
    if (!initial) return Challenge{};
    return respond(*initial);
}

/// [authzid] NUL authcid NUL passwd.
Step Plain::respond(const std::string& response) {
    const auto first = response.find('\0');
    const auto second = first == std::string::npos ? first : response.find('\0', first + 1);
    if (second == std::string::npos || response.find('\0', second + 1) != std::string::npos)
        return Failure{"malformed-request", "expected [authzid] NUL name NUL password"};
    const std::string authzid = response.substr(0, first);
    const std::string name = response.substr(first + 1, second - first - 1);
    const std::string password = response.substr(second + 1);
    if (name.empty() || password.empty())
        return Failure{"malformed-request", "name and password are not empty"};
    if (const auto jid = xml::Jid::make(name, domain_)) account_ = *jid;
    if (!authzid.empty()) {
        const auto jid = xml::Jid::parse(authzid);
        if (!jid || account_.empty() || *jid != account_)
            return Failure{"invalid-authzid", "an account acts for itself only"};
    }
    // A password that none can be is compared, too, and is nobody's.
    return Lookup{
        account_.empty() ? name : account_.str(), controller::ScramHash::Sha256,
        controller::prepare_password(password).value_or(std::string("\0", 1))
    };
}

Step Plain::found(controller::LoginKeys keys) {
    if (!keys.refused.empty()) return Failure{"temporary-auth-failure", keys.refused};
    if (!keys.fits_given || keys.generation.empty() || account_.empty())
        return Failure{"not-authorized", "the name or the password is wrong"};
    return Success{account_, {}, keys.generation};
}

}   // namespace grid::server::sasl
