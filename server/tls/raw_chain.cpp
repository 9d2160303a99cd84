// server/tls/raw_chain.cpp: see raw_chain.hpp.
#include "server/tls/raw_chain.hpp"

#include <openssl/err.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <cstring>
#include <vector>

#include "server/tls/openssl.hpp"
#include "server/tls/paths/path.hpp"
#include "server/tls/verdict.hpp"
#include "server/tls/verify.hpp"

namespace grid::server::tls {
namespace {

using Bytes = std::span<const unsigned char>;

constexpr std::size_t certificates_unasked =
    3;                                  // a client's, a CA below the trusted one, that one
constexpr std::size_t extras_max = 2;   // beside the path: the anchor, a cross-certificate
constexpr std::size_t values_per_certificate_max = 1'700, values_max = 2'000;
constexpr unsigned char sequence = 0x30, integer = 0x02, bit_string = 0x03, octet_string = 0x04;
constexpr unsigned char constructed = 0x20;
constexpr int nesting_max = 16;

struct Value {
    unsigned char tag = 0;
    Bytes whole, content;
};

/// The first value of `bytes`, which loses it. False: there is none.
bool take(Bytes& bytes, Value& value) {
    if (bytes.size() < 2 || (bytes[0] & 0x1f) == 0x1f) return false;
    std::size_t length = bytes[1], head = 2;
    if (length >= 0x80) {
        const std::size_t count = length & 0x7f;
        if (count == 0 || count > 3 || bytes.size() < 2 + count) return false;
        length = 0;
        for (std::size_t i = 0; i < count; ++i) length = length << 8 | bytes[2 + i];
        head += count;
    }
    if (bytes.size() - head < length) return false;
    value = {bytes[0], bytes.first(head + length), bytes.subspan(head, length)};
    bytes = bytes.subspan(head + length);
    return true;
}

/// ASN.1 values, those inside the octets of extensions too; stops counting at `max`.
class Counter {
public:
    explicit Counter(std::size_t max) : max_(max) {}

    void count(Bytes bytes, int depth = 0, bool is_octets = false) {
        Value value;
        while (values <= max_ && take(bytes, value)) {
            ++values;
            const bool is_inside = (value.tag & constructed) != 0;
            if (depth < nesting_max && (is_inside || value.tag == octet_string))
                count(value.content, depth + 1, is_octets || !is_inside);
        }
        // Octets may be anything. Elsewhere OpenSSL would read on where this cannot (lengths that
        // are open, as BER has them).
        if (values <= max_ && !bytes.empty() && !is_octets) is_der = false;
    }

