// server/core/policy_file_follower.cpp: see server/core/policy_file_follower.hpp.
#include "server/core/policy_file_follower.hpp"

#include <openssl/sha.h>

#include <utility>

#include "controller/text/text.hpp"
#include "storage/keys.hpp"

namespace grid::server {

namespace {

std::string hash_of(const std::string& text) {
    std::string hash(SHA256_DIGEST_LENGTH, '\0');
    SHA256(
        reinterpret_cast<const unsigned char*>(text.data()), text.size(),
        reinterpret_cast<unsigned char*>(hash.data())
    );
    return hash;
}

/// The file at the start, beside the policy in force.
enum class Compared {
    AsTaken,   // the text was taken, and is in force
    IsNew,     // no policy is in force yet, or the same, without a record of its taking
    Changed,   // the text is another than the one that was taken last
    Differs,   // the policy was set since, or there is no record of what was taken last
};

Compared compare(
    const controller::policy::Head& head, const std::string& text, const std::string& taken
) {
    const bool is_as_taken = hash_of(text) == taken;
    if (head.version == 0 || head.text == text)
        return is_as_taken ? Compared::AsTaken : Compared::IsNew;
    // As a full disk leaves it, or an editor that writes in place.
    const bool is_empty = controller::trimmed(text).empty();
    return is_as_taken || taken.empty() || is_empty ? Compared::Differs : Compared::Changed;
}

}   // namespace

std::string PolicyFileFollower::key() const {
    return std::string(1, static_cast<char>(storage::Tag::Policy)) + 'f' + config_.cluster.member;
}

void PolicyFileFollower::note(storage::Batch& batch, const std::string& text) const {
    batch.put(storage::Family::Control, key(), hash_of(text));
}

std::string PolicyFileFollower::taken(const storage::Snapshot& snapshot) const {
    const auto found = snapshot.get(storage::Family::Control, key());
    return found && *found ? (*found)->value : std::string();
}

std::optional<storage::Batch> PolicyFileFollower::at_start(
    const std::string& text, const std::string& taken, const pubsub::Context& context
) {
    storage::Batch batch;
    switch (compare(policy_.head(), text, taken)) {
        case Compared::AsTaken:
            return std::nullopt;
        case Compared::IsNew:
            break;
        case Compared::Changed:
            batch =
                policy_.replace(text, context, "policy.file was edited while the server was down");
            break;
        case Compared::Differs:
            warn();
            return std::nullopt;
    }
    note(batch, text);
    return batch;
}

std::optional<storage::Batch> PolicyFileFollower::at_reload(
    const std::string& text, const std::string& taken, const pubsub::Context& context
) const {
    const bool is_in_force = policy_.head().text == text;
    if (is_in_force && hash_of(text) == taken) return std::nullopt;
    storage::Batch batch;
    if (!is_in_force) batch = policy_.replace(text, context, "policy.file was read again");
    note(batch, text);
    return batch;
}

void PolicyFileFollower::warn() {
    if (std::exchange(is_warned_, true)) return;
    log_.warn(
        "policy_file_differs", {{"file", config_.policy.file},
                                {"version", std::to_string(policy_.head().version)},
                                {"changed_by", policy_.head().changed_by},
                                {"do", "gridctl policy set FILE puts the file in force"}}
    );
}

}   // namespace grid::server
