// xml/jid.hpp: an XMPP address (RFC 7622), prepared once and stored canonical.
#pragma once

#include <compare>
#include <functional>
#include <string>
#include <string_view>

#include "xml/result.hpp"

namespace grid::xml {

/// `[local@]domain[/resource]`. A default-constructed Jid is empty and never equals a parsed one.
/// Equality and hashing are bytewise on the canonical form.
class Jid {
public:
    Jid() = default;
    /// RFC 7622: domain lower-cased and checked, a trailing dot dropped; local part by PRECIS
    /// UsernameCaseMapped, minus `" & ' / : < > @`; resource by OpaqueString; 1..1023 octets each.
    /// Underscores in a domain are refused unless `lenient_domain` (for the controller's alias).
    static Result<Jid> parse(std::string_view text, bool lenient_domain = false);
    /// From parts; empty local or resource means none.
    static Result<Jid> make(
        std::string_view local, std::string_view domain, std::string_view resource = {}
    );
    /// From text that this class wrote earlier (a stored key): no preparation, no checks.
    static Jid from_canonical(std::string text);

    bool empty() const { return text_.empty(); }
    bool is_bare() const { return resource_at_ == text_.size(); }
    std::string_view local() const;
    std::string_view domain() const;
    std::string_view resource() const;
    std::string_view bare_view() const { return std::string_view(text_).substr(0, resource_at_); }
    Jid bare() const;
    /// This bare JID with a resource, which must be prepared already.
    Jid with_prepared_resource(std::string_view resource) const;
    const std::string& str() const { return text_; }

    friend bool operator==(const Jid& a, const Jid& b) { return a.text_ == b.text_; }
    friend auto operator<=>(const Jid& a, const Jid& b) { return a.text_ <=> b.text_; }

private:
    std::string text_;
    std::size_t domain_at_ = 0;     // 0 when there is no local part
    std::size_t resource_at_ = 0;   // index of '/', or size()
};

/// PRECIS OpaqueString / UsernameCaseMapped on a single part, for resources and usernames.
Result<std::string> prepare_resource(std::string_view text);
Result<std::string> prepare_local(std::string_view text);

enum class JidErrc { BadLocal = 1, BadDomain, BadResource, TooLong, Empty };
boost::system::error_code make_error_code(JidErrc e);

}   // namespace grid::xml

template <>
struct boost::system::is_error_code_enum<grid::xml::JidErrc> : std::true_type {};

template <>
struct std::hash<grid::xml::Jid> {
    std::size_t operator()(const grid::xml::Jid& jid) const noexcept {
        return std::hash<std::string>{}(jid.str());
    }
};
