// server/cluster/files/shared_files_missing.cpp: files that are complete and not here are found,
// and fetched.
#include <algorithm>
#include <utility>

#include "server/cluster/files/shared_files.hpp"

namespace grid::server::cluster {

using bulk::FileForm;
using bulk::KnownFile;
using files::Fetch;

namespace {

/// Files that are fetched at one time because they are missing.
constexpr std::size_t fetched_at_once = 2;
/// A connection that has completed it here gives it its name a moment later.
constexpr auto filled_after = std::chrono::milliseconds(500);

}   // namespace

/// Record by record, some at a time.
void SharedFiles::look_at_all(std::string after) {
    if (after.empty()) ++round_;
    list_(
        std::move(after),
        [self = shared_from_this()](std::vector<KnownFile> some, std::optional<std::string> next) {
            self->run([some = std::move(some), next = std::move(next)](SharedFiles& on) {
                on.look(some, [&on, next] {
                    if (next) return on.look_at_all(*next);
                    on.looked_at_all();
                });
            });
        }
    );
}

/// Records that are gone without a word took their files along.
void SharedFiles::looked_at_all() {
    for (auto at = missing_.begin(); at != missing_.end();) {
        const auto next = std::next(at);
        if (at->second.round != round_) drop_missing(std::string(at->first));
        at = next;
    }
    work();
    look_timer_.expires_after(settings_.look_every);
    look_timer_.async_wait([self = shared_from_this()](boost::system::error_code error) {
        if (!error && !self->is_stopped_) self->look_at_all({});
    });
}

/// A part that a crash has left, and a copy that was brought in advance, become the file if they
/// are the file; the rest goes.
void SharedFiles::look(std::vector<KnownFile> some, std::function<void()> then) {
    struct Looked {
        std::vector<KnownFile> files;
        std::map<std::string, std::string> ready;
        std::vector<Here> here;
    };
    const auto looked = std::make_shared<Looked>();
    for (KnownFile& file : some) {
        // A file that is on its way is looked at when it is there.
        if (fetches_.contains(file.id) || busy_.contains(file.id)) {
            add_missing(file, filled_after);
            continue;
        }
        busy_.insert(file.id);
        if (const auto ready = ready_.find(file.id); ready != ready_.end())
            looked->ready.insert(*ready);
        looked->files.push_back(std::move(file));
    }
    store_->start([self = shared_from_this(), looked, then = std::move(then)] {
        const bulk::FileFolder& folder = self->store_->folder();
        const auto is_it = [&](const KnownFile& file, FileForm form) {
            if (folder.find(file.id, form) != file.size) return false;
            const auto ready = looked->ready.find(file.id);
            if (form == FileForm::Copy && ready != looked->ready.end())
                return ready->second == file.hash;
            const auto hash = folder.hash_of(file.id, form);
            return hash && *hash == file.hash;
        };
        for (const KnownFile& file : looked->files) {
            Here here = folder.find(file.id, FileForm::Whole) ? Here::Whole : Here::No;
            if (self->store_->gate()->is_held(file.id)) {
                if (here == Here::No) here = Here::BeingFilled;
            } else {
                for (const FileForm form : {FileForm::Copy, FileForm::Part}) {
                    if (here == Here::No && is_it(file, form) &&
                        !folder.turn(file.id, form, FileForm::Whole))
                        here = Here::Whole;
                    folder.remove(file.id, form);
                }
            }
            looked->here.push_back(here);
        }
        self->run([looked, then](SharedFiles& on) {
            for (std::size_t i = 0; i < looked->files.size(); ++i)
                on.found(looked->files[i], looked->here[i]);
            if (then) then();
        });
    });
}

void SharedFiles::found(const KnownFile& file, Here here) {
    busy_.erase(file.id);
    ready_.erase(file.id);
    if (here == Here::Whole) return drop_missing(file.id);
    Missing& missing = add_missing(file, {});
    missing.is_looked_for = here == Here::No;
    if (here == Here::BeingFilled) missing.not_before = Clock::now() + filled_after;
}

SharedFiles::Missing& SharedFiles::add_missing(
    const KnownFile& file, std::chrono::milliseconds after
) {
    const auto [at, is_new] =
        missing_.try_emplace(file.id, Missing{file.size, file.hash, Clock::now() + after});
    at->second.round = round_;
    if (is_new) {
        ++missing_count_;
        missing_bytes_ += file.size;
    }
    return at->second;
}

void SharedFiles::drop_missing(const std::string& id) {
    const auto found = missing_.find(id);
    if (found == missing_.end()) return;
    --missing_count_;
    missing_bytes_ -= found->second.size;
    missing_.erase(found);
    std::erase(wanted_, id);
}

void SharedFiles::completed(KnownFile file) {
    run([file = std::move(file)](SharedFiles& on) {
        if (on.store_ == nullptr) return;
        on.look({file}, [&on] { on.work(); });
    });
}

void SharedFiles::removed(std::string id) {
    run([id = std::move(id)](SharedFiles& on) {
        on.drop_missing(id);
        on.ready_.erase(id);
        on.givers_.erase(id);
        const auto fetch = on.fetches_.find(id);
        if (fetch != on.fetches_.end()) FetchPtr(fetch->second)->give_up();
    });
}

/// A file that a client wants, at any rate; else the next one in the order of their ids.
std::optional<SharedFiles::Next> SharedFiles::next_missing() {
    const auto now = Clock::now();
    const auto is_free = [&](const auto& entry) {
        const bool is_of_use = !entry.second.is_looked_for || !peers_.empty();
        return is_of_use && !fetches_.contains(entry.first) && !busy_.contains(entry.first);
    };
    const auto next_of = [](const auto& entry, bool is_paced) {
        const Missing& missing = entry.second;
        return Next{{entry.first, missing.size, missing.hash}, missing.is_looked_for, is_paced};
    };
    while (!wanted_.empty()) {
        const auto found = missing_.find(wanted_.front());
        wanted_.pop_front();
        if (found != missing_.end() && is_free(*found)) return next_of(*found, false);
    }
    next_due_ = now + settings_.again_after;
    for (int turn = 0; turn < 2; ++turn) {   // to the end, then from the beginning
        for (auto at = missing_.upper_bound(cursor_); at != missing_.end(); ++at) {
            if (!is_free(*at)) continue;
            if (at->second.not_before <= now) {
                cursor_ = at->first;
                return next_of(*at, true);
            }
            next_due_ = std::min(next_due_, at->second.not_before);
        }
        cursor_.clear();
    }
    return std::nullopt;
}

void SharedFiles::work() {
    if (store_ == nullptr || missing_.empty()) return;
    const auto now = Clock::now();
    if (no_room_until_ > now) return work_after(no_room_until_ - now);
    while (fetching_ < fetched_at_once) {
        const auto next = next_missing();
        if (!next) break;
        fetch(*next);
    }
    if (fetching_ == 0) work_after(next_due_ - Clock::now());
}

void SharedFiles::work_after(Clock::duration time) {
    work_timer_.expires_after(std::max<Clock::duration>(time, std::chrono::milliseconds(50)));
    work_timer_.async_wait([self = shared_from_this()](boost::system::error_code error) {
        if (!error && !self->is_stopped_) self->work();
    });
}

void SharedFiles::fetch(const Next& next) {
    const KnownFile& file = next.file;
    if (!next.is_looked_for) {
        ++fetching_;
        return look({file}, [this] {
            --fetching_;
            work();
        });
    }
    const auto giver = givers_.find(file.id);
    Fetch::Wish wish{
        file, FileForm::Whole, linked(giver == givers_.end() ? 0 : giver->second), next.is_paced
    };
    const bool is_begun =
        starts(std::move(wish), [this, file](Fetch::End end, const std::string& why) {
            --fetching_;
            fetched(file, end, why);
        });
    if (is_begun) ++fetching_;
}

void SharedFiles::fetched(const KnownFile& file, Fetch::End end, const std::string& why) {
    if (end == Fetch::End::Complete) return place(file);
    const bool is_full = end == Fetch::End::NoRoom;
    if (is_full) no_room_until_ = Clock::now() + settings_.room_again_after;
    if (end == Fetch::End::Failed || (is_full && !std::exchange(is_full_told_, true)))
        log_.fold(Level::Error, "file_not_fetched", {{"file", file.id}, {"reason", why}});
    if (const auto found = missing_.find(file.id); found != missing_.end()) {
        found->second.not_before = Clock::now() + settings_.again_after;
        found->second.is_looked_for = false;
    }
    work();
}

/// The copy becomes the file. Its record may be erased by now: then it is not among those that are
/// missing.
void SharedFiles::place(const KnownFile& file) {
    fetched_ += 1;
    fetched_bytes_ += file.size;
    is_full_told_ = false;
    busy_.insert(file.id);
    store_->start([self = shared_from_this(), file] {
        const bulk::FileFolder& folder = self->store_->folder();
        const auto error = folder.turn(file.id, FileForm::Copy, FileForm::Whole);
        if (!self->store_->gate()->is_held(file.id)) folder.remove(file.id, FileForm::Part);
        self->run([file, error](SharedFiles& on) {
            on.busy_.erase(file.id);
            if (!on.missing_.contains(file.id)) on.store_->remove(file.id);
            if (!error) on.drop_missing(file.id);
            on.work();
        });
    });
}

}   // namespace grid::server::cluster
