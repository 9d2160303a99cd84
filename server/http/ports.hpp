// server/http/ports.hpp: the questions of HTTP to the grid.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "controller/bulk/file_question.hpp"
#include "controller/bulk/history.hpp"
#include "controller/identity.hpp"
#include "controller/rest/http.hpp"
#include "controller/roles/acts.hpp"
#include "pubsub/principal.hpp"
#include "server/bulk/history_reader.hpp"
#include "server/bulk/transfers.hpp"
#include "server/core/sign_ins.hpp"
#include "server/live/listener.hpp"

namespace grid::server::backup {
class Archive;
}

namespace grid::server::http {

struct Readiness {
    bool is_ready = true;
    std::vector<std::string> problems;   // shown to every client: no secrets, no names of accounts
};

/// The requests of HTTP to the grid. Called on a connection's strand, by many connections at once.
class HttpBackend {
public:
    using Done = std::function<void(controller::HttpResponse)>;
    virtual ~HttpBackend() = default;
    /// `done` once, from any thread, also when the grid is closing. The principal is who the
    /// client's certificate says; whether that account may do anything is the grid's to decide.
    virtual void api(
        controller::HttpRequest request,
        pubsub::Principal principal,
        controller::Identity identity,
        Done done
    ) = 0;
    virtual Readiness ready() = 0;
    /// The server's metrics, for an administrator, or (no value) for the listener whose every
    /// client may read them. `done` as above.
    struct Asker {
        pubsub::Principal principal;
        controller::Identity identity;
    };
    virtual void metrics(std::optional<Asker> asker, Done done) = 0;
    /// Whether the client has the right to that act now: 200, or the refusal. `done` as above.
    virtual void ask_right(Asker /*asker*/, controller::Act /*act*/, Done done) { done({}); }

    // Sign-in to the console by password. `done` as above.
    virtual void sign_in(SignInRequest /*request*/, Done done) { done(no_sign_in()); }
    virtual void sign_out(SignInQuestion /*question*/, Done done) { done(no_sign_in()); }
    virtual void show_sign_in(SignInQuestion /*question*/, Done done) { done(no_sign_in()); }
    /// The account that is signed in by that token, or the refusal.
    virtual void find_sign_in(SignInQuestion /*question*/, std::function<void(SignInAnswer)> done) {
        done(no_sign_in());
    }
    /// For a client whose request for events was answered with `event_stream_type`. Null: there are
    /// too many listeners. `wake`: see live::Listener.
    virtual live::ListenerPtr listen(
        std::string /*account*/, live::EventWish /*wish*/, std::function<void()> /*wake*/
    ) {
        return nullptr;
    }
    virtual void leave(const live::ListenerPtr& /*listener*/) {}

    // Files that clients exchange. `done` as above.
    using FileQuestion = controller::bulk::FileQuestion;
    using FileGrant = controller::bulk::FileGrant;
    using FileAnswer = Result<FileGrant, controller::bulk::FileRefusal>;
    using FileDone = std::function<void(FileAnswer)>;
    /// May one of these clients do that? A wish to remove is done.
    virtual void ask_file(FileQuestion /*question*/, FileDone done) { done(no_files()); }
    /// All bytes of the upload are there and durable, and have that hash.
    virtual void complete_file(FileQuestion /*question*/, std::string /*hash*/, FileDone done) {
        done(no_files());
    }
    /// An upload or download of a grant begins; `cut` when it has to end, from any thread.
    using Cut = std::function<void(bulk::State why, const std::string& text)>;
    virtual void begin_transfer(
        FileQuestion /*question*/,
        FileGrant /*grant*/,
        Cut /*cut*/,
        std::function<void(bulk::Begun)> done
    ) {
        done(bulk::Refusal{});
    }
    virtual void end_transfer(
        const bulk::RunningPtr& /*running*/, bulk::State /*why*/, std::string /*detail*/
    ) {}

    /// A client was refused, without a certificate or with one that is not acceptable. `claimed`:
    /// the account that the certificate names.
    virtual void refused(
        std::string /*claimed*/,
        std::string /*address*/,
        std::string /*condition*/,
        std::string /*reason*/
    ) {}

    // The history of a topic. `done` as above.
    using HistoryQuestion = controller::bulk::HistoryQuestion;
    using HistoryGrant = controller::bulk::HistoryGrant;
    using HistoryAnswer = Result<HistoryGrant, controller::bulk::FileRefusal>;
    using HistoryDone = std::function<void(HistoryAnswer)>;
    /// May one of these clients have it?
    virtual void ask_history(HistoryQuestion /*question*/, HistoryDone done) { done(no_files()); }
    virtual void begin_history(
        HistoryQuestion /*question*/,
        HistoryGrant /*grant*/,
        Cut /*cut*/,
        std::function<void(bulk::Begun)> done
    ) {
        done(bulk::Refusal{});
    }
    virtual std::shared_ptr<bulk::HistoryReader> read_history(HistoryGrant /*grant*/) {
        return nullptr;
    }

    /// All files of a backup, for an administrator whose request was answered with its name; null:
    /// there is none of that name (any more). `done` as above.
    virtual void open_backup(
        std::string /*name*/, std::function<void(std::shared_ptr<backup::Archive>)> done
    ) {
        done(nullptr);
    }

private:
    static controller::HttpResponse no_sign_in() {
        return controller::http_error(404, "not-found", "nobody signs in by password here");
    }
    static controller::bulk::FileRefusal no_files() {
        return {404, "not-found", "this server keeps no files"};
    }
};

}   // namespace grid::server::http
