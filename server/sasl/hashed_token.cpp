// server/sasl/hashed_token.cpp: see server/sasl/hashed_token.hpp.
#include "server/sasl/hashed_token.hpp"

#include <algorithm>

namespace grid::server::sasl {

namespace {

constexpr std::string_view token_prefix = "HT-SHA-256-";

std::string binding_type(std::string_view mechanism) {
    if (mechanism.ends_with("-EXPR")) return "tls-exporter";
    return mechanism.ends_with("-ENDP") ? "tls-server-end-point" : "";
}

std::string hashed(const std::string& secret, const std::string& what, const std::string& binding) {
    return controller::keyed_digest(controller::ScramHash::Sha256, secret, what + binding);
}

}   // namespace

std::vector<std::string> token_mechanisms(const net::ChannelBindings& bindings) {
    std::vector<std::string> names;
    for (const char* end : {"EXPR", "ENDP"}) {
        std::string name = std::string(token_prefix) + end;
        if (bindings.contains(binding_type(name))) names.push_back(std::move(name));
    }
    names.push_back(std::string(token_prefix) + "NONE");
    return names;
}

HashedToken::HashedToken(
    std::string name,
    std::string client,
    std::string domain,
    const net::ChannelBindings& bindings,
    const tls::Presented& presented
)
    : name_(std::move(name)),
      client_(std::move(client)),
      domain_(std::move(domain)),
      presented_(presented) {
    if (const auto found = bindings.find(binding_type(name_)); found != bindings.end())
        binding_ = found->second;
}

Step HashedToken::start(const std::optional<std::string>& initial) {
    if (!initial) return Failure{"malformed-request", "an initial response is needed"};
    return respond(*initial);
}

/// authcid NUL initiator-hashed-token.
Step HashedToken::respond(const std::string& response) {
    const auto end = response.find('\0');
    if (end == std::string::npos || end == 0)
        return Failure{"malformed-request", "expected name NUL hashed token"};
    const std::string name = response.substr(0, end);
    proof_ = response.substr(end + 1);
    if (const auto jid = xml::Jid::make(name, domain_)) account_ = *jid;
    const bool is_own =
        presented_.can_log_in() && !account_.empty() &&
        std::ranges::find(presented_.identities, account_) != presented_.identities.end();
    return Lookup{
        account_.empty() ? name : account_.str(),
        controller::ScramHash::Sha256,
        {},
        client_,
        is_own ? presented_.key : std::string()
    };
}

Step HashedToken::found(controller::LoginKeys keys) {
    if (!keys.refused.empty()) return Failure{"temporary-auth-failure", keys.refused};
    // Two are compared, whether there are so many or none.
    const controller::Token* used = nullptr;
    const controller::Token none{"none", 0};
    for (std::size_t i = 0; i < 2; ++i) {
        const controller::Token& token = i < keys.tokens.size() ? keys.tokens[i] : none;
        if (controller::are_equal(hashed(token.secret, "Initiator", binding_), proof_) &&
            &token != &none)
            used = &token;
    }
    if (used == nullptr || keys.token_mechanism != name_ || account_.empty())
        return Failure{"not-authorized", "the name or the token is wrong"};
    if (used->expires <= keys.now)
        return Failure{"credentials-expired", "this token has expired: log in without it"};
    return Success{
        account_, hashed(used->secret, "Responder", binding_),
        keys.are_of_key ? std::string() : keys.generation, used->secret
    };
}

}   // namespace grid::server::sasl
