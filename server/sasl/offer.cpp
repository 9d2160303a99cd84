// server/sasl/offer.cpp: see server/sasl/offer.hpp.
#include "server/sasl/offer.hpp"

#include <algorithm>
#include <array>

#include "server/sasl/external.hpp"
#include "server/sasl/hashed_token.hpp"
#include "server/sasl/plain.hpp"
#include "server/sasl/scram.hpp"

namespace grid::server::sasl {

namespace {

using controller::ScramHash;

/// The strongest first.
constexpr std::array hashes{ScramHash::Sha512, ScramHash::Sha256, ScramHash::Sha1};
constexpr std::string_view plus = "-PLUS";

std::string scram_name(ScramHash hash) { return "SCRAM-" + std::string(to_string(hash)); }

/// The best first.
std::vector<std::string> scram_names() {
    std::vector<std::string> names;
    for (const bool is_plus : {true, false})
        for (const ScramHash hash : hashes)
            names.push_back(scram_name(hash) + std::string(is_plus ? plus : ""));
    return names;
}

}   // namespace

bool Offer::has(std::string_view mechanism) const {
    return std::ranges::find(mechanisms, mechanism) != mechanisms.end();
}

bool Offer::has_token(std::string_view mechanism) const {
    return std::ranges::find(tokens, mechanism) != tokens.end();
}

bool Offer::has_passwords() const {
    return std::ranges::any_of(mechanisms, [](const std::string& one) {
        return one != "EXTERNAL";
    });
}

Offer offer(
    const Config::Sasl& settings, const tls::Presented& presented, net::ChannelBindings bindings
) {
    Offer made;
    if (presented.can_log_in()) made.mechanisms.emplace_back("EXTERNAL");
    if (settings.token_days > 0 && (settings.passwords || presented.can_log_in())) {
        made.tokens = token_mechanisms(bindings);
        made.channel = bindings;
    }
    if (!settings.passwords) return made;
    bool has_plus = false;
    for (std::string& name : scram_names()) {
        const bool is_plus = name.ends_with(plus);
        if ((is_plus && bindings.empty()) ||
            std::ranges::find(settings.mechanisms, name) == settings.mechanisms.end())
            continue;
        has_plus = has_plus || is_plus;
        made.mechanisms.push_back(std::move(name));
    }
    if (settings.plain) made.mechanisms.emplace_back("PLAIN");
    if (has_plus) made.bindings = std::move(bindings);
    return made;
}

std::unique_ptr<Mechanism> make_mechanism(
    std::string_view name,
    const Offer& offer,
    const tls::Presented& presented,
    const xml::Jid& stream_from,
    const std::string& domain,
    const std::string& nonce
) {
    // EXTERNAL says itself what is wrong with a certificate for which it was not offered.
    if (name == "EXTERNAL") return std::make_unique<External>(presented, stream_from);
    if (!offer.has(name)) return nullptr;
    if (name == "PLAIN") return std::make_unique<Plain>(domain);
    for (const ScramHash hash : hashes) {
        const bool is_plus = name == scram_name(hash) + std::string(plus);
        if (!is_plus && name != scram_name(hash)) continue;
        return std::make_unique<Scram>(Scram::Setup{
            hash, is_plus, offer.has(scram_name(hash)), offer.has_plus(), domain, nonce,
            offer.bindings, downgrade_input(offer.mechanisms, offer.bindings)
        });
    }
    return nullptr;
}

}   // namespace grid::server::sasl
