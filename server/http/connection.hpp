// server/http/connection.hpp: one HTTPS connection, from the handshake to the goodbye.
#pragma once

#include <boost/asio.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <memory>
#include <optional>
#include <string>
#include <variant>

#include "server/bulk/file_folder.hpp"
#include "server/http/answer.hpp"
#include "server/http/file_headers.hpp"
#include "server/http/guard.hpp"
#include "server/http/limits.hpp"
#include "server/http/shared.hpp"
#include "server/net/deadline.hpp"
#include "server/net/tls_stream.hpp"
#include "server/tls/certificate.hpp"

namespace grid::server::http {

namespace asio = boost::asio;

/// Lives as long as its coroutine, on the socket's strand.
class Connection : public std::enable_shared_from_this<Connection> {
public:
    Connection(
        std::shared_ptr<ServerShared> shared,
        net::Socket socket,
        std::string peer,
        std::shared_ptr<net::Entrance::Place> place
    );
    ~Connection();
    /// The parameter keeps it alive.
    static asio::awaitable<void> run(std::shared_ptr<Connection> self);
    /// Any thread. No further request; the one in progress is answered.
    void wind_up();
    /// Any thread. Gives way to a newcomer, at once and without a word.
    void displace();

private:
    using Parser = boost::beast::http::request_parser<boost::beast::http::string_body>;
    using Watchdog = net::Watchdog<net::Strand>;

    asio::awaitable<void> talk();
    asio::awaitable<bool> shake_hands();
    asio::awaitable<bool> wait_for_request();
    /// One request and its answer; false when the connection is to end.
    void skip_empty_line();
    asio::awaitable<bool> serve();
    /// nullopt: the connection is gone, and no answer is sent.
    using MaybeAnswer = std::optional<Answer>;
    asio::awaitable<MaybeAnswer> answer_to(Parser& parser, Admitted request);
    asio::awaitable<MaybeAnswer> ask_backend(Parser& parser, Admitted request);
    asio::awaitable<MaybeAnswer> ask_metrics(Parser& parser, const Admitted& request);
    /// The client that asks: signed in by the cookie, else by its certificate.
    using AskerAnswer = std::variant<controller::HttpResponse, HttpBackend::Asker>;
    asio::awaitable<AskerAnswer> who_asks(const Admitted& request, bool is_use = true);
    /// During an answer that takes its time: the refusal, where certificate or sign-in, or the
    /// account's role, would not let the client ask for that any more.
    asio::awaitable<std::optional<controller::HttpResponse>> refused_by_now(
        const Admitted& request, controller::Act act
    );
    // Sign-in by password.
    asio::awaitable<MaybeAnswer> ask_sign_in(Parser& parser, const Admitted& request);
    asio::awaitable<std::variant<controller::HttpResponse, SignInRequest>> read_sign_in(
        Parser& parser, const Admitted& request
    );
    SignInQuestion sign_in_question(const Admitted& request, bool is_use = true) const;
    // Events as they happen: connection_events.cpp
    /// After an answer that lets the client listen; ends the connection.
    asio::awaitable<bool> serve_events(Parser& parser, const Admitted& request);
    asio::awaitable<void> tell_events(live::ListenerPtr listener, const Admitted& request);
    asio::awaitable<bool> send_chunk(std::string text);
    Answer take_response(
        const Parser& parser, const std::string& method, controller::HttpResponse response
    );
    asio::awaitable<MaybeAnswer> ask_bosh(Parser& parser);
    Answer bosh_answer(const Parser& parser) const;
    Answer bosh_answer(const Parser& parser, const Refusal& refusal) const;
    /// Of a client that is no administrator: false when it has to give way.
    bool is_served();
    boost::system::error_code limit_body(Parser& parser) const;
    asio::awaitable<boost::system::error_code> read_body(Parser& parser);
    asio::awaitable<bool> refuse(Parser& parser, Refusal refusal);
    /// False in any case: the connection is the stream's, or ends.
    asio::awaitable<bool> become_websocket(Parser& parser);
    void hand_over(std::shared_ptr<net::Entrance::Place> place);
    Answer host_meta(const Parser& parser, bool is_json) const;
    Answer file(const Parser& parser, const std::string& path) const;
    Answer console(const Parser& parser, const std::string& path) const;
    asio::awaitable<bool> send(std::string bytes);

