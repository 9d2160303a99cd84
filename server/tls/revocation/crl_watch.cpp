// server/tls/revocation/crl_watch.cpp: see crl_watch.hpp.
#include "server/tls/revocation/crl_watch.hpp"

#include <algorithm>
#include <chrono>
#include <stdexcept>

#include "server/clock.hpp"
#include "server/guarded_run.hpp"
#include "server/tls/certificate_text.hpp"
#include "server/tls/pem_file.hpp"
#include "xml/datetime.hpp"

namespace grid::server::tls {

namespace asio = boost::asio;

namespace {
constexpr auto crl_look_every = std::chrono::seconds(2);
/// CAs between the anchors and the clients; more means that a CA issues CAs to fill our memory.
constexpr std::size_t learned_max = 256;

std::filesystem::path folder_in(const std::filesystem::path& data, const char* name) {
    return data.empty() ? data : data / name;
}

/// Why nothing can be read of it; empty: it can.
std::string why_unreadable(const std::string& source) {
    std::error_code failed;
    if (std::filesystem::is_directory(source, failed)) {
        (void)std::filesystem::directory_iterator(source, failed);
        return failed ? source + ": " + failed.message() : std::string();
    }
    if (!std::filesystem::exists(source, failed)) return source + ": is not there";
    auto lists = read_crls(source);
    return lists ? std::string() : lists.error();
}
}   // namespace

CrlSources client_crls(const Config::Tls& settings, const std::filesystem::path& data) {
    return {"tls.crl", settings.crl, settings.client_ca, folder_in(data, "crl")};
}

CrlSources member_crls(const Config::Cluster& settings, const std::filesystem::path& data) {
    return {"cluster.crl", settings.crl, settings.ca, folder_in(data, "members-crl")};
}

std::string unreadable_crl_source(const CrlSources& sources) {
    const CrlStore store(sources.folder);
    for (const std::string& source : sources.paths) {
        if (store.is_known(source)) continue;
        if (auto why = why_unreadable(source); !why.empty())
            return sources.option + ": " + why +
                   ". Nothing is known of what it revokes; mend it, or take it out of " +
                   sources.option;
    }
    return {};
}

CrlWatch::CrlWatch(const CrlSources& sources, Log& log)
    : option_(sources.option), paths_(sources.paths), log_(log), store_(sources.folder) {
    if (!is_on()) return;
    if (auto why = unreadable_crl_source(sources); !why.empty()) throw std::runtime_error(why);
    if (auto anchors = read_certificates(sources.authorities))
        for (X509Ptr& anchor : *anchors) {
            std::string key = key_hash_of(anchor.get());
            learned_.insert(key);
            authorities_.push_back({std::move(anchor), std::move(key)});
        }
    anchors_ = authorities_.size();
    read_kept_authorities();
    namesakes_ = find_namesakes(authorities_);
    read_kept();
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

void CrlWatch::reload() {
    if (!is_on()) return;
    asio::post(thread_, [this] {
        guarded(log_, option_, [this] {
            for (auto& [path, file] : files_) file.stamp = {};
            has_looked_ = false;   // an empty folder looks as if nothing was found yet
            look();
        });
    });
}

void CrlWatch::wait() {
    timer_.expires_after(crl_look_every);
    timer_.async_wait([this](boost::system::error_code error) {
        if (error) return;
        guarded(log_, option_, [this] { look(); });
        wait();
    });
}

std::shared_ptr<const CrlSet> CrlWatch::current() const {
    const std::lock_guard lock(mutex_);
    return current_;
}

std::vector<std::string> CrlWatch::problems() const {
    const std::lock_guard lock(mutex_);
    std::vector<std::string> all;
    for (const auto& [about, what] : complaints_) all.push_back(option_ + ": " + what);
    return all;
}

void CrlWatch::read_kept() {
    std::vector<std::string> problems;
    kept_ = store_.read(problems);
    for (const std::string& problem : problems)
        complain("kept " + problem, "", "a list that was kept cannot be read: " + problem);
}

/// A CA counts again where one that is known certified it: not where the anchor above it has left
/// tls.client_ca.
void CrlWatch::read_kept_authorities() {
    std::vector<std::string> problems;
    auto kept = store_.read_authorities(problems);
    for (const std::string& problem : problems)
        complain("kept " + problem, "", "a CA that was kept cannot be read: " + problem);
    bool has_grown = true;
    while (std::exchange(has_grown, false))
        for (KnownCa& one : kept) {
            if (!one.certificate || learned_.contains(one.key)) continue;
            if (learned_.size() >= learned_max || !is_certified(one, authorities_)) continue;
            learned_.insert(one.key);
            authorities_.push_back(std::move(one));
            has_grown = true;
        }
}

/// Keeps the CAs that signed a list that counts, and those above them.
void CrlWatch::keep_authorities(const CrlSet& set) {
    std::set<std::string> wanted;
    for (const auto& list : set.all()) wanted.insert(list->issuer_key);
    const std::span<const KnownCa> learned = std::span(authorities_).subspan(anchors_);
    std::set<const KnownCa*> kept;
    bool has_grown = true;
    while (std::exchange(has_grown, false))
        for (const KnownCa& one : learned) {
            if (kept.contains(&one)) continue;
            const bool is_above = std::ranges::any_of(kept, [&](const KnownCa* below) {
                return is_certified(*below, std::span(&one, 1));
            });
            if (!is_above && !wanted.contains(one.key)) continue;
            kept.insert(&one);
            note_kept(store_.keep_authority(one));
            has_grown = true;
        }
}

void CrlWatch::look() {
    FilesFound found = find_files(paths_);
    const bool is_first = !std::exchange(has_looked_, true);
    if (is_first || found != found_) {
        found_ = std::move(found);
        const bool has_changed = read_changed();
        note_sources();
        if (has_changed || is_first) rebuild();
    }
    note_stale();
}

/// A source that is away or empty says nothing new, and takes nothing back.
void CrlWatch::note_sources() {
    for (const std::string& source : paths_) {
        const bool is_missing = std::ranges::find(found_.missing, source) != found_.missing.end();
        const auto is_of = [&source](const std::string& file) {
            return file == source ||
                   file.starts_with(source.ends_with('/') ? source : source + "/");
        };
        const bool has_files = std::ranges::any_of(found_.files, [&](const FileStamp& stamp) {
            return is_of(stamp.path);
        });
        if (is_missing)
            complain(source, source, source + " is not there, or cannot be read");
        else if (!has_files)
            complain(source, source, source + " is a directory without any list in it");
        else if (!files_.contains(source))   // a directory; a file speaks for itself
            withdraw(source);
        const bool was_read = std::ranges::any_of(files_, [&](const auto& file) {
            return is_of(file.first) && !file.second.lists.empty();
        });
        if (!was_read) continue;
        if (auto done = store_.know(source); !done)
            complain("sources", "", "cannot be kept in the data directory: " + done.error());
    }
}

bool CrlWatch::read_changed() {
    std::erase_if(files_, [this](const auto& file) {
        return std::ranges::none_of(found_.files, [&](const FileStamp& stamp) {
            return stamp.path == file.first;
        });
    });
    bool has_changed = false;
    for (const FileStamp& stamp : found_.files) {
        File& file = files_[stamp.path];
        if (file.stamp == stamp) continue;
        file.stamp = stamp;
        auto lists = read_crls(stamp.path);
        if (!lists) {
            complain(stamp.path, stamp.path, lists.error());
            continue;
        }
        withdraw(stamp.path);
        file.lists = std::move(*lists);
        has_changed = true;
    }
    return has_changed;
}

CrlRead CrlWatch::read_list(X509_CRL* list) const { return read_crl(list, authorities_, now()); }

void CrlWatch::add_list(CrlSet& next, X509_CRL* list, const std::string& file) {
    CrlRead read = read_list(list);
    const std::string about = file + " " + to_text(X509_CRL_get_issuer(list));
    if (read.complaint.empty())
        withdraw(about);
    else
        complain(about, file, file + ": " + read.complaint);
    if (read.is_orphan) note_kept(store_.keep_orphan(list));
    if (!read.crl) return;
    const std::string older = about + " (older)";
    if (next.add(read.crl))
        withdraw(older);
    else
        complain(older, file, file + ": " + why_older(next, *read.crl));
    if (next.has(*read.crl)) note_kept(store_.keep(*read.crl, list));
    store_.drop_orphan(list);
}

std::string CrlWatch::why_older(const CrlSet& next, const Crl& crl) const {
    return crl.issuer_name +
           (next.has(crl) ? ": its number and its time do not say whether it is newer than another "
                            "list: what any of them revokes is revoked"
                          : ": an older list than the one in force: that one stays");
}

void CrlWatch::note_kept(const Result<void, std::string>& done) {
    if (!done)
        complain("keep", "", "a list cannot be kept in the data directory: " + done.error());
    else
        withdraw("keep");
}

void CrlWatch::rebuild() {
    auto next = std::make_shared<CrlSet>();
    next->join(namesakes_);
    next->add_all(*current());
    std::erase_if(kept_, [&](const CrlPtr& list) {
        const CrlRead read = read_list(list.get());
        if (!read.crl) return !read.is_orphan;
        next->add(read.crl);
        if (!next->has(*read.crl))
            store_.drop(*read.crl);
        else
            note_kept(store_.keep(*read.crl, list.get()));
        store_.drop_orphan(list.get());
        return !read.crl->is_indirect;   // another CA that it names may come to be known
    });
    for (const auto& [path, file] : files_)
        for (const CrlPtr& list : file.lists) add_list(*next, list.get(), path);
    next->drop_replaced(now());
    for (const auto& before : current()->all())
        if (!next->has_list(before->digest)) store_.drop(*before);
    keep_authorities(*next);
    tell_loaded(*next);
    std::vector<std::string> revoked = next->newly_revoked(*current());
    {
        const std::lock_guard lock(mutex_);
        current_ = std::move(next);
    }
    if (on_revoked_ && !revoked.empty()) on_revoked_(std::move(revoked));
}

void CrlWatch::tell_loaded(const CrlSet& next) const {
    const auto before = current();
    for (const auto& crl : next.all()) {
        if (before->has_list(crl->digest)) continue;
        log_.info(
            "crl_loaded",
            {{"issuer", crl->issuer_name},
             {"number", crl->number},
             {"revoked", std::to_string(crl->serials.size() + crl->others.size())},
             {"covers", crl->gap.empty() ? "all" : crl->gap},
             {"this_update", xml::to_datetime(crl->this_update)},
             {"next_update", crl->next_update ? xml::to_datetime(crl->next_update) : "never"}}
        );
    }
}

/// Once each, not every two seconds.
void CrlWatch::complain(
    const std::string& about, const std::string& file, const std::string& what
) {
    {
        const std::lock_guard lock(mutex_);
        auto& said = complaints_[about];
        if (said == what) return;
        said = what;
    }
    log_.error("crl_unusable", {{"file", file}, {"reason", what}});
}

void CrlWatch::withdraw(const std::string& about) {
    const std::lock_guard lock(mutex_);
    complaints_.erase(about);
}

void CrlWatch::note_stale() {
    const auto time = now();
    const auto set = current();
    for (const auto& crl : set->all()) {
        const std::string about = crl->issuer_key + crl->scope + " (stale)";
        if (crl->next_update != 0 && crl->next_update < time)
            complain(
                about, "",
                crl->issuer_name + ": the nextUpdate of its list was " +
                    xml::to_datetime(crl->next_update) +
                    ": what was revoked since then is not known here"
            );
        else
            withdraw(about);
    }
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
        guarded(log_, option_, [&] { learn_now(*shared); });
        done(true);
    });
}

void CrlWatch::learn_now(std::vector<KnownCa>& fresh) {
    std::vector<std::string> keys;
    for (KnownCa& authority : fresh) {
        const auto known = std::ranges::find(authorities_, authority.key, &KnownCa::key);
        if (known != authorities_.end()) continue;   // another login brought it meanwhile
        keys.push_back(authority.key);
        authorities_.push_back(std::move(authority));
    }
    if (keys.empty()) return;
    namesakes_ = find_namesakes(authorities_);
    rebuild();
    const std::lock_guard lock(mutex_);   // only now, so that no login looks too early
    learned_.insert(keys.begin(), keys.end());
}

}   // namespace grid::server::tls
