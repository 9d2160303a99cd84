// server/cluster/control.cpp: see server/cluster/control.hpp.
#include "server/cluster/control.hpp"

#include <algorithm>
#include <map>
#include <utility>

#include "storage/codec.hpp"

namespace grid::server::cluster {

std::string encode(const ControlWord& word) {
    storage::Encoder out;
    out.u8(static_cast<std::uint8_t>(word.kind)).u64(word.number);
    return out.take();
}

std::optional<ControlWord> decode_control(std::string_view bytes) {
    storage::Decoder in(bytes);
    ControlWord word;
    const std::uint8_t kind = in.u8();
    word.kind = static_cast<ControlWord::Kind>(kind);
    word.number = in.u64();
    constexpr std::uint8_t forgotten = 4;
    const bool is_known = kind >= static_cast<std::uint8_t>(ControlWord::Kind::WhenApplied) &&
                          kind <= static_cast<std::uint8_t>(ControlWord::Kind::Leaving) &&
                          kind != forgotten;
    if (!in.ok() || !in.at_end() || !is_known) return std::nullopt;
    return word;
}

std::uint64_t Acknowledgements::wait(
    storage::Revision revision, std::uint64_t group, std::function<void(bool)> done
) {
    waits_.push_back(
        {.number = ++last_,
         .revision = revision,
         .group = group,
         .missing = std::nullopt,
         .done = std::move(done)}
    );
    return last_;
}

std::vector<Acknowledgements::Asked> Acknowledgements::members_read(
    std::uint64_t number, const std::vector<Member>& others
) {
    std::map<storage::MemberId, storage::Revision> greatest;
    for (Wait& wait : waits_) {
        if (wait.missing || wait.number > number) continue;
        wait.missing.emplace();
        for (const Member& member : others) {
            if (member.flushed_group >= wait.group) continue;
            wait.missing->insert(member.id);
            auto& revision = greatest[member.id];
            revision = std::max(revision, wait.revision);
        }
    }
    finish();
    std::vector<Asked> asked;
    for (const auto& [member, revision] : greatest)
        if (asked_of(member) == revision) asked.push_back({member, revision});
    return asked;
}

void Acknowledgements::applied(storage::MemberId member, storage::Revision revision) {
    for (Wait& wait : waits_)
        if (wait.missing && wait.revision <= revision) wait.missing->erase(member);
    finish();
}

void Acknowledgements::members_changed(const std::vector<Member>& others) {
    for (Wait& wait : waits_) {
        if (!wait.missing) continue;
        std::erase_if(*wait.missing, [&](storage::MemberId id) {
            const auto found = std::ranges::find(others, id, &Member::id);
            return found == others.end() || found->flushed_group >= wait.group;
        });
    }
    finish();
}

storage::Revision Acknowledgements::asked_of(storage::MemberId member) const {
    storage::Revision asked = 0;
    for (const Wait& wait : waits_)
        if (wait.missing && wait.missing->contains(member)) asked = std::max(asked, wait.revision);
    return asked;
}

void Acknowledgements::finish() {
    end([](const Wait& wait) { return wait.missing && wait.missing->empty(); }, true);
}

void Acknowledgements::give_up(TimePoint before) {
    end([before](const Wait& wait) { return wait.since < before; }, false);
}

void Acknowledgements::give_up_unread(TimePoint before) {
    end([before](const Wait& wait) { return !wait.missing && wait.since < before; }, false);
}

void Acknowledgements::end(const std::function<bool(const Wait&)>& has_ended, bool is_known) {
    std::vector<std::function<void(bool)>> done;
    std::erase_if(waits_, [&](Wait& wait) {
        if (!has_ended(wait)) return false;
        done.push_back(std::move(wait.done));
        return true;
    });
    for (const auto& call : done) call(is_known);
}

}   // namespace grid::server::cluster