    // Files that clients exchange: connection_files.cpp
    using FileQuestion = HttpBackend::FileQuestion;
    using FileGrant = HttpBackend::FileGrant;
    /// The state of a transfer while it runs. Of the socket's strand.
    struct Carried;
    using CarriedPtr = std::shared_ptr<Carried>;
    /// The error: it was refused; whether the connection goes on.
    using BegunToCarry = Result<CarriedPtr, bool>;
    asio::awaitable<bool> serve_file(Parser& parser, const Admitted& request);
    asio::awaitable<bool> give_file(
        Parser& parser, const FileQuestion& question, const FileGrant& grant, bool is_head
    );
    asio::awaitable<bool> show_upload(
        Parser& parser, const controller::bulk::File& file, bool is_head
    );
    /// Of a file whose bytes are on another member of the cluster: connection_remote_files.cpp
    struct RemoteSource;
    asio::awaitable<bool> give_remote_file(
        Parser& parser,
        const controller::bulk::File& file,
        Answer answer,
        Part part,
        const CarriedPtr& carried
    );
    asio::awaitable<bool> send_remote_file(RemoteSource& source, Carried& carried);
    asio::awaitable<bool> remove_file(Parser& parser);
    std::vector<controller::bulk::FileClient> file_clients() const;
    asio::awaitable<HttpBackend::FileAnswer> ask_file(const FileQuestion& question);
    asio::awaitable<bool> refuse_file(Parser& parser, controller::bulk::FileRefusal refusal);
    using BegunDone = std::function<void(bulk::Begun)>;
    using StartTransfer = std::function<void(HttpBackend::Cut, BegunDone)>;
    /// Begins a transfer by `start`, which asks the backend. Null: it was refused, and the client
    /// was told. `is_told_why`: when it is cut, the client gets an answer, not just an end.
    asio::awaitable<BegunToCarry> carry(
        Parser& parser, bool is_told_why, const StartTransfer& start
    );
    asio::awaitable<BegunToCarry> begin_transfer(
        Parser& parser, const FileQuestion& question, const FileGrant& grant
    );
    void end_transfer(const CarriedPtr& carried, bulk::State why, std::string detail = {});
    asio::awaitable<bool> send_part(const bulk::Descriptor& file, Part part, Carried& carried);
    asio::awaitable<bool> write_all(std::string_view bytes);
    asio::awaitable<void> pause(Carried& carried, std::chrono::nanoseconds time);
    asio::awaitable<bool> answer_file(Parser& parser, Answer answer);

    // The history of a topic: connection_history.cpp
    using HistoryQuestion = controller::bulk::HistoryQuestion;
    using HistoryGrant = controller::bulk::HistoryGrant;
    asio::awaitable<bool> serve_history(Parser& parser, const Admitted& request);
    asio::awaitable<BegunToCarry> begin_history(
        Parser& parser, const HistoryQuestion& question, const HistoryGrant& grant
    );
    asio::awaitable<bool> send_history(CarriedPtr carried, const HistoryGrant& grant);

    // Backups, for administrators: connection_backup.cpp
    asio::awaitable<bool> send_archive(Parser& parser, Answer answer, const Admitted& request);
    asio::awaitable<bool> send_pieces(
        backup::Archive& archive, const std::string& name, const Admitted& request
    );

    // Files that a client fills: connection_uploads.cpp
    struct Incoming;
    asio::awaitable<bool> take_file(
        Parser& parser, const FileQuestion& question, const FileGrant& grant
    );
    asio::awaitable<std::optional<Refusal>> refuse_offset(
        Parser& parser, const controller::bulk::File& file
    );
    asio::awaitable<bool> take_in_turn(Parser& parser, const FileQuestion& question);
    asio::awaitable<std::optional<Refusal>> prepare_upload(Incoming& incoming);
    asio::awaitable<void> keep_slot(Incoming& incoming);
    asio::awaitable<void> take_body(Incoming& incoming);
    asio::awaitable<bool> fill(Incoming& incoming, std::size_t piece);
    asio::awaitable<bool> end_upload(Parser& parser, Incoming& incoming);
    asio::awaitable<bool> complete_upload(Parser& parser, Incoming& incoming);
    asio::awaitable<std::optional<Refusal>> keep_elsewhere(
        const Incoming& incoming, const std::string& hash
    );
    asio::awaitable<bool> fail_upload(
        Parser& parser, Incoming& incoming, boost::system::error_code error
    );
    /// Closes the socket when the time is over; what waits then fails.
    Watchdog watchdog(std::chrono::milliseconds deadline);

    /// Whether the connection may stay for another request. Clients of HTTP/1.0 would have to be
    /// told so in words of their own (RFC 9112, appendix C), and wait for its end.
    bool may_stay(const Parser& parser) const {
        return parser.get().version() >= 11 && parser.keep_alive() && !is_winding_up_ &&
               (no_client().empty() || !signed_in_.empty());
    }
    /// The unread rest of a body cannot be told from a next request, so it ends the connection.
    bool stays_after(const Parser& parser) const { return parser.is_done() && may_stay(parser); }
    std::string no_identity() const;
    std::string no_client() const;
    pubsub::Principal principal() const;
    void log(const Parser& parser, unsigned status, const std::string& reason) const;

    std::shared_ptr<ServerShared> shared_;
    net::Strand strand_;
    net::TlsStream stream_;
    std::string peer_;
    std::shared_ptr<net::Entrance::Place> place_;
    boost::beast::flat_buffer buffer_{ahead_bytes_max};
    tls::Presented presented_;
    bool is_first_ = true, is_idle_ = false, is_winding_up_ = false;
    live::ListenerPtr listening_;   // while events are told
    asio::steady_timer quiet_{strand_};
    bool is_known_ = false;         // an administrator's
    bool is_handed_over_ = false;   // `stream_` is gone: it carries an XMPP stream
    std::string signed_in_;         // the account of the last request's cookie; empty: none
};

}   // namespace grid::server::http
