// server/core/core_files.cpp: requests by HTTPS about files, and what follows when one is gone.
#include "controller/requests/file_requests.hpp"
#include "controller/state.hpp"
#include "server/clock.hpp"
#include "server/core/core.hpp"
#include "server/pipeline/storage_error.hpp"
#include "server/pipeline/transaction.hpp"

namespace grid::server {

namespace {

namespace requests = controller::requests;
using controller::bulk::FileGrant;
using controller::bulk::FileQuestion;
using controller::bulk::FileRefusal;

FileRefusal to_file_error(boost::system::error_code error) {
    if (error == internal_fault())
        return {500, "internal-server-error", "the server has a fault: see its log"};
    return {503, "store", to_stanza_error(error).text};
}

}   // namespace

void Core::ask_file(
    FileQuestion question, std::optional<std::string> hash, std::function<void(FileAnswer)> done
) {
    using Transaction = CallbackTransaction<FileGrant, FileRefusal>;
    const auto asked = std::make_shared<const FileQuestion>(std::move(question));
    auto decide = [this, asked, hash = std::move(hash)](const pubsub::Context& context) {
        const controller::State& state = controller_.state_for_admin();
        if (hash) return requests::complete_file(state, *asked, *hash, context);
        if (asked->wish == requests::FileWish::Remove)
            return requests::remove_file(state, *asked, context);
        return requests::ask_file(state, *asked, context);
    };
    auto pending = std::make_unique<Transaction>(
        std::move(decide), to_file_error,
        [done = std::move(done)](Transaction::Base::Answer answer) {
            if (answer.index() == 0)
                done(std::get<0>(std::move(answer)));
            else
                done(std::get<1>(std::move(answer)));
        }
    );
    pubsub::Principal actor;
    actor.origin = pubsub::Origin::Http;
    if (!asked->clients.empty()) actor = asked->clients.front().principal;
    pending->context = {std::move(actor), now(), fresh_id()};
    auto shared = std::make_shared<std::unique_ptr<Transaction>>(std::move(pending));
    boost::asio::post(strand_, [this, shared] {
        if (is_cut_off()) {
            (*shared)->refuse(storage::Errc::Unreachable);
            return (*shared)->answer();
        }
        auto queue = std::make_shared<SenderQueue>(
            senders_.next(), std::string((*shared)->context.actor.jid.bare_view())
        );
        queue->push(std::move(*shared));
        pipeline_->advance(queue);
        fanout_.flush();
    });
}

void Core::notify_files(const storage::Committed& committed) {
    if (file_watch_.completed)
        if (const auto completed = controller::bulk::decode_completed(committed.batch.event))
            if (const auto* file = controller_.state_for_admin().files.find(*completed))
                return file_watch_.completed(*file);
    const auto id = controller::bulk::decode_removed(committed.batch.event);
    if (!id) return;
    // An upload or download of it has no right any more.
    transfers_.rights_changed();
    if (file_watch_.removed) file_watch_.removed(*id);
}

}   // namespace grid::server
