// controller/requests/file_requests.hpp: files by HTTPS: slots for them (XEP-0363), and the rights
// of each request about one.
#pragma once

#include <optional>
#include <string>

#include "controller/bulk/file_question.hpp"
#include "controller/state.hpp"
#include "pubsub/request.hpp"
#include "storage/decision.hpp"

namespace grid::controller::requests {

using bulk::File;
using bulk::FileClient;
using bulk::FileGrant;
using bulk::FileQuestion;
using bulk::FileRefusal;
using bulk::FileWish;

inline const xml::Ns upload_ns{"urn:xmpp:http:upload:0"};
inline const xml::Ns hashes_ns{"urn:xmpp:hashes:2"};   // XEP-0300

/// Service discovery and slots at the address of the files. nullopt: the payload is none of these.
/// Any thread; what it returns is run on the core strand.
std::optional<Result<pubsub::PreparedRequest, xml::StanzaError>> prepare_files(
    const State& state, const pubsub::IqRequest& request
);

using FileDecision = storage::Decision<FileGrant, FileRefusal>;

/// The reason why the certificate does not let its account act; empty: it may.
std::optional<Failure> why_not_entitled(const State& state, const FileClient& client);
/// Whether there is any account to which it may send bulk data: then it may upload.
policy::Match may_upload(const State& state, const Account& account);

/// The answer rests on certificate, account and policy of the moment; a URL alone gives no right.
/// An account reads its own files, and those of owners that the policy lets send it bulk data. A
/// client that may not know of a file gets the same refusal as for one that is not there.
/// A grant to write makes the slot last for as long as a fresh one, where half of its time is over.
FileDecision ask_file(
    const State& state, const FileQuestion& question, const pubsub::Context& context
);
/// The same of a request that goes on: whether the grant holds, and by which rule. Changes nothing,
/// and is not on record.
pubsub::Verdict right_to_file(
    const State& state, const FileQuestion& question, storage::Millis now
);
/// All bytes are there and durable, and have that hash: the slot becomes a file.
FileDecision complete_file(
    const State& state,
    const FileQuestion& question,
    const std::string& hash,
    const pubsub::Context& context
);
/// Erases the record; `question` wishes so. The bytes go when the batch is committed.
FileDecision remove_file(
    const State& state, const FileQuestion& question, const pubsub::Context& context
);

}   // namespace grid::controller::requests
