// server/tls/revocation/crl_set.hpp: what all CRLs together say, as a value that is only looked at.
#pragma once

#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "server/tls/revocation/crl_file.hpp"
#include "storage/batch.hpp"

namespace grid::server::tls {

/// The list of one CA, its signature verified. Immutable.
struct Crl {
    std::string issuer_key;                             // SHA-256 of the key that signed it, hex
    std::string issuer_name;                            // for people
    storage::Millis this_update = 0, next_update = 0;   // next: 0 when it does not say
    std::vector<std::string> serials;                   // revoked, hex, sorted

    bool revokes(std::string_view serial) const;
};

/// A CA whose lists can be verified.
struct KnownCa {
    X509Ptr certificate;
    std::string key;
};

/// Checks one list against the CAs that are known. The text is why it cannot be used; `is_orphan`:
/// no known CA signed it, so that a CA that is seen later may.
struct CrlRead {
    std::shared_ptr<const Crl> crl;
    std::string complaint;
    bool is_orphan = false;
};
CrlRead verify_crl(X509_CRL* list, std::span<const KnownCa> authorities);

class CrlSet {
public:
    /// Of several lists of one CA the newest counts.
    void add(std::shared_ptr<const Crl> crl);
    const Crl* of(std::string_view issuer_key) const;
    std::size_t size() const { return by_key_.size(); }
    const auto& all() const { return by_key_; }

    enum class Standing { Good, Revoked, Unknown };
    struct Finding {
        Standing standing = Standing::Good;
        std::size_t depth = 0;      // of the certificate that it is about
        const Crl* crl = nullptr;   // that decided; null: there is none of that CA
    };
    /// Of a path (controller::Identity::path). Revoked anywhere wins; Unknown: a CA of the path has
    /// no list here, or one past its nextUpdate.
    Finding check(std::span<const std::string> path, storage::Millis now) const;
    /// Keeps the newer list of a CA where `before` has it: what was revoked is not taken back by a
    /// file of yesterday. The CAs of which that is so, by the names of their lists.
    std::vector<std::string> keep_newer(const CrlSet& before);
    /// What this set revokes and `before` did not, as entries of paths.
    std::vector<std::string> newly_revoked(const CrlSet& before) const;

private:
    std::map<std::string, std::shared_ptr<const Crl>, std::less<>> by_key_;
};

}   // namespace grid::server::tls