    std::size_t values = 0;
    bool is_der = true;

private:
    std::size_t max_;
};

struct RawCertificate {
    Bytes whole, issuer, subject, key;
};

/// RFC 5280 §4.1. False: it is none.
bool read_certificate(Bytes der, RawCertificate& out) {
    Value certificate, body, value;
    if (!take(der, certificate) || certificate.tag != sequence) return false;
    Bytes inside = certificate.content;
    if (!take(inside, body) || body.tag != sequence) return false;
    Bytes fields = body.content;
    if (!take(fields, value)) return false;
    if (value.tag == 0xa0 && !take(fields, value)) return false;   // the version; then the serial
    Value issuer, subject, key;
    if (!take(fields, value) || !take(fields, issuer) || !take(fields, value) ||
        !take(fields, subject) || !take(fields, key))
        return false;
    out = {certificate.whole, issuer.whole, subject.whole, key.content};
    return true;
}

std::size_t bits_of(Bytes number) {
    while (!number.empty() && number[0] == 0) number = number.subspan(1);
    if (number.empty()) return 0;
    std::size_t bits = number.size() * 8;
    for (unsigned char top = number[0]; (top & 0x80) == 0;
         top = static_cast<unsigned char>(top << 1))
        --bits;
    return bits;
}

/// Of RSA keys; others are looked at once they are parsed (path.hpp).
std::string why_costly(Bytes key) {
    static constexpr unsigned char rsa[] = {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01};
    Value algorithm, kind, text, numbers, modulus, exponent;
    if (!take(key, algorithm) || !take(key, text) || text.tag != bit_string) return {};
    Bytes inside = algorithm.content;
    if (!take(inside, kind) || kind.content.size() < sizeof rsa ||
        std::memcmp(kind.content.data(), rsa, sizeof rsa) != 0 || text.content.empty())
        return {};
    Bytes packed = text.content.subspan(1);   // after the count of unused bits
    if (!take(packed, numbers) || numbers.tag != sequence) return {};
    Bytes pair = numbers.content;
    if (!take(pair, modulus) || !take(pair, exponent) || modulus.tag != integer) return {};
    return why_costly_rsa(bits_of(modulus.content), bits_of(exponent.content));
}

/// RFC 5246 §7.4.2, RFC 8446 §4.4.2. False: it is malformed.
bool read_chain(Bytes message, int version, std::vector<Bytes>& out) {
    const auto number = [&message](std::size_t size, std::size_t& value) {
        if (message.size() < size) return false;
        value = 0;
        for (std::size_t i = 0; i < size; ++i) value = value << 8 | message[i];
        message = message.subspan(size);
        return true;
    };
    const bool is_new = version >= TLS1_3_VERSION;
    std::size_t size = 0;
    if (is_new && (!number(1, size) || size != 0)) return false;
    if (!number(3, size) || size != message.size()) return false;
    while (!message.empty()) {
        if (!number(3, size) || message.size() < size) return false;
        out.push_back(message.first(size));
        message = message.subspan(size);
        if (!is_new) continue;
        if (!number(2, size) || message.size() < size) return false;
        message = message.subspan(size);
    }
    return true;
}

using NamePtr = std::unique_ptr<X509_NAME, Deleter<X509_NAME_free>>;
NamePtr name_of(Bytes der) {
    const unsigned char* at = der.data();
    return NamePtr(d2i_X509_NAME(nullptr, &at, static_cast<long>(der.size())));
}
bool is_named(const NamePtr& one, const X509_NAME* other) {
    return one && other != nullptr && X509_NAME_cmp(one.get(), other) == 0;
}

OwningStack anchors_named(X509_STORE* anchors, const NamePtr& name) {
    const StoreContext context(X509_STORE_CTX_new());
    if (!name || X509_STORE_CTX_init(context.get(), anchors, nullptr, nullptr) != 1) return {};
    return OwningStack(X509_STORE_CTX_get1_certs(context.get(), name.get()));
}

bool is_signed_by(X509* certificate, const std::vector<X509*>& issuers) {
    return std::ranges::any_of(issuers, [certificate](X509* issuer) {
        EVP_PKEY* key = X509_get0_pubkey(issuer);
        return key != nullptr && X509_verify(certificate, key) == 1;
    });
}

/// The CAs of the chain that lead from the client's certificate to an anchor, by their names.
std::string why_leading_nowhere(const std::vector<RawCertificate>& chain, X509_STORE* anchors) {
    struct Named {
        NamePtr issuer, subject;
    };
    std::vector<Named> names;
    for (const RawCertificate& one : chain)
        names.push_back({name_of(one.issuer), name_of(one.subject)});
    std::vector<std::size_t> path{0};
    OwningStack tops = anchors_named(anchors, names[0].issuer);
    while (!tops || sk_X509_num(tops.get()) == 0) {
        const auto above = std::ranges::find_if(names, [&](const Named& one) {
            const auto at = static_cast<std::size_t>(&one - names.data());
            return std::ranges::find(path, at) == path.end() &&
                   is_named(one.subject, names[path.back()].issuer.get());
        });
        if (above == names.end()) return "it leads to no trusted CA";
        path.push_back(static_cast<std::size_t>(above - names.begin()));
        tops = anchors_named(anchors, names[path.back()].issuer);
    }
    if (chain.size() > path.size() + extras_max)
        return "most of them are not on the way to a trusted CA";
    std::vector<X509*> issuers;
    for (int i = 0; i < sk_X509_num(tops.get()); ++i)
        issuers.push_back(sk_X509_value(tops.get(), i));
    X509Ptr above;
    for (std::size_t i = path.size(); i-- > 1;) {
        const unsigned char* at = chain[path[i]].whole.data();
        X509Ptr one(d2i_X509(nullptr, &at, static_cast<long>(chain[path[i]].whole.size())));
        if (!one || !is_signed_by(one.get(), issuers))
            return "a CA in it is not certified by the next one";
        above = std::move(one);
        issuers = {above.get()};
    }
    return {};
}

}   // namespace

std::string why_not_parsed(Bytes message, int version, X509_STORE* anchors) {
    std::vector<Bytes> ders;
    if (!read_chain(message, version, ders)) return {};
    const std::string count = "the chain of " + std::to_string(ders.size()) + " certificates";
    if (ders.size() > certificates_max)
        return count + " is refused: at most " + std::to_string(certificates_max) + " are taken";
    std::vector<RawCertificate> chain;
    std::size_t values = 0;
    for (const Bytes der : ders) {
        Counter counter(values_per_certificate_max);
        counter.count(der);
        const std::size_t here = counter.values;
        values += here;
        if (here > values_per_certificate_max || values > values_max)
            return count + " is refused: it has more than " +
                   std::to_string(
                       here > values_per_certificate_max ? values_per_certificate_max : values_max
                   ) +
                   " values (names, extensions)";
        RawCertificate one;
        if (!counter.is_der || !read_certificate(der, one))
            return "certificate " + std::to_string(chain.size() + 1) + " of the chain is no DER";
        if (auto why = why_costly(one.key); !why.empty())
            return "certificate " + std::to_string(chain.size() + 1) +
                   " of the chain is refused: " + why;
        chain.push_back(one);
    }
    if (chain.size() <= certificates_unasked) return {};
    auto why = why_leading_nowhere(chain, anchors);
    ERR_clear_error();
    return why.empty() ? why : count + " is refused: " + why;
}

void on_message(
    int is_write,
    int version,
    int type,
    const void* bytes,
    std::size_t size,
    SSL* ssl,
    [[maybe_unused]] void* unused
) {
    constexpr std::size_t head = 4;   // kind and length
    const auto* message = static_cast<const unsigned char*>(bytes);
    if (is_write != 0 || type != SSL3_RT_HANDSHAKE || size <= head ||
        message[0] != SSL3_MT_CERTIFICATE)
        return;
    X509_STORE* anchors = SSL_CTX_get_cert_store(SSL_get_SSL_CTX(ssl));
    auto why = why_not_parsed({message + head, size - head}, version, anchors);
    if (why.empty()) return;
    // OpenSSL has no way to say no here. The buffer is its own, and no length in it holds any more.
    std::memset(const_cast<unsigned char*>(message) + head, 0xff, size - head);
    remember_refusal(ssl, std::move(why));
}

}   // namespace grid::server::tls
