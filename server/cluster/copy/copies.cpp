// server/cluster/copy/copies.cpp: see copies.hpp; the side that gives.
#include "server/cluster/copy/copies.hpp"

#include <utility>

#include "server/guarded_run.hpp"
#include "server/pki/failure.hpp"

namespace grid::server::cluster {

namespace asio = boost::asio;
namespace fs = std::filesystem;
using pki::Failure;

namespace {

/// To a member whose queue is full.
constexpr std::chrono::milliseconds room_pause{50};
/// Words of others that wait for the thread; what is asked for at one time is an eighth of it.
constexpr std::size_t heard_bytes_max = 2 * copy::pieces_asked_max * 4 * copy::piece_bytes_max;

std::string shown(storage::MemberId member) { return std::to_string(member); }

}   // namespace

Copies::Copies(std::shared_ptr<Links> links, CopySettings settings, Log& log)
    : links_(std::move(links)),
      settings_(std::move(settings)),
      log_(log),
      giving_timer_(thread_),
      fetching_timer_(thread_),
      room_timer_(thread_) {
    copy::clear_unfinished(settings_.data);
    std::error_code ignored;
    fs::remove_all(checkpoint_folder(), ignored);
}

Copies::~Copies() { stop(); }

std::shared_ptr<Copies> Copies::make(
    std::shared_ptr<Links> links, CopySettings settings, Log& log
) {
    std::shared_ptr<Copies> made(new Copies(std::move(links), std::move(settings), log));
    const std::weak_ptr<Copies> weak = made;
    made->links_->on(Channel::Copy, [weak](storage::MemberId from, std::string payload) {
        if (const auto self = weak.lock()) self->hear(from, std::move(payload));
    });
    made->links_->on_changed([weak](const Member& member, bool is_up) {
        if (const auto self = weak.lock())
            self->run([id = member.id, is_up](Copies& on) { on.member_changed(id, is_up); });
    });
    return made;
}

/// A member that says more than it was asked for is not heard.
void Copies::hear(storage::MemberId from, std::string payload) {
    const auto bytes = payload.size() + 1;
    if (heard_bytes_.fetch_add(bytes) > heard_bytes_max) {
        heard_bytes_ -= bytes;
        return;
    }
    run([from, bytes, payload = std::move(payload)](Copies& on) {
        on.heard_bytes_ -= bytes;
        on.receive(from, payload);
    });
}

/// On the thread, unless it is stopped by then. The object outlives its thread.
void Copies::run(std::function<void(Copies&)> work) {
    asio::post(thread_, [this, work = std::move(work)] {
        if (!is_stopped_) guarded(log_, "copies of the store", [&] { work(*this); });
    });
}

void Copies::serve(storage::Store& store, std::function<bool()> is_good) {
    run([&store, is_good = std::move(is_good)](Copies& on) {
        on.store_ = &store;
        on.is_good_ = is_good;
    });
}

void Copies::stop() {
    if (is_stopped_.exchange(true)) return;
    thread_.stop();
    thread_.join();
    std::error_code ignored;
    fs::remove_all(checkpoint_folder(), ignored);
}

bool Copies::send(storage::MemberId to, const copy::Word& word) {
    return links_->send(to, Channel::Copy, copy::encode(word));
}

void Copies::receive(storage::MemberId from, const std::string& payload) {
    auto word = copy::decode(payload);
    if (!word) return log_.warn("cluster_copy_unreadable", {{"member", shown(from)}});
    std::visit([&](auto& kind) { take(from, std::move(kind)); }, *word);
}

void Copies::member_changed(storage::MemberId member, bool is_up) {
    if (is_up) return;
    const std::string lost = "the link to the member was lost";
    if (giving_ && giving_->to == member) end_giving(lost);
    if (fetching_ && fetching_->from == member) end_fetching(Failure{lost});
}

void Copies::watch(Timer& timer, void (Copies::*expired)()) {
    timer.expires_after(settings_.silence_max);
    timer.async_wait([this, expired](boost::system::error_code error) {
        if (!error && !is_stopped_) (this->*expired)();
    });
}

void Copies::giving_is_silent() {
    if (giving_) end_giving("nothing was heard of the member any more");
}

std::string Copies::why_not_given() const {
    if (store_ == nullptr) return "it has no store open";
    if (is_good_ && !is_good_()) return "its own store is not up to date";
    return {};
}

void Copies::take(storage::MemberId from, const copy::Ask& word) {
    if (giving_ && giving_->to == from) end_giving("it asked anew");
    std::string why = giving_ ? "another member is having a copy of it" : why_not_given();
    if (why.empty()) {
        const auto offer = make_checkpoint(word.number);
        if (offer) {
            giving_.emplace(from, word.number, copy::Reader(checkpoint_folder(), offer->files));
            watch(giving_timer_, &Copies::giving_is_silent);
            if (!send(from, *offer)) end_giving("the offer could not be sent");
            return;
        }
        why = offer.error();
        log_.error("cluster_copy_failed", {{"member", shown(from)}, {"reason", why}});
    }
    std::error_code ignored;
    if (!giving_) fs::remove_all(checkpoint_folder(), ignored);
    send(from, copy::Refusal{word.number, why});
}

Result<copy::Offer, std::string> Copies::make_checkpoint(std::uint64_t number) {
    std::error_code ignored;
    fs::remove_all(checkpoint_folder(), ignored);
    if (const auto error = store_->checkpoint(checkpoint_folder().string(), [] {}))
        return Failure{"the store gives no copy of itself: " + error.message()};
    storage::RocksSettings made;
    made.path = checkpoint_folder().string();
    made.open_files_max = copy::checkpoint_files_max;
    const auto facts = storage::look_at_checkpoint(made);
    if (!facts) return Failure{"the copy cannot be read: " + facts.error().message()};
    auto files = copy::files_in(checkpoint_folder());
    if (!files) return Failure{files.error()};
    copy::Offer offer;
    offer.number = number;
    offer.store_id = facts->store_id;
    offer.epoch = facts->epoch;
    offer.revision = facts->revision;
    offer.files = std::move(*files);
    if (auto why = copy::why_no_store(offer.files); !why.empty()) return Failure{std::move(why)};
    return offer;
}

void Copies::take(storage::MemberId from, const copy::Next& word) {
    if (!giving_ || giving_->to != from || giving_->copy != word.number) return;
    if (++giving_->asked > copy::pieces_asked_max) return end_giving("it asks for too much");
    watch(giving_timer_, &Copies::giving_is_silent);
    if (giving_->unsent.empty()) give();
}

/// One piece after the other, as long as they are asked for and there is room for them.
void Copies::give() {
    while (giving_ && giving_->asked > 0) {
        if (giving_->unsent.empty()) {
            if (giving_->reader.is_at_end()) return;
            auto piece = giving_->reader.next();
            if (!piece) return end_giving(piece.error());
            piece->number = giving_->copy;
            giving_->unsent = copy::encode(std::move(*piece));
        }
        if (!links_->send(giving_->to, Channel::Copy, giving_->unsent)) break;
        giving_->unsent.clear();
        --giving_->asked;
    }
    if (!giving_ || giving_->asked == 0) return;
    room_timer_.expires_after(room_pause);
    room_timer_.async_wait([this](boost::system::error_code error) {
        if (!error && !is_stopped_) give();
    });
}

void Copies::take(storage::MemberId from, const copy::Leave& word) {
    if (giving_ && giving_->to == from && giving_->copy == word.number)
        end_giving(giving_->reader.is_at_end() ? "" : "the member gave it up");
}

void Copies::end_giving(const std::string& failure) {
    const auto to = giving_->to;
    const auto number = giving_->copy;
    giving_.reset();
    giving_timer_.cancel();
    room_timer_.cancel();
    std::error_code ignored;
    fs::remove_all(checkpoint_folder(), ignored);
    if (failure.empty()) return log_.info("cluster_copy_given", {{"member", shown(to)}});
    log_.warn("cluster_copy_failed", {{"member", shown(to)}, {"reason", failure}});
    send(to, copy::Refusal{number, failure});
}

}   // namespace grid::server::cluster
