// server/tls/paths/known_paths.cpp: see known_paths.hpp. The paths hang on the anchors (X509_STORE)
// and are freed with them: a reload begins anew.
#include "server/tls/paths/known_paths.hpp"

#include <openssl/err.h>
#include <openssl/x509_vfy.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <ctime>
#include <limits>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

#include "server/tls/certificate_text.hpp"

namespace grid::server::tls {
namespace {

/// A later chain takes the place of an earlier one whose hash begins with the same bits.
constexpr std::size_t slots = 16'384;
/// Few CAs issue the certificates of many clients.
constexpr std::size_t ways_max = 256;

using Digest = std::array<unsigned char, 32>;
using Seconds = std::int64_t;

Seconds to_seconds(const ASN1_TIME* time) { return to_millis(time) / 1000; }

/// The time around `now` within which no certificate becomes valid or expires.
class Span {
public:
    explicit Span(Seconds now) : now_(now) {}
    void add(Seconds change) {
        if (change <= now_)
            from_ = std::max(from_, change);
        else
            until_ = std::min(until_, change);
    }
    void add(const X509* certificate) {
        add(to_seconds(X509_get0_notBefore(certificate)));
        add(to_seconds(X509_get0_notAfter(certificate)));
    }
    Seconds from() const { return from_; }
    Seconds until() const { return until_; }

private:
    Seconds now_, from_ = std::numeric_limits<Seconds>::min(),
                  until_ = std::numeric_limits<Seconds>::max();
};

bool add_certificate(EVP_MD_CTX* hash, X509* certificate) {
    unsigned char* der = nullptr;
    const int size = i2d_X509(certificate, &der);
    const bool is_added =
        size > 0 && EVP_DigestUpdate(hash, der, static_cast<std::size_t>(size)) == 1;
    OPENSSL_free(der);
    return is_added;
}

std::optional<Digest> digest_of_chain(X509* leaf, STACK_OF(X509) * sent) {
    // By EVP_sha256() OpenSSL would look the algorithm up each time.
    static const EVP_MD* const algorithm = EVP_MD_fetch(nullptr, "SHA256", nullptr);
    const std::unique_ptr<EVP_MD_CTX, Deleter<EVP_MD_CTX_free>> hash(EVP_MD_CTX_new());
    if (!hash || EVP_DigestInit_ex(hash.get(), algorithm, nullptr) != 1) return std::nullopt;
    if (!add_certificate(hash.get(), leaf)) return std::nullopt;
    for (int i = 0; sent != nullptr && i < sk_X509_num(sent); ++i)
        if (!add_certificate(hash.get(), sk_X509_value(sent, i))) return std::nullopt;
    Digest digest{};
    if (EVP_DigestFinal_ex(hash.get(), digest.data(), nullptr) != 1) return std::nullopt;
    return digest;
}

class KnownPaths {
public:
    explicit KnownPaths(X509_STORE* anchors) {
        const OwningStack all(X509_STORE_get1_all_certs(anchors));
        for (int i = 0; all && i < sk_X509_num(all.get()); ++i) {
            const X509* anchor = sk_X509_value(all.get(), i);
            changes_.push_back(to_seconds(X509_get0_notBefore(anchor)));
            changes_.push_back(to_seconds(X509_get0_notAfter(anchor)));
        }
    }

    std::optional<Found> find(const Digest& digest, X509* leaf, Seconds now) const {
        const std::lock_guard lock(mutex_);
        if (kept_.empty()) return std::nullopt;
        const Kept& kept = kept_.at(slot_of(digest));
        if (!kept.holds || kept.digest != digest || now < kept.from || now >= kept.until)
            return std::nullopt;
        const Way& way = ways_.at(kept.way);
        Found found;
        found.others = way.others;
        found.path.push_back(share(leaf));
        for (const X509Ptr& one : way.above) found.path.push_back(share(one.get()));
        return found;
    }

    void keep(const Digest& digest, const Found& found, STACK_OF(X509) * sent, Seconds now) {
        Span span(now);
        for (const Seconds change : changes_) span.add(change);
        for (int i = 0; sent != nullptr && i < sk_X509_num(sent); ++i)
            span.add(sk_X509_value(sent, i));
        for (const X509Ptr& one : found.path) span.add(one.get());
        const std::lock_guard lock(mutex_);
        const auto way = way_of(found);
        if (!way) return;
        if (kept_.empty()) kept_.resize(slots);   // 0.9 MiB, which not every listener needs
        kept_.at(slot_of(digest)) = {digest, span.from(), span.until(), *way, true};
    }

private:
    /// From a client's certificate up.
    struct Way {
        std::vector<X509Ptr> above;
        std::vector<std::string> others;
    };
    struct Kept {
        Digest digest{};
        Seconds from = 0, until = 0;
        std::uint16_t way = 0;
        bool holds = false;
    };

    static std::size_t slot_of(const Digest& digest) {
        std::uint64_t bits = 0;
        std::memcpy(&bits, digest.data(), sizeof bits);
        return bits % slots;
    }

    std::optional<std::uint16_t> way_of(const Found& found) {
        const auto is_same = [&](const Way& way) {
            return way.others == found.others &&
                   std::equal(
                       way.above.begin(), way.above.end(), found.path.begin() + 1, found.path.end(),
                       [](const X509Ptr& one, const X509Ptr& other) {
                           return X509_cmp(one.get(), other.get()) == 0;
                       }
                   );
        };
        const auto known = std::ranges::find_if(ways_, is_same);
        if (known != ways_.end()) return static_cast<std::uint16_t>(known - ways_.begin());
        if (ways_.size() >= ways_max) return std::nullopt;
        Way way;
        way.others = found.others;
        for (std::size_t i = 1; i < found.path.size(); ++i)
            way.above.push_back(share(found.path[i].get()));
        ways_.push_back(std::move(way));
        return static_cast<std::uint16_t>(ways_.size() - 1);
    }

    mutable std::mutex mutex_;
    std::vector<Kept> kept_;
    std::vector<Way> ways_;
    std::vector<Seconds> changes_;   // of the anchors
};

void free_known(void*, void* known, CRYPTO_EX_DATA*, int, long, void*) {
    delete static_cast<KnownPaths*>(known);
}

int known_paths_index() {
    static const int index = CRYPTO_get_ex_new_index(
        CRYPTO_EX_INDEX_X509_STORE, 0, nullptr, nullptr, nullptr, free_known
    );
    return index;
}

}   // namespace

void keep_paths(X509_STORE* anchors) {
    if (X509_STORE_get_ex_data(anchors, known_paths_index()) != nullptr) return;
    auto known = std::make_unique<KnownPaths>(anchors);
    if (X509_STORE_set_ex_data(anchors, known_paths_index(), known.get()) == 1)
        (void)known.release();
}

Found find_known_paths(X509* leaf, STACK_OF(X509) * sent, X509_STORE* anchors, std::time_t now) {
    auto* known = static_cast<KnownPaths*>(X509_STORE_get_ex_data(anchors, known_paths_index()));
    const auto digest = known != nullptr ? digest_of_chain(leaf, sent) : std::nullopt;
    if (!digest) return find_paths(leaf, sent, anchors);
    if (auto found = known->find(*digest, leaf, now)) return std::move(*found);
    Found found = find_paths(leaf, sent, anchors);
    // OpenSSL looks at the clock by itself, and a certificate may have expired meanwhile.
    if (found.verdict.error == X509_V_OK && std::time(nullptr) == now)
        known->keep(*digest, found, sent, now);
    return found;
}

}   // namespace grid::server::tls
