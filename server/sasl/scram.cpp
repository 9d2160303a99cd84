// server/sasl/scram.cpp: the messages of SCRAM, read strictly (RFC 5802 §7).
#include "server/sasl/scram.hpp"

#include <algorithm>
#include <span>

#include "xml/base64.hpp"
#include "xml/utf8.hpp"

namespace grid::server::sasl {

namespace {

using controller::are_equal;
using controller::digest;
using controller::exclusive_or;
using controller::keyed_digest;

constexpr std::size_t nonce_bytes_max = 256;

Failure malformed(std::string text) { return {"malformed-request", std::move(text)}; }

/// One text for all causes: a wrong name and a wrong password look alike.
Failure wrong() { return {"not-authorized", "the name or the password is wrong"}; }

std::vector<std::string_view> at_commas(std::string_view text) {
    std::vector<std::string_view> parts;
    while (true) {
        const std::size_t comma = std::min(text.find(','), text.size());
        parts.push_back(text.substr(0, comma));
        if (comma == text.size()) return parts;
        text.remove_prefix(comma + 1);
    }
}

/// `n=` and `a=`: "=2C" is a comma, "=3D" is '='; any other '=' is wrong.
std::optional<std::string> read_name(std::string_view text) {
    std::string name;
    while (!text.empty()) {
        if (text.front() != '=') {
            name += text.front();
            text.remove_prefix(1);
            continue;
        }
        if (!text.starts_with("=2C") && !text.starts_with("=3D")) return std::nullopt;
        name += text[1] == '2' ? ',' : '=';
        text.remove_prefix(3);
    }
    if (name.empty() || name.find('\0') != std::string::npos || !xml::is_utf8(name))
        return std::nullopt;
    return name;
}

bool is_nonce(std::string_view text) {
    return !text.empty() && text.size() <= nonce_bytes_max &&
           std::ranges::all_of(text, [](char c) { return c > ' ' && c < 0x7F && c != ','; });
}

/// Letter, '=', value: the attributes that may follow what is required.
bool are_extensions(std::span<const std::string_view> parts) {
    return std::ranges::all_of(parts, [](std::string_view part) {
        const bool is_letter = !part.empty() && ((part[0] >= 'a' && part[0] <= 'z') ||
                                                 (part[0] >= 'A' && part[0] <= 'Z'));
        return is_letter && part.size() > 1 && part[1] == '=';
    });
}

}   // namespace

Step Scram::start(const std::optional<std::string>& initial) {
    if (initial) return take_first(*initial);
    return Challenge{};   // RFC 4422 §3: the client speaks first
}

Step Scram::respond(const std::string& response) {
    if (awaits_ == Awaits::First) return take_first(response);
    if (awaits_ == Awaits::Final) return take_final(response);
    return malformed("a response that no challenge asked for");
}

/// gs2-header client-first-message-bare.
Step Scram::take_first(const std::string& message) {
    awaits_ = Awaits::Nothing;
    const auto parts = at_commas(message);
    if (parts.size() < 4 || !parts[2].starts_with("n=") || !parts[3].starts_with("r="))
        return malformed(
            parts.size() > 2 && parts[2].starts_with("m=")
                ? "a mandatory extension is not known here"
                : "expected GS2 header, n= and r="
        );
    if (auto failure = take_binding(parts[0])) return *failure;
    const auto name = read_name(parts[2].substr(2));
    if (!name) return malformed("n= is no name");
    if (!is_nonce(parts[3].substr(2))) return malformed("r= is no nonce");
    if (!are_extensions(std::span(parts).subspan(4))) return malformed("an attribute is malformed");
    if (const auto jid = xml::Jid::make(*name, setup_.domain)) account_ = *jid;
    name_ = account_.empty() ? *name : account_.str();
    if (!parts[1].empty()) {
        const auto authzid =
            parts[1].starts_with("a=") ? read_name(parts[1].substr(2)) : std::nullopt;
        if (!authzid) return malformed("the GS2 header is malformed");
        const auto jid = xml::Jid::parse(*authzid);
        if (!jid || jid->str() != name_)
            return Failure{"invalid-authzid", "an account acts for itself only"};
    }
    const std::size_t header_bytes = parts[0].size() + 1 + parts[1].size() + 1;
    expected_.insert(0, message.substr(0, header_bytes));
    client_first_bare_ = message.substr(header_bytes);
    nonce_ = std::string(parts[3].substr(2)) + setup_.nonce;
    awaits_ = Awaits::Keys;
    return Lookup{name_, setup_.hash, {}};
}

/// RFC 5802 §6, §7 gs2-cbind-flag. The channel's data is put into `expected_`, behind the header.
std::optional<Failure> Scram::take_binding(std::string_view flag) {
    const bool is_bound = flag.starts_with("p=");
    if (!is_bound && flag != "n" && flag != "y") return malformed("the GS2 header is malformed");
    // COMPAT(slixmpp 1.8): it takes the name with -PLUS and says "n", which is no more than the
    // name without -PLUS would give it.
    const bool is_tolerated = flag == "n" && setup_.is_plus && setup_.may_be_unbound;
    if (is_bound != setup_.is_plus && !is_tolerated)
        return malformed(
            setup_.is_plus ? "a mechanism with -PLUS needs a channel binding"
                           : "a channel binding needs the mechanism with -PLUS"
        );
    // The client would have used one, and did not see that we have: its features were changed.
    if (flag == "y" && setup_.offers_plus)
        return Failure{"not-authorized", "channel binding is offered here: was that hidden?"};
    if (!is_bound) return std::nullopt;
    const auto found = setup_.bindings.find(std::string(flag.substr(2)));
    if (found == setup_.bindings.end())
        return malformed("this type of channel binding is not offered here");
    expected_ = found->second;
    return std::nullopt;
}

Step Scram::found(controller::LoginKeys keys) {
    if (awaits_ != Awaits::Keys) return malformed({});
    if (!keys.refused.empty()) return Failure{"temporary-auth-failure", keys.refused};
    keys_ = std::move(keys);
    server_first_ = "r=" + nonce_ + ",s=" + xml::to_base64(keys_.keys.salt) +
                    ",i=" + std::to_string(keys_.keys.iterations);
    if (!setup_.offer.empty())
        server_first_ += ",h=" + xml::to_base64(digest(setup_.hash, setup_.offer));
    awaits_ = Awaits::Final;
    return Challenge{server_first_};
}

/// channel-binding nonce extensions proof.
Step Scram::take_final(const std::string& message) {
    awaits_ = Awaits::Nothing;
    const auto parts = at_commas(message);
    if (parts.size() < 3 || !parts[0].starts_with("c=") || !parts[1].starts_with("r=") ||
        !parts.back().starts_with("p="))
        return malformed("expected c=, r= and p=");
    if (!are_extensions(std::span(parts).subspan(2))) return malformed("an attribute is malformed");
    const auto binding = xml::parse_base64(parts[0].substr(2));
    const auto proof = xml::parse_base64(parts.back().substr(2));
    if (!binding || !proof) return malformed("c= and p= are base64");
    // All of it is looked at before anything is answered.
    const std::string without_proof = message.substr(0, message.rfind(",p="));
    const std::string auth_message = client_first_bare_ + ',' + server_first_ + ',' + without_proof;
    const bool is_proved = proves(*proof, auth_message);
    const bool is_bound = are_equal(*binding, expected_);
    const bool is_same = are_equal(parts[1].substr(2), nonce_);
    const std::string signature = keyed_digest(setup_.hash, keys_.keys.server_key, auth_message);
    const bool is_somebody = !keys_.generation.empty() && !account_.empty();
    if (!(is_proved && is_bound && is_same && is_somebody)) return wrong();
    return Success{account_, "v=" + xml::to_base64(signature), keys_.generation};
}

bool Scram::proves(const std::string& proof, const std::string& auth_message) const {
    const std::string signature = keyed_digest(setup_.hash, keys_.keys.stored_key, auth_message);
    const bool has_length = proof.size() == signature.size();
    const std::string client_key = exclusive_or(has_length ? proof : signature, signature);
    return are_equal(digest(setup_.hash, client_key), keys_.keys.stored_key) && has_length;
}

std::string downgrade_input(
    std::vector<std::string> mechanisms, const net::ChannelBindings& bindings
) {
    std::ranges::sort(mechanisms);
    std::string text;
    for (const std::string& one : mechanisms) text += (text.empty() ? "" : "\x1E") + one;
    char before = '\x1F';
    for (const auto& [type, data] : bindings) {   // sorted, as a map is
        if (!net::is_offered_binding(type)) continue;
        text += before + type;
        before = '\x1E';
    }
    return text;
}

}   // namespace grid::server::sasl
