// server/tls/revocation/crl_watch.cpp: see crl_watch.hpp.
#include "server/tls/revocation/crl_watch.hpp"

#include <algorithm>
#include <chrono>

#include "server/stamp.hpp"
#include "server/tls/certificate_text.hpp"
#include "server/tls/pem_file.hpp"
#include "xml/datetime.hpp"

namespace grid::server::tls {

namespace asio = boost::asio;

namespace {
constexpr auto look_every = std::chrono::seconds(2);
/// CAs between the anchors and the clients; more means that somebody issues CAs to fill our memory.
constexpr std::size_t learned_max = 256;
}   // namespace

CrlWatch::CrlWatch(const Config::Tls& settings, Log& log) : paths_(settings.crl), log_(log) {
    if (!is_on()) return;
    if (auto anchors = read_certificates(settings.client_ca))
        for (X509Ptr& anchor : *anchors) {
            std::string key = key_hash_of(anchor.get());
            learned_.insert(key);
            authorities_.push_back({std::move(anchor), std::move(key)});
        }
    look();
}

CrlWatch::~CrlWatch() { stop(); }

void CrlWatch::start(OnRevoked on_revoked) {
    if (!is_on()) return;
    on_revoked_ = std::move(on_revoked);
    asio::post(thread_, [this] { wait(); });
}

void CrlWatch::stop() {
    thread_.stop();
    thread_.join();
}

void CrlWatch::wait() {
    timer_.expires_after(look_every);
    timer_.async_wait([this](boost::system::error_code error) {
        if (error) return;
        look();
        wait();
    });
}

std::shared_ptr<const CrlSet> CrlWatch::current() const {
    const std::lock_guard lock(mutex_);
    return current_;
}

void CrlWatch::look() {
    FilesFound found = find_files(paths_);
    const bool is_first = files_.empty() && found_.files.empty();
    if (is_first || found != found_) {
        for (const std::string& path : found.missing) complain(path, "is not there");
        found_ = std::move(found);
        if (read_changed() || is_first) rebuild();
    }
    note_stale();
}

bool CrlWatch::read_changed() {
    bool has_changed = std::erase_if(files_, [this](const auto& file) {
                           return std::ranges::none_of(found_.files, [&](const FileStamp& stamp) {
                               return stamp.path == file.first;
                           });
                       }) > 0;
    for (const FileStamp& stamp : found_.files) {
        const auto known = files_.find(stamp.path);
        if (known != files_.end() && known->second.stamp == stamp) continue;
        auto lists = read_crls(stamp.path);
        if (!lists) {
            complain(stamp.path, lists.error());
            if (known != files_.end()) known->second.stamp = stamp;
            continue;
        }
        complaints_.erase(stamp.path);
        files_.insert_or_assign(stamp.path, File{stamp, std::move(*lists)});
        has_changed = true;
    }
    return has_changed;
}

void CrlWatch::rebuild() {
    auto next = std::make_shared<CrlSet>();
    for (const auto& [path, file] : files_)
        for (const CrlPtr& list : file.lists) {
            CrlRead read = verify_crl(list.get(), authorities_);
            if (read.crl)
                next->add(std::move(read.crl));
            else
                complain(path + " " + read.complaint, read.complaint);
        }
    const std::vector<std::string> kept = next->keep_newer(*current());
    for (const auto& [key, crl] : next->all())
        if (const std::string about = crl->issuer_name + " (older)";
            std::ranges::find(kept, crl->issuer_name) != kept.end())
            complain(about, "an older list than the one in force: that one stays");
        else
            complaints_.erase(about);
    for (const auto& [key, crl] : next->all())
        log_.info(
            "crl_loaded",
            {{"issuer", crl->issuer_name},
             {"revoked", std::to_string(crl->serials.size())},
             {"this_update", xml::to_datetime(crl->this_update)},
             {"next_update", crl->next_update ? xml::to_datetime(crl->next_update) : "never"}}
        );
    std::vector<std::string> revoked = next->newly_revoked(*current());
    {
        const std::lock_guard lock(mutex_);
        current_ = std::move(next);
    }
    if (on_revoked_ && !revoked.empty()) on_revoked_(std::move(revoked));
}

/// Once each, not every two seconds.
void CrlWatch::complain(const std::string& about, const std::string& what) {
    auto& said = complaints_[about];
    if (said == what) return;
    said = what;
    log_.error("crl_unusable", {{"file", about}, {"reason", what}});
}

void CrlWatch::note_stale() {
    const auto time = now();
    const auto set = current();
    for (const auto& [key, crl] : set->all())
        if (crl->next_update != 0 && crl->next_update < time)
            complain(
                crl->issuer_name, "its nextUpdate was " + xml::to_datetime(crl->next_update) +
                                      ": what was revoked since then is not known here"
            );
        else
            complaints_.erase(crl->issuer_name);
}

void CrlWatch::learn(std::vector<X509Ptr> authorities, std::function<void(bool)> done) {
    std::vector<KnownCa> fresh;
    {
        const std::lock_guard lock(mutex_);
        for (X509Ptr& authority : authorities) {
            std::string key = key_hash_of(authority.get());
            if (learned_.contains(key) || learned_.size() >= learned_max) continue;
            fresh.push_back({std::move(authority), std::move(key)});
        }
    }
    if (fresh.empty() || !is_on()) return done(true);
    auto shared = std::make_shared<std::vector<KnownCa>>(std::move(fresh));
    asio::post(thread_, [this, shared, done = std::move(done)] {
        std::vector<std::string> keys;
        for (KnownCa& authority : *shared) {
            const auto known = std::ranges::find(authorities_, authority.key, &KnownCa::key);
            if (known != authorities_.end()) continue;   // another login brought it meanwhile
            keys.push_back(authority.key);
            authorities_.push_back(std::move(authority));
        }
        if (!keys.empty()) {
            rebuild();
            const std::lock_guard lock(mutex_);   // only now, so that nobody looks too early
            learned_.insert(keys.begin(), keys.end());
        }
        done(true);
    });
}

}   // namespace grid::server::tls
