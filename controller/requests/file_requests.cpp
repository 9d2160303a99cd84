// controller/requests/file_requests.cpp: see controller/requests/file_requests.hpp.
#include "controller/requests/file_requests.hpp"

#include <algorithm>

#include "controller/audit/record.hpp"

namespace grid::controller::requests {

using bulk::Files;

namespace {

const std::string not_a_reader = "not among the readers that the owner named";
const std::string no_such_file = "the file is not there any more";
const std::string own_account = "own account", block_list = "block list";
const std::string some_rule = "a rule allows bulk data to some account";
const std::string no_rule = "no rule allows bulk data to any account";

FileRefusal no_file() { return {404, "not-found", "there is no such file for this account"}; }

std::string_view operation_of(FileWish wish) {
    if (wish == FileWish::Remove) return "file-remove";
    return wish == FileWish::Write ? "upload" : "download";
}

/// Two accounts that are enabled. The owner is asked about, whatever session it uploaded by: it
/// may be away.
policy::Match may_read(const State& state, const Account& owner, const Account& reader) {
    if (owner.jid == reader.jid) return {true, 0, &own_account};
    const auto blocks = [&](const Account& one, const Account& other) {
        return state.blocks.is_blocked(one.jid, xml::Jid::from_canonical(other.jid));
    };
    if (blocks(owner, reader) || blocks(reader, owner)) return {false, 0, &block_list};
    return state.policy.of(
        owner, policy::Right::BulkTo, policy::Object{reader.jid, {}, {}, reader.groups},
        policy::SessionKnown::Possible
    );
}

/// The verdict on one client about a file that is there.
struct Verdict {
    policy::Match match;
    bool may_know = false;   // of the file: its owner, and readers that the owner named
};

Verdict judge(const State& state, const File& file, FileWish wish, const FileClient& client) {
    const std::string_view jid = client.principal.jid.bare_view();
    const bool is_owner = jid == file.owner;
    const Account& account = *state.account_of(client.principal);
    // An account that was made later is another one of the name.
    const bool is_named =
        account.created <= file.created && std::ranges::binary_search(file.readers, jid);
    Verdict verdict;
    verdict.may_know = is_owner || (is_named && file.is_complete);
    const bool is_open = is_owner || (wish == FileWish::Read && file.is_complete &&
                                      (is_named || file.readers.empty()));
    const Account* owner = state.accounts.find(file.owner);
    // Of an owner that is disabled the files are kept, and given to none.
    const bool is_there = owner != nullptr && owner->state == AccountState::Enabled;
    if (!is_open || !is_there)
        verdict.match = {false, 0, &not_a_reader};
    else if (wish == FileWish::Write)
        verdict.match = may_upload(state, account);
    else
        verdict.match = may_read(state, *owner, account);
    return verdict;
}

using Judged = Result<FileGrant, FileRefusal>;

/// `note`: of each refusal by the policy.
template <class Note>
Judged judge_all(
    const State& state, const FileQuestion& question, storage::Millis now, const Note& note
) {
    std::optional<Failure> failure;
    const File* file = state.files.find(question.id);
    const bool is_there =
        file != nullptr && file->expires > now && (!question.name || *question.name == file->name);
    FileRefusal refusal = no_file();
    bool is_entitled = false;
    for (std::size_t i = 0; i < question.clients.size(); ++i) {
        const FileClient& client = question.clients[i];
        if (auto why = why_not_entitled(state, client)) {
            failure = std::move(why);
            continue;
        }
        is_entitled = true;
        if (!is_there) continue;
        const Verdict verdict = judge(state, *file, question.wish, client);
        if (verdict.match.allowed) return FileGrant{*file, i, *verdict.match.rule};
        note(client, *file, verdict.match);
        if (verdict.may_know) refusal = {403, "forbidden", "the policy does not allow it"};
    }
    if (!is_entitled && failure) {
        const ErrorRow& found = row(failure->code);
        return FileRefusal{403, found.http_code, failure->text};
    }
    return refusal;
}

void note_refusal(
    const State& state,
    FileWish wish,
    const FileClient& client,
    const File& file,
    const policy::Match& match
) {
    audit::Record record = audit::by(client.principal, audit::Outcome::Deny, operation_of(wish));
    record.target = file.owner;
    record.rule = match.rule == nullptr ? "" : *match.rule;
    record.detail = file.name;
    state.audit.add(std::move(record));
}

Judged judge_on_record(const State& state, const FileQuestion& question, storage::Millis now) {
    return judge_all(
        state, question, now,
        [&](const FileClient& client, const File& file, const policy::Match& match) {
            note_refusal(state, question.wish, client, file, match);
        }
    );
}

FileRefusal is_complete_already() {
    return {409, "already-complete", "this slot was used: ask for another one"};
}

FileRefusal is_not_as_expected() {
    return {412, "precondition-failed", "If-Match or If-None-Match does not fit the file"};
}

/// Of a file as it is, by a client whose right holds until the commit.
storage::Batch change_of(const State& state, const FileGrant& grant, const FileClient& client) {
    storage::Batch batch;
    batch.expect(storage::Family::Control, bulk::file_key(grant.file.id), grant.file.revision);
    state.expect_gates(batch, client.principal);
    return batch;
}

}   // namespace

std::optional<Failure> why_not_entitled(const State& state, const FileClient& client) {
    if (auto failure = state.entitled(client.principal)) return failure;
    const Account* account = state.account_of(client.principal);
    if (account->is_pinned_elsewhere(client.identity))
        return Failure{Errc::OtherKey, "this account is pinned to another key", {}};
    return std::nullopt;
}

policy::Match may_upload(const State& state, const Account& account) {
    const bool may = state.policy.may_some(account, policy::Right::BulkTo);
    return {may, 0, may ? &some_rule : &no_rule};
}

FileDecision ask_file(
    const State& state, const FileQuestion& question, const pubsub::Context& context
) {
    auto judged = judge_on_record(state, question, context.now);
    if (!judged) return judged.error();
    FileGrant grant = std::move(*judged);
    if (question.wish != FileWish::Write) return grant;
    if (question.precondition && !question.precondition(grant.file)) return is_not_as_expected();
    if (grant.file.is_complete) return is_complete_already();
    const storage::Millis slot_ms = state.settings.files.slot_ms;
    if (grant.file.expires - context.now > slot_ms / 2) return grant;
    FileDecision::Change change{
        change_of(state, grant, question.clients[grant.client]), std::move(grant)
    };
    change.reply.file.expires = context.now + slot_ms;
    change.batch.put(
        storage::Family::Control, bulk::file_key(change.reply.file.id), encode(change.reply.file)
    );
    return change;
}

pubsub::Verdict right_to_file(
    const State& state, const FileQuestion& question, storage::Millis now
) {
    const std::string* denied = &no_such_file;
    const auto judged = judge_all(
        state, question, now,
        [&](const FileClient&, const File&, const policy::Match& match) { denied = match.rule; }
    );
    if (!judged) return {false, *denied};
    return {true, judged->rule};
}

FileDecision complete_file(
    const State& state,
    const FileQuestion& question,
    const std::string& hash,
    const pubsub::Context& context
) {
    auto judged = judge_on_record(state, question, context.now);
    if (!judged) return judged.error();
    FileGrant grant = std::move(*judged);
    if (grant.file.is_complete) return is_complete_already();
    if (!grant.file.hash.empty() && grant.file.hash != hash)
        return FileRefusal{
            422, "digest-mismatch",
            "the SHA-256 of what came is " + hash + ", announced was " + grant.file.hash
        };
    const FileClient& client = question.clients[grant.client];
    FileDecision::Change change{change_of(state, grant, client), std::move(grant)};
    File& file = change.reply.file;
    file.is_complete = true;
    file.hash = hash;
    file.expires = context.now + state.settings.files.keep_ms;
    change.batch.put(storage::Family::Control, bulk::file_key(file.id), encode(file));
    change.batch.event = bulk::encode_completed(file.id);
    audit::Record record = audit::by(client.principal, audit::Outcome::Allow, "upload");
    record.target = file.owner;
    record.detail = file.name + ", " + std::to_string(file.size) + " bytes, sha-256 " + hash;
    audit::append(change.batch, record);
    return change;
}

FileDecision remove_file(
    const State& state, const FileQuestion& question, const pubsub::Context& context
) {
    auto judged = judge_on_record(state, question, context.now);
    if (!judged) return judged.error();
    FileGrant grant = std::move(*judged);
    if (question.precondition && !question.precondition(grant.file)) return is_not_as_expected();
    const FileClient& client = question.clients[grant.client];
    FileDecision::Change change{Files::erase(grant.file), std::move(grant)};
    state.expect_gates(change.batch, client.principal);
    audit::Record record = audit::by(client.principal, audit::Outcome::Allow, "file-remove");
    record.target = change.reply.file.owner;
    record.detail = change.reply.file.name;
    audit::append(change.batch, record);
    return change;
}

}   // namespace grid::controller::requests
