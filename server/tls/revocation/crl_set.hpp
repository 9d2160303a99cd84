// server/tls/revocation/crl_set.hpp: the revocations of all CRLs together, as an immutable value.
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

/// The list of one CA, its signature verified. Immutable. A list that does not cover all of the
/// CA's certificates is believed in what it revokes (RFC 5280 §5.2.5: a listed certificate is
/// revoked), but does not make any other good.
struct Crl {
    std::string issuer_key;                             // SHA-256 of the key that signed it, hex
    std::string issuer_name;                            // for people
    storage::Millis this_update = 0, next_update = 0;   // next: 0 when it does not say
    std::string number;                                 // RFC 5280 §5.2.3, hex; empty: it has none
    std::string digest;                                 // SHA-256 of the list as it was signed, hex
    /// The list's coverage, as a word that differs where that differs; empty: all of the CA. Lists
    /// of different scopes stand beside each other.
    std::string scope;
    bool covers_clients = true, covers_authorities = true;
    bool is_indirect = false;           // names CAs of other certificates
    std::string gap;                    // why it does not cover all, for people
    std::vector<std::string> serials;   // revoked, hex, sorted
    /// Of an indirect list: certificates of other CAs, as entries of paths, sorted.
    std::vector<std::string> others;

    bool revokes(std::string_view serial) const;
    bool covers(std::size_t depth) const {
        return depth == 0 ? covers_clients : covers_authorities;
    }
    /// Of two lists of one scope. Unclear: the number says otherwise than the time (a CA that
    /// counts anew, or a clock that was set), or neither says anything.
    enum class Order { Older, Newer, Unclear };
    Order order_to(const Crl& other) const;
    bool operator==(const Crl&) const = default;
};

/// A CA whose lists can be verified.
struct KnownCa {
    X509Ptr certificate;
    std::string key;
};

/// Whether one of the CAs signed the certificate of this one.
bool is_certified(const KnownCa& one, std::span<const KnownCa> authorities);

/// Checks one list against the CAs that are known. Without `crl` the complaint is why it cannot be
/// used, with it what it lacks; `is_orphan`: no known CA signed it, so that a CA that is seen later
/// may.
struct CrlRead {
    std::shared_ptr<const Crl> crl;
    std::string complaint;
    bool is_orphan = false;
};
CrlRead verify_crl(X509_CRL* list, std::span<const KnownCa> authorities);

/// A list that is not in force yet takes no other's place: it stands beside them, and revokes.
std::shared_ptr<const Crl> not_yet(const Crl& crl);

/// The same, and whether the list is in force at that time.
CrlRead read_crl(X509_CRL* list, std::span<const KnownCa> authorities, storage::Millis now);

/// Keys of one CA, in pairs: a CA that took a new key signs one list for the certificates of both
/// (RFC 5280 §6.3.3 goes by the name). One name proves nothing: either certifies the other, or one
/// CA certified both.
using Namesakes = std::map<std::string, std::vector<std::string>, std::less<>>;
Namesakes find_namesakes(std::span<const KnownCa> authorities);

class CrlSet {
public:
    using List = std::shared_ptr<const Crl>;

    /// Of several lists of one scope the newest counts. Where that is unclear each of them revokes,
    /// in whatever order they come. False: another one covers the CA.
    bool add(List crl);
    /// Lists of these keys are about the certificates of their namesakes, too.
    void join(Namesakes namesakes) { namesakes_ = std::move(namesakes); }
    /// Known lists stay known: one counts until a newer one of its scope comes, whatever
    /// becomes of the file.
    void add_all(const CrlSet& before);
    /// A list of a part goes when it is out of date and a younger list covers the whole CA; a delta
    /// with any younger one.
    void drop_replaced(storage::Millis now);
    /// The list of that scope; null: there is none.
    const Crl* of(std::string_view issuer_key, std::string_view scope = {}) const;
    bool has_list(std::string_view digest) const;
    bool has(const Crl& crl) const { return has_list(crl.digest); }
    std::size_t size() const { return all().size(); }
    std::vector<List> all() const;

    enum class Standing { Good, Revoked, Unknown };
    struct Finding {
        Standing standing = Standing::Good;
        std::size_t depth = 0;      // of the certificate that it is about
        const Crl* crl = nullptr;   // that decided; null: there is none of that CA
    };
    /// Of a path (controller::Identity::path). Revoked anywhere wins; Unknown: a CA of the path has
    /// no list here that covers it, or one past its nextUpdate.
    Finding check(std::span<const std::string> path, storage::Millis now) const;
    /// Whether a list says which certificates of that CA are good: of clients (depth 0), or of CAs.
    Finding check_key(std::string_view issuer_key, std::size_t depth, storage::Millis now) const;
    /// The certificates that this set revokes and `before` did not, as entries of paths.
    std::vector<std::string> newly_revoked(const CrlSet& before) const;

private:
    const Crl* revoking(std::string_view link) const;
    void note_indirect();

    const Crl* revoking(std::string_view key, std::string_view serial) const;

    /// Lists of one scope: the one that counts, then those that it does not clearly supersede.
    using Scope = std::vector<List>;
    std::map<std::string, std::map<std::string, Scope, std::less<>>, std::less<>> by_key_;
    std::vector<List> indirect_;   // those that name certificates of other CAs
    Namesakes namesakes_;
};

}   // namespace grid::server::tls
