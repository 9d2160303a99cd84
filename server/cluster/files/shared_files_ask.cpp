// server/cluster/files/shared_files_ask.cpp: questions of connections about files on other members.
#include <algorithm>
#include <random>
#include <utility>

#include "server/cluster/control.hpp"
#include "server/cluster/files/shared_files.hpp"

namespace grid::server::cluster {

using bulk::FileForm;
using bulk::KnownFile;
using files::Fetch;
using storage::MemberId;

namespace {

/// Files of which it is known who gave a piece.
constexpr std::size_t givers_max = 1'000;

}   // namespace

/// A part of a file, from one member after the other.
struct SharedFiles::Reading {
    KnownFile file;
    std::uint64_t from = 0, count = 0;
    ReadDone done;
    std::vector<MemberId> members;
    std::size_t next = 0;
};

void SharedFiles::read(
    const KnownFile& file, std::uint64_t from, std::size_t count, ReadDone done
) {
    auto reading = std::make_shared<Reading>();
    reading->file = file;
    reading->from = from;
    reading->count = count;
    reading->done = std::move(done);
    run([reading](SharedFiles& on) {
        const auto giver = on.givers_.find(reading->file.id);
        reading->members = on.linked(giver == on.givers_.end() ? 0 : giver->second);
        if (!on.missing_.contains(reading->file.id)) on.add_missing(reading->file, {});
        if (std::ranges::find(on.wanted_, reading->file.id) == on.wanted_.end()) {
            on.wanted_.push_back(reading->file.id);
            on.work();
        }
        on.read_from_next(reading);
    });
}

void SharedFiles::read_from_next(std::shared_ptr<Reading> reading) {
    if (reading->next == reading->members.size()) return reading->done(std::nullopt);
    const MemberId member = reading->members.at(reading->next++);
    questions_.ask(
        member, files::Want{0, reading->file.id, FileForm::Whole, reading->from, reading->count},
        settings_.answer_max,
        [this, member, reading](std::optional<files::Word> answer) {
            auto* piece = answer ? std::get_if<files::Piece>(&*answer) : nullptr;
            if (piece == nullptr || piece->bytes.size() != reading->count)
                return read_from_next(reading);
            if (givers_.size() >= givers_max) givers_.clear();
            givers_[reading->file.id] = member;
            reading->done(std::move(piece->bytes));
        }
    );
}

/// An upload that one member after the other is asked to keep.
struct SharedFiles::Keeping {
    KnownFile file;
    std::function<void(Kept)> done;
    std::vector<Member> members;
    std::size_t next = 0;
    std::string failures;
};

void SharedFiles::keep(const KnownFile& file, std::function<void(Kept)> done) {
    if (!settings_.keeps_uploads) return done({});
    auto keeping = std::make_shared<Keeping>();
    keeping->file = file;
    keeping->done = std::move(done);
    run([keeping](SharedFiles& on) {
        for (const Member& member : on.members_)
            if (member.flushed_group != serves_nobody) keeping->members.push_back(member);
        static thread_local std::minstd_rand chance{std::random_device{}()};
        std::ranges::shuffle(keeping->members, chance);
        std::ranges::partition(keeping->members, [&](const Member& member) {
            return on.peers_.contains(member.id) && !member.is_draining;
        });
        on.keep_with_next(keeping);
    });
}

void SharedFiles::keep_with_next(std::shared_ptr<Keeping> keeping) {
    keeping_.erase(keeping->file.id);
    if (keeping->next == keeping->members.size()) {
        const bool is_failed = !keeping->failures.empty();
        if (is_failed)
            log_.fold(
                Level::Error, "file_not_kept",
                {{"file", keeping->file.id}, {"reason", keeping->failures}}
            );
        return keeping->done({is_failed, keeping->failures});
    }
    const Member member = keeping->members.at(keeping->next++);
    const auto failed = [this, keeping, name = member.name](const std::string& why) {
        if (!keeping->failures.empty()) keeping->failures += "; ";
        keeping->failures += name + ": " + why;
        keep_with_next(keeping);
    };
    if (!peers_.contains(member.id)) return failed("it is not connected");
    const auto number = questions_.ask(
        member.id, files::Keep{0, keeping->file.id, keeping->file.size, keeping->file.hash},
        settings_.keep_silence_max,
        [this, keeping, failed](std::optional<files::Word> answer) {
            const auto* kept = answer ? std::get_if<files::Kept>(&*answer) : nullptr;
            if (kept == nullptr) return failed("it does not answer");
            if (!kept->has_files) return keep_with_next(keeping);
            if (!kept->why_not.empty()) return failed(kept->why_not);
            keeping_.erase(keeping->file.id);
            keeping->done({});
        }
    );
    keeping_[keeping->file.id] = number;
}

/// `done` with the member that has the most, 0: none has anything.
void SharedFiles::ask_extents(
    const std::string& id, bool claims, std::function<void(MemberId, std::uint64_t)> done
) {
    struct Best {
        std::size_t open = 0;
        MemberId member = 0;
        std::uint64_t bytes = 0;
    };
    const std::vector<MemberId> members = linked();
    if (members.empty()) return done(0, 0);
    const auto best = std::make_shared<Best>();
    best->open = members.size();
    for (const MemberId member : members)
        questions_.ask(
            member, files::Extent{0, id, claims}, settings_.extent_max,
            [best, member, done](std::optional<files::Word> answer) {
                const auto* extends = answer ? std::get_if<files::Extends>(&*answer) : nullptr;
                if (extends != nullptr && extends->bytes > best->bytes) {
                    best->member = member;
                    best->bytes = extends->bytes;
                }
                if (--best->open == 0) done(best->member, best->bytes);
            }
        );
}

void SharedFiles::extent(const std::string& id, std::function<void(std::uint64_t)> done) {
    run([id, done = std::move(done)](SharedFiles& on) {
        on.ask_extents(id, false, [done](MemberId, std::uint64_t bytes) { done(bytes); });
    });
}

void SharedFiles::move_here(
    const std::string& id, std::uint64_t offset, std::function<void(bool)> done
) {
    run([id, offset, done = std::move(done)](SharedFiles& on) {
        on.ask_extents(id, true, [&on, id, offset, done](MemberId member, std::uint64_t bytes) {
            if (member == 0 || bytes < offset) return done(false);
            on.move_from(member, bytes, id, done);
        });
    });
}

void SharedFiles::move_from(
    MemberId member, std::uint64_t bytes, const std::string& id, std::function<void(bool)> done
) {
    if (store_ == nullptr) return done(false);
    Fetch::Wish wish{{id, bytes, {}}, FileForm::Part, {member}};
    const bool is_begun = starts(
        std::move(wish),
        [this, member, id, bytes, done](Fetch::End end, const std::string& why) {
            if (end != Fetch::End::Complete) {
                log_.warn(
                    "file_not_moved", {{"file", id}, {"member", name_of(member)}, {"reason", why}}
                );
                return done(false);
            }
            log_.info(
                "file_moved",
                {{"file", id}, {"member", name_of(member)}, {"bytes", std::to_string(bytes)}}
            );
            store_->start([self = shared_from_this(), id, done] {
                done(!self->store_->folder().turn(id, FileForm::Copy, FileForm::Part));
            });
        }
    );
    if (!is_begun) done(false);
}

}   // namespace grid::server::cluster
