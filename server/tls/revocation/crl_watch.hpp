// server/tls/revocation/crl_watch.hpp: keeps the CRLs of the configured files in force.
#pragma once

#include <boost/asio.hpp>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "server/config/config.hpp"
#include "server/log.hpp"
#include "server/tls/revocation/crl_set.hpp"
#include "server/tls/revocation/crl_store.hpp"

namespace grid::server::tls {

/// Where lists come from, whose they are, and where those that were read are kept.
struct CrlSources {
    std::string option = "tls.crl";   // in messages
    std::vector<std::string> paths;   // files or directories
    std::string authorities;          // PEM: the CAs whose lists count
    std::filesystem::path folder;     // empty: nothing is kept
};
/// Of tls.crl. `data`: the data directory; empty: nothing is kept.
CrlSources client_crls(const Config::Tls& settings, const std::filesystem::path& data);
/// Of cluster.crl, for the certificates of other members.
CrlSources member_crls(const Config::Cluster& settings, const std::filesystem::path& data);

/// A source that would stop a start: it cannot be read, and no list of it was ever read into the
/// data directory. Says which and why; empty: there is none.
std::string unreadable_crl_source(const CrlSources& sources);

/// Looks at the files every two seconds and reads what changed, on a thread of its own: neither a
/// connection nor the core strand ever waits for a disk or a signature. A list that was read once
/// counts until a newer one comes, whatever becomes of its file, over a restart too.
class CrlWatch {
public:
    /// Entries of paths (controller::Identity::path) that are revoked from now on.
    using OnRevoked = std::function<void(std::vector<std::string>)>;

    /// Reads everything once. Without files it does nothing, ever. Throws std::runtime_error where
    /// `unreadable_crl_source` says why.
    CrlWatch(const CrlSources& sources, Log& log);
    ~CrlWatch();

    bool is_on() const { return !paths_.empty(); }
    /// From now on changes are looked for. `on_revoked` runs on the thread of the watch.
    void start(OnRevoked on_revoked);
    void stop();
    /// Looks at the files now, changed or not. Any thread.
    void reload();
    /// Any thread.
    std::shared_ptr<const CrlSet> current() const;
    /// Faults of the sources now, a sentence each. Any thread.
    std::vector<std::string> problems() const;
    /// CAs of a path that was verified: their lists count too. `done` from any thread, at once when
    /// they are known already.
    void learn(std::vector<X509Ptr> authorities, std::function<void(bool)> done);

private:
    struct File {
        FileStamp stamp;
        std::vector<CrlPtr> lists;
    };
    /// Standing complaints by what they are about, each said in the log once.
    using Complaints = std::map<std::string, std::string>;
    void look();
    bool read_changed();
    void note_sources();
    void read_kept();
    void read_kept_authorities();
    void keep_authorities(const CrlSet& set);
    void learn_now(std::vector<KnownCa>& fresh);
    void rebuild();
    void add_list(CrlSet& next, X509_CRL* list, const std::string& file);
    CrlRead read_list(X509_CRL* list) const;
    void note_kept(const Result<void, std::string>& done);
    std::string why_older(const CrlSet& next, const Crl& crl) const;
    void tell_loaded(const CrlSet& next) const;
    void complain(const std::string& about, const std::string& file, const std::string& what);
    void withdraw(const std::string& about);
    void note_stale();
    void wait();

    const std::string option_;
    const std::vector<std::string> paths_;
    Log& log_;
    OnRevoked on_revoked_;
    mutable std::mutex mutex_;   // of the three below; held for a copy or a look-up
    std::shared_ptr<const CrlSet> current_ = std::make_shared<CrlSet>();
    std::set<std::string> learned_;
    Complaints complaints_;

    // Of the thread of the watch.
    CrlStore store_;
    FilesFound found_;
    bool has_looked_ = false;
    std::map<std::string, File> files_;
    std::vector<CrlPtr> kept_;           // of the last run; those that other CAs may make more of
    std::vector<KnownCa> authorities_;   // anchors first, then CAs of paths
    std::size_t anchors_ = 0;
    Namesakes namesakes_;
    boost::asio::thread_pool thread_{1};
    boost::asio::steady_timer timer_{thread_.get_executor()};
};

}   // namespace grid::server::tls
