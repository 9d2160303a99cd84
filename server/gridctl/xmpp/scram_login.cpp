// server/gridctl/xmpp/scram_login.cpp: see server/gridctl/xmpp/scram_login.hpp.
#include "server/gridctl/xmpp/scram_login.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <utility>

#include "controller/credentials/salted_password.hpp"
#include "server/sasl/scram.hpp"
#include "xml/base64.hpp"

namespace grid::gridctl::xmpp {

namespace {

using controller::ScramHash;

constexpr std::string_view plus_suffix = "-PLUS";
constexpr const char* exporter_binding = "tls-exporter";

std::string mechanism_of(ScramHash hash, bool is_plus) {
    return "SCRAM-" + std::string(to_string(hash)) + std::string(is_plus ? plus_suffix : "");
}

std::string escaped_name(std::string_view name) {
    std::string out;
    for (const char c : name) {
        if (c == ',')
            out += "=2C";
        else if (c == '=')
            out += "=3D";
        else
            out += c;
    }
    return out;
}

/// `a=…,b=…` by letter; the first of each.
std::map<char, std::string_view> attributes_of(std::string_view message) {
    std::map<char, std::string_view> found;
    while (!message.empty()) {
        const std::size_t comma = std::min(message.find(','), message.size());
        const std::string_view part = message.substr(0, comma);
        if (part.size() >= 2 && part[1] == '=') found.emplace(part[0], part.substr(2));
        message.remove_prefix(std::min(comma + 1, message.size()));
    }
    return found;
}

std::optional<std::uint32_t> iterations_in(std::string_view text) {
    std::uint32_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return number;
}

}   // namespace

bool SaslOffer::has(std::string_view mechanism) const {
    return std::ranges::find(mechanisms, mechanism) != mechanisms.end();
}

bool SaslOffer::has_binding(std::string_view type) const {
    return std::ranges::find(bindings, type) != bindings.end();
}

std::optional<std::string> ScramLogin::choose(const SaslOffer& offer, bool has_binding) {
    for (const bool is_plus : {true, false}) {
        if (is_plus && !(has_binding && offer.has_binding(exporter_binding))) continue;
        for (const ScramHash hash : {ScramHash::Sha512, ScramHash::Sha256, ScramHash::Sha1})
            if (std::string name = mechanism_of(hash, is_plus); offer.has(name)) return name;
    }
    return std::nullopt;
}

ScramLogin::ScramLogin(Setup setup) : setup_(std::move(setup)), hash_(ScramHash::Sha256) {
    const bool is_plus = setup_.mechanism.ends_with(plus_suffix);
    for (const ScramHash hash : controller::scram_hashes)
        if (setup_.mechanism == mechanism_of(hash, is_plus)) hash_ = hash;
    // "y" says that a binding would have been used, had it been offered (RFC 5802 §6).
    const bool is_hidden = !setup_.binding.empty() && !setup_.offer.has_binding(exporter_binding);
    header_ = is_plus ? std::string("p=") + exporter_binding + ",," : is_hidden ? "y,," : "n,,";
    bare_ = "n=" + escaped_name(setup_.user) + ",r=" + setup_.nonce;
}

std::optional<std::string> ScramLogin::refuse(std::string why) {
    why_ = std::move(why);
    return std::nullopt;
}

/// XEP-0474 §4.1.
bool ScramLogin::is_offer_genuine(std::string_view hashed) const {
    server::net::ChannelBindings bindings;
    for (const std::string& type : setup_.offer.bindings) bindings.emplace(type, "");
    const std::string seen = server::sasl::downgrade_input(setup_.offer.mechanisms, bindings);
    return hashed == xml::to_base64(controller::digest(hash_, seen));
}

std::optional<std::string> ScramLogin::respond(std::string_view challenge) {
    const auto parts = attributes_of(challenge);
    const auto part = [&](char letter) {
        const auto found = parts.find(letter);
        return found == parts.end() ? std::string_view() : found->second;
    };
    const auto salt = xml::parse_base64(part('s'));
    const auto iterations = iterations_in(part('i'));
    const std::string_view nonce = part('r');
    const bool is_continued = nonce.starts_with(setup_.nonce) && nonce.size() > setup_.nonce.size();
    if (parts.contains('m') || !is_continued || !salt || salt->empty() || !iterations)
        return refuse("the server's SCRAM challenge is malformed");
    if (*iterations < controller::iterations_min || *iterations > controller::iterations_max)
        return refuse(
            "the server asks for " + std::to_string(*iterations) +
            " iterations of SCRAM; taken are " + std::to_string(controller::iterations_min) +
            " to " + std::to_string(controller::iterations_max)
        );
    if (parts.contains('h') && !is_offer_genuine(part('h')))
        return refuse(
            "the mechanisms that arrived are not those that the server offers: a machine "
            "in between has changed them (XEP-0474)"
        );
    const bool is_plus = setup_.mechanism.ends_with(plus_suffix);
    std::string without = "c=" + xml::to_base64(header_ + (is_plus ? setup_.binding : ""));
    without.append(",r=").append(nonce);
    const std::string message = bare_ + "," + std::string(challenge) + "," + without;
    const std::string salted =
        controller::salted_password(hash_, setup_.password, *salt, *iterations);
    const std::string key = controller::keyed_digest(hash_, salted, "Client Key");
    const std::string stored = controller::digest(hash_, key);
    const std::string proof =
        controller::exclusive_or(key, controller::keyed_digest(hash_, stored, message));
    server_signature_ = controller::keyed_digest(
        hash_, controller::keyed_digest(hash_, salted, "Server Key"), message
    );
    return without + ",p=" + xml::to_base64(proof);
}

bool ScramLogin::is_proved(std::string_view final_message) const {
    const auto parts = attributes_of(final_message);
    const auto found = parts.find('v');
    const auto signature = found == parts.end() ? std::nullopt : xml::parse_base64(found->second);
    return signature && !server_signature_.empty() &&
           controller::are_equal(*signature, server_signature_);
}

}   // namespace grid::gridctl::xmpp
