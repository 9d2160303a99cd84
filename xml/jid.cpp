// xml/jid.cpp: addresses taken apart, prepared and put together.
#include "xml/jid.hpp"

#include "xml/domain.hpp"
#include "xml/precis.hpp"

namespace grid::xml {
namespace {

constexpr std::size_t part_bytes_max = 1023;   // RFC 7622 §3.1

struct Category final : boost::system::error_category {
    const char* name() const noexcept override { return "jid"; }
    std::string message(int value) const override {
        switch (static_cast<JidErrc>(value)) {
            case JidErrc::BadLocal:
                return "the local part has a character that is not allowed";
            case JidErrc::BadDomain:
                return "the domain is no host name and no IP address";
            case JidErrc::BadResource:
                return "the resource has a character that is not allowed";
            case JidErrc::TooLong:
                return "a part of the address is longer than 1023 octets";
            case JidErrc::Empty:
                return "a part of the address is empty";
        }
        return "malformed address";
    }
};

Result<std::string> checked(std::string_view text, std::optional<std::string> prepared, JidErrc e) {
    if (text.empty()) return make_error_code(JidErrc::Empty);
    if (!prepared) return make_error_code(e);
    if (prepared->size() > part_bytes_max) return make_error_code(JidErrc::TooLong);
    return *std::move(prepared);
}

Result<std::string> prepare_domain_part(std::string_view text, bool lenient) {
    if (text.size() > part_bytes_max) return make_error_code(JidErrc::TooLong);
    return checked(text, prepare_domain(text, lenient), JidErrc::BadDomain);
}

/// Null where a part is absent; absent and empty differ.
Result<std::string> join(
    const std::string_view* local,
    std::string_view domain,
    const std::string_view* resource,
    bool lenient
) {
    std::string text;
    text.reserve(
        (local ? local->size() + 1 : 0) + domain.size() + (resource ? resource->size() + 1 : 0)
    );
    if (local) {
        auto prepared = prepare_local(*local);
        if (!prepared) return prepared.error();
        (text += *prepared) += '@';
    }
    auto prepared = prepare_domain_part(domain, lenient);
    if (!prepared) return prepared.error();
    text += *prepared;
    if (resource) {
        auto last = prepare_resource(*resource);
        if (!last) return last.error();
        (text += '/') += *last;
    }
    return text;
}

}   // namespace

boost::system::error_code make_error_code(JidErrc e) {
    static const Category category;
    return {static_cast<int>(e), category};
}

Result<std::string> prepare_local(std::string_view text) {
    if (text.size() > part_bytes_max) return make_error_code(JidErrc::TooLong);
    return checked(text, username_case_mapped(text), JidErrc::BadLocal);
}

Result<std::string> prepare_resource(std::string_view text) {
    if (text.size() > part_bytes_max) return make_error_code(JidErrc::TooLong);
    auto prepared = checked(text, opaque_string(text), JidErrc::BadResource);
    // RFC 7622 §3.5, example 18, though OpaqueString itself lets it pass.
    if (prepared && prepared->starts_with(' ')) return make_error_code(JidErrc::BadResource);
    return prepared;
}

Result<Jid> Jid::parse(std::string_view text, bool lenient_domain) {
    // RFC 7622 §3.2: the resource is cut off first, at the first slash, then the local part.
    std::string_view local, resource;
    const std::string_view *has_local = nullptr, *has_resource = nullptr;
    if (std::size_t slash = text.find('/'); slash != std::string_view::npos) {
        resource = text.substr(slash + 1);
        has_resource = &resource;
        text = text.substr(0, slash);
    }
    if (std::size_t at = text.find('@'); at != std::string_view::npos) {
        local = text.substr(0, at);
        has_local = &local;
        text = text.substr(at + 1);
    }
    auto joined = join(has_local, text, has_resource, lenient_domain);
    if (!joined) return joined.error();
    return from_canonical(*std::move(joined));
}

Result<Jid> Jid::make(std::string_view local, std::string_view domain, std::string_view resource) {
    auto joined = join(
        local.empty() ? nullptr : &local, domain, resource.empty() ? nullptr : &resource, false
    );
    if (!joined) return joined.error();
    return from_canonical(*std::move(joined));
}

Jid Jid::from_canonical(std::string text) {
    Jid jid;
    jid.text_ = std::move(text);
    jid.resource_at_ = std::min(jid.text_.find('/'), jid.text_.size());
    std::size_t at = jid.bare_view().find('@');
    jid.domain_at_ = at == std::string_view::npos ? 0 : at + 1;
    return jid;
}

std::string_view Jid::local() const {
    return domain_at_ == 0 ? std::string_view{} : std::string_view(text_).substr(0, domain_at_ - 1);
}

std::string_view Jid::domain() const { return bare_view().substr(domain_at_); }

std::string_view Jid::resource() const {
    return is_bare() ? std::string_view{} : std::string_view(text_).substr(resource_at_ + 1);
}

Jid Jid::bare() const {
    Jid jid;
    jid.text_ = bare_view();
    jid.domain_at_ = domain_at_;
    jid.resource_at_ = resource_at_;
    return jid;
}

Jid Jid::with_prepared_resource(std::string_view resource) const {
    Jid jid = bare();
    (jid.text_ += '/') += resource;
    return jid;
}

}   // namespace grid::xml
