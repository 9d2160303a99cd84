// server/cluster/files/shared_files.cpp: see shared_files.hpp.
#include "server/cluster/files/shared_files.hpp"

#include <algorithm>
#include <random>
#include <utility>

#include "server/guarded_run.hpp"

namespace grid::server::cluster {

namespace asio = boost::asio;

namespace {

/// Words of others that wait for the strand: all pieces that this member asks for at one time, and
/// as much again.
constexpr std::size_t heard_file_bytes_max = 64UL * 1024 * 1024;
constexpr auto rate_burst = std::chrono::milliseconds(250);

}   // namespace

SharedFiles::SharedFiles(
    asio::io_context& context, Links& links, SharedFilesSettings settings, Log& log
)
    : links_(links),
      settings_(settings),
      log_(log),
      strand_(asio::make_strand(context.get_executor())),
      questions_(links, strand_),
      rate_(settings.bytes_per_second, rate_burst),
      look_timer_(strand_),
      work_timer_(strand_) {}

std::shared_ptr<SharedFiles> SharedFiles::make(
    asio::io_context& context, Links& links, SharedFilesSettings settings, Log& log
) {
    auto made = std::make_shared<SharedFiles>(context, links, settings, log);
    made->attach();
    return made;
}

void SharedFiles::attach() {
    const std::weak_ptr<SharedFiles> self = weak_from_this();
    links_.on(Channel::Files, [self](storage::MemberId from, std::string payload) {
        if (const auto me = self.lock()) me->hear(from, std::move(payload));
    });
    links_.on_changed([self](const Member& member, bool is_up) {
        if (const auto me = self.lock())
            me->run([member, is_up](SharedFiles& on) { on.link_changed(member, is_up); });
    });
}

void SharedFiles::run(std::function<void(SharedFiles&)> work) {
    if (is_stopped_) return;
    asio::post(strand_, [self = shared_from_this(), work = std::move(work)] {
        if (!self->is_stopped_) guarded(self->log_, "files of the cluster", [&] { work(*self); });
    });
}

void SharedFiles::start(bulk::FileStore& store, List list) {
    run([&store, list = std::move(list)](SharedFiles& on) {
        on.store_ = &store;
        on.list_ = list;
        on.look_at_all({});
    });
}

void SharedFiles::stop() {
    is_stopped_ = true;
    questions_.stop();
    look_timer_.cancel();
    work_timer_.cancel();
    fetches_.clear();
}

void SharedFiles::set_members(std::vector<Member> members) {
    run([members = std::move(members)](SharedFiles& on) { on.members_ = members; });
}

SharedFiles::Figures SharedFiles::figures() const {
    return {missing_count_, missing_bytes_, fetched_, fetched_bytes_};
}

/// A member that says more than it was asked for is not heard.
void SharedFiles::hear(storage::MemberId from, std::string payload) {
    const auto bytes = payload.size() + 1;
    if (heard_bytes_.fetch_add(bytes) > heard_file_bytes_max) {
        heard_bytes_ -= bytes;
        return;
    }
    auto word = files::decode(payload);
    run([from, bytes, word = std::move(word)](SharedFiles& on) mutable {
        on.heard_bytes_ -= bytes;
        if (word) return on.take(from, std::move(*word));
        on.log_.fold(Level::Warn, "cluster_files_unreadable", {{"member", on.name_of(from)}});
    });
}

void SharedFiles::take(storage::MemberId from, files::Word word) {
    if (auto* want = std::get_if<files::Want>(&word)) return answer(from, std::move(*want));
    if (auto* keep = std::get_if<files::Keep>(&word)) return answer(from, std::move(*keep));
    if (auto* extent = std::get_if<files::Extent>(&word)) return answer(from, std::move(*extent));
    questions_.hear(from, std::move(word));
}

void SharedFiles::link_changed(const Member& member, bool is_up) {
    if (is_up) {
        peers_[member.id].is = member;
        return work();
    }
    peers_.erase(member.id);
    questions_.member_lost(member.id);
}

std::vector<storage::MemberId> SharedFiles::linked(storage::MemberId first) {
    std::vector<storage::MemberId> all;
    for (const auto& [id, peer] : peers_)
        if (id != first) all.push_back(id);
    static thread_local std::minstd_rand chance{std::random_device{}()};
    if (!all.empty())
        std::ranges::rotate(all, all.begin() + static_cast<std::ptrdiff_t>(chance() % all.size()));
    if (first != 0 && peers_.contains(first)) all.insert(all.begin(), first);
    return all;
}

std::string SharedFiles::name_of(storage::MemberId member) const {
    const auto found = peers_.find(member);
    return found == peers_.end() ? std::to_string(member) : found->second.is.name;
}

files::FetchTools SharedFiles::tools() {
    return {strand_, *store_, questions_, rate_, settings_.answer_max};
}

/// False: it is being fetched already.
bool SharedFiles::starts(files::Fetch::Wish wish, files::Fetch::Done done) {
    const std::string id = wish.file.id;
    if (fetches_.contains(id)) return false;
    const auto fetch = std::make_shared<files::Fetch>(
        tools(), std::move(wish),
        [self = weak_from_this(), id,
         done = std::move(done)](files::Fetch::End end, const std::string& why) {
            const auto me = self.lock();
            if (!me || me->is_stopped_) return;
            const FetchPtr ended = me->fetches_[id];
            me->fetches_.erase(id);
            done(end, why);
        }
    );
    fetches_.emplace(id, fetch);
    fetch->start();
    return true;
}

}   // namespace grid::server::cluster
