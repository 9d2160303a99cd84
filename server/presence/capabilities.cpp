// server/presence/capabilities.cpp: see capabilities.hpp.
#include "server/presence/capabilities.hpp"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <map>
#include <vector>

#include "xml/base64.hpp"
#include "xml/form.hpp"
#include "xml/namespaces.hpp"

namespace grid::server::presence {

namespace {

constexpr std::size_t caps_text_max = 1024;
constexpr std::string_view id_start = "caps-";
constexpr std::string_view notify_suffix = "+notify";

/// A text that holds the separator could stand for two others.
bool is_clear(std::string_view text) { return text.find('<') == std::string_view::npos; }

struct Texts {
    std::vector<std::string> lines;
    bool is_clear = true;

    void add(std::string text) {
        is_clear = is_clear && presence::is_clear(text);
        lines.push_back(std::move(text));
    }
    /// In order, each once (§5.4).
    bool append_to(std::string& out) {
        std::ranges::sort(lines);
        if (!is_clear || std::ranges::adjacent_find(lines) != lines.end()) return false;
        for (const std::string& line : lines) out += line + '<';
        return true;
    }
};

std::string identity_of(const xml::Element& element) {
    std::string text(element.attr_or("category", ""));
    for (const char* name : {"type", "xml:lang", "name"})
        text.append("/").append(element.attr_or(name, ""));
    return text;
}

/// Step 6 and 7: fields by name, values in order. nullopt: a form that is passed over (§5.4).
std::optional<std::pair<std::string, std::string>> form_of(const xml::Element& x, bool& is_good) {
    const auto form = xml::Form::parse(x);
    if (!form) {
        is_good = false;
        return std::nullopt;
    }
    const xml::FormField* type = form->field("FORM_TYPE");
    if (type == nullptr || type->type != "hidden" || type->values.size() != 1) return std::nullopt;
    std::map<std::string, std::vector<std::string>> fields;
    for (const xml::FormField& field : form->fields)
        if (field.var != "FORM_TYPE") fields.emplace(field.var, field.values);
    std::string text = type->values.front() + '<';
    for (auto& [var, values] : fields) {
        std::ranges::sort(values);
        text += var + '<';
        for (const std::string& value : values) {
            text += value + '<';
            is_good = is_good && is_clear(value);
        }
        is_good = is_good && is_clear(var);
    }
    return std::pair(type->values.front(), std::move(text));
}

bool append_forms(const xml::Element& query, std::string& out) {
    std::map<std::string, std::string> forms;   // by FORM_TYPE
    bool is_good = true;
    for (const xml::Element* child : query.children()) {
        if (!child->is("x", xml::ns::data)) continue;
        auto form = form_of(*child, is_good);
        if (form && !forms.insert(std::move(*form)).second) return false;
    }
    for (const auto& [type, text] : forms) out += text;
    return is_good;
}

const EVP_MD* digest_of(std::string_view hash) {
    if (hash == "sha-1") return EVP_sha1();
    if (hash == "sha-256") return EVP_sha256();
    if (hash == "sha-512") return EVP_sha512();
    return nullptr;
}

}   // namespace

std::optional<Caps> read_caps(const xml::Element& presence) {
    const xml::Element* c = presence.child("c", xml::ns::caps);
    if (c == nullptr) return std::nullopt;
    Caps caps{
        std::string(c->attr_or("hash", "")), std::string(c->attr_or("node", "")),
        std::string(c->attr_or("ver", ""))
    };
    if (caps.node.empty() || caps.ver.empty() || caps.hash.size() > 64 ||
        caps.node.size() > caps_text_max || caps.ver.size() > caps_text_max)
        return std::nullopt;
    return caps;
}

std::string question_id(std::uint64_t number, std::string_view hash) {
    return std::string(id_start) + std::to_string(number) + '-' + std::string(hash);
}

bool is_question_id(std::string_view id) { return id.starts_with(id_start); }

Capabilities read_answer(const xml::Element& iq) {
    Capabilities found;
    found.id = iq.attr_or("id", "");
    const xml::Element* query = iq.child("query", xml::ns::disco_info);
    if (iq.attr_or("type", "") != "result" || query == nullptr) return found;
    auto wants = std::make_shared<Wants>();
    std::size_t bytes = 0;
    for (const xml::Element* feature : query->children("feature")) {
        std::string_view var = feature->attr_or("var", "");
        if (!var.ends_with(notify_suffix) || var.size() == notify_suffix.size()) continue;
        var.remove_suffix(notify_suffix.size());
        bytes += var.size();
        if (bytes > wants_bytes_max) break;
        wants->emplace(var);
    }
    found.wants = std::move(wants);
    const std::string_view rest = std::string_view(found.id).substr(id_start.size());
    const auto at = rest.find('-');
    if (at != std::string_view::npos) found.ver = verification_of(*query, rest.substr(at + 1));
    return found;
}

std::string verification_of(const xml::Element& query, std::string_view hash) {
    const EVP_MD* md = digest_of(hash);
    if (md == nullptr) return {};
    Texts identities, features;
    for (const xml::Element* child : query.children("identity"))
        identities.add(identity_of(*child));
    for (const xml::Element* child : query.children("feature"))
        features.add(std::string(child->attr_or("var", "")));
    std::string text;
    if (!identities.append_to(text) || !features.append_to(text) || !append_forms(query, text))
        return {};
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned length = 0;
    if (EVP_Digest(text.data(), text.size(), digest.data(), &length, md, nullptr) != 1) return {};
    return xml::to_base64({reinterpret_cast<const char*>(digest.data()), length});
}

}   // namespace grid::server::presence
