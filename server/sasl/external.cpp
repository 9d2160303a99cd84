// server/sasl/external.cpp: which account a certificate speaks for.
#include "server/sasl/external.hpp"

#include <algorithm>

namespace grid::server::sasl {

Step External::start(const std::optional<std::string>& initial) {
    if (!presented_.can_log_in())
        return Failure{presented_.condition, presented_.reason, /*is_final=*/true};
    if (initial) return authorize(*initial);
    // Strictly, EXTERNAL without an initial response asks for an empty challenge (RFC 4422 A).
    // COMPAT(stanza.io 9): it sends `<auth></auth>` and expects success; and where the certificate
    // has one identity only there is nothing to ask.
    if (presented_.identities.size() == 1 || owns(stream_from_)) return authorize({});
    return Challenge{};
}

bool External::owns(const xml::Jid& account) const {
    const auto& all = presented_.identities;
    return !account.empty() && std::find(all.begin(), all.end(), account) != all.end();
}

Step External::authorize(const std::string& authzid) const {
    if (authzid.empty()) {
        if (owns(stream_from_)) return Success{stream_from_, {}};
        if (presented_.identities.size() == 1) return Success{presented_.identities.front(), {}};
        // XEP-0178 3, case 2.
        return Failure{
            "invalid-authzid",
            "the certificate stands for several addresses: say which one as authorization identity"
        };
    }
    const auto asked = authzid.find('\0') == std::string::npos
                           ? xml::Jid::parse(authzid)
                           : Result<xml::Jid>(xml::JidErrc::BadLocal);
    if (!asked) return Failure{"invalid-authzid", "the authorization identity is not an address"};
    if (!asked->is_bare())   // RFC 6120 §6.3.8
        return Failure{"invalid-authzid", "the authorization identity must not have a resource"};
    if (!owns(*asked))
        return Failure{"invalid-authzid", "the certificate does not stand for " + asked->str()};
    return Success{*asked, {}};
}

}   // namespace grid::server::sasl
