// server/http/backend.cpp: files that clients exchange: questions to the grid, and transfers.
#include "server/http/backend.hpp"

#include "controller/requests/file_requests.hpp"
#include "controller/requests/history_requests.hpp"
#include "controller/state.hpp"
#include "server/clock.hpp"

namespace grid::server::http {

void Backend::ask_file(FileQuestion question, FileDone done) {
    core_.ask_file(std::move(question), std::nullopt, std::move(done));
}

void Backend::complete_file(FileQuestion question, std::string hash, FileDone done) {
    core_.ask_file(std::move(question), std::move(hash), std::move(done));
}

/// The server is the other end of each.
void Backend::begin_transfer(
    FileQuestion question, FileGrant grant, Cut cut, std::function<void(bulk::Begun)> done
) {
    const controller::bulk::FileClient& client = question.clients.at(grant.client);
    const bool is_download = question.wish == controller::bulk::FileWish::Read;
    bulk::Beginning beginning;
    bulk::Transfer& transfer = beginning.transfer;
    transfer.kind = is_download ? bulk::Kind::Download : bulk::Kind::Upload;
    transfer.account = client.principal.jid.bare_view();
    transfer.address = client.principal.address;
    (is_download ? transfer.to : transfer.from) = client.principal.jid;
    if (is_download) transfer.from = xml::Jid::from_canonical(grant.file.owner);
    transfer.what = grant.file.id + " " + grant.file.name;
    transfer.size = grant.file.size;
    if (!grant.file.hash.empty()) transfer.hash = "sha-256:" + grant.file.hash;
    beginning.parties.push_back(bulk::party_of(client.principal, client.identity));
    beginning.cut = std::move(cut);
    beginning.right = [this, question = std::move(question)] {
        return controller::requests::right_to_file(
            core_.controller().state_for_admin(), question, now()
        );
    };
    core_.transfers().begin(std::move(beginning), std::move(done));
}

void Backend::end_transfer(const bulk::RunningPtr& running, bulk::State why, std::string detail) {
    core_.transfers().end(running, why, std::move(detail));
}

void Backend::ask_history(HistoryQuestion question, HistoryDone done) {
    core_.post([this, question = std::move(question), done = std::move(done)] {
        done(controller::requests::ask_history(
            core_.controller().state_for_admin(), question, now(), true
        ));
    });
}

void Backend::begin_history(
    HistoryQuestion question, HistoryGrant grant, Cut cut, std::function<void(bulk::Begun)> done
) {
    const controller::bulk::FileClient& client = question.clients.at(grant.client);
    bulk::Beginning beginning;
    bulk::Transfer& transfer = beginning.transfer;
    transfer.kind = bulk::Kind::History;
    transfer.account = client.principal.jid.bare_view();
    transfer.address = client.principal.address;
    transfer.to = client.principal.jid;
    transfer.what = grant.request.wish.node;
    beginning.parties.push_back(bulk::party_of(client.principal, client.identity));
    beginning.cut = std::move(cut);
    // Of that one of the certificate's accounts, and no other.
    question.clients = {client};
    beginning.right = [this, question = std::move(question)] {
        return controller::requests::still_may_have_history(
            core_.controller().state_for_admin(), question, now()
        );
    };
    core_.transfers().begin(std::move(beginning), std::move(done));
}

std::shared_ptr<bulk::HistoryReader> Backend::read_history(HistoryGrant grant) {
    return std::make_shared<bulk::HistoryReader>(
        [this](std::function<void()> work) { core_.post(std::move(work)); }, core_.broker(), store_,
        std::move(grant)
    );
}

}   // namespace grid::server::http
