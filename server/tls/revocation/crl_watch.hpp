// server/tls/revocation/crl_watch.hpp: keeps the CRLs of the configured files in force.
#pragma once

#include <boost/asio.hpp>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "server/config.hpp"
#include "server/log.hpp"
#include "server/tls/revocation/crl_set.hpp"

namespace grid::server::tls {

/// Looks at the files every two seconds and reads what changed, on a thread of its own: neither a
/// connection nor the grid strand ever waits for a disk or a signature. A file that cannot be read
/// any more keeps what it said last; a file that is gone says nothing.
class CrlWatch {
public:
    /// Entries of paths (controller::Identity::path) that are revoked from now on.
    using OnRevoked = std::function<void(std::vector<std::string>)>;

    /// Reads everything once. Without files it does nothing, ever.
    CrlWatch(const Config::Tls& settings, Log& log);
    ~CrlWatch();

    bool is_on() const { return !paths_.empty(); }
    /// From now on changes are looked for. `on_revoked` runs on the thread of the watch.
    void start(OnRevoked on_revoked);
    void stop();
    /// Any thread.
    std::shared_ptr<const CrlSet> current() const;
    /// CAs of a path that was verified: their lists count too. `done` from any thread, at once when
    /// they are known already.
    void learn(std::vector<X509Ptr> authorities, std::function<void(bool)> done);

private:
    struct File {
        FileStamp stamp;
        std::vector<CrlPtr> lists;
    };
    void look();
    bool read_changed();
    void rebuild();
    void complain(const std::string& about, const std::string& what);
    void note_stale();
    void wait();

    const std::vector<std::string> paths_;
    Log& log_;
    OnRevoked on_revoked_;
    mutable std::mutex mutex_;   // of the two below; held for a copy or a look-up
    std::shared_ptr<const CrlSet> current_ = std::make_shared<CrlSet>();
    std::set<std::string> learned_;

    // Of the thread of the watch.
    FilesFound found_;
    std::map<std::string, File> files_;
    std::vector<KnownCa> authorities_;
    std::map<std::string, std::string> complaints_;   // said already, by what they are about
    boost::asio::thread_pool thread_{1};
    boost::asio::steady_timer timer_{thread_.get_executor()};
};

}   // namespace grid::server::tls
