// server/core/core_sign_in.cpp: administrators sign in to the console by password and code.
#include <algorithm>
#include <boost/json.hpp>

#include "server/clock.hpp"
#include "server/core/core.hpp"
#include "server/net/source.hpp"
#include "server/pipeline/storage_error.hpp"
#include "server/pipeline/transaction.hpp"

namespace grid::server {

namespace asio = boost::asio;
namespace administration = controller::administration;
using controller::HttpResponse;

namespace {

constexpr auto cookie_name = "__Host-gridd";
constexpr auto cookie_attributes = "; Path=/; Secure; HttpOnly; SameSite=Strict";

/// The prefix __Host- makes browsers take it from this host alone, for the whole of it, by TLS.
std::string cookie_line(const std::string& token) {
    return std::string("Set-Cookie: ") + cookie_name + "=" + token + cookie_attributes +
           (token.empty() ? "; Max-Age=0" : "") + "\r\n";
}

HttpResponse signed_out() {
    return controller::http_error(
        401, "sign-in-required", "nobody is signed in by this browser, or not any more: sign in"
    );
}

HttpResponse too_many(std::chrono::seconds wait) {
    HttpResponse response = controller::http_error(
        429, "too-many-sign-ins", "too many sign-ins have failed: " + try_again_in(wait)
    );
    response.headers =
        "Retry-After: " + std::to_string(std::max<std::int64_t>(wait.count(), 1)) + "\r\n";
    return response;
}

/// A name alone is one of the grid's own.
std::string to_account_name(const std::string& typed, const std::string& domain) {
    const auto jid =
        xml::Jid::parse(typed.find('@') == std::string::npos ? typed + "@" + domain : typed);
    return jid && jid->is_bare() ? jid->str() : typed;
}

HttpResponse description_of(const SignIns::SignIn& sign_in, const SignIns::Bounds& bounds) {
    const auto age = std::chrono::duration_cast<std::chrono::seconds>(
        std::chrono::steady_clock::now() - sign_in.since
    );
    const boost::json::object body{
        {"account", sign_in.who.account.str()},
        {"role", controller::to_string(sign_in.who.role)},
        {"csrf", sign_in.csrf},
        {"idle_seconds", bounds.idle.count()},
        {"seconds_left", std::max<std::int64_t>((bounds.longest - age).count(), 0)}
    };
    return {200, boost::json::serialize(body)};
}

}   // namespace

void Core::sign_in(SignInRequest request, HttpDone done) {
    asio::post(strand_, [this, request = std::move(request), done = std::move(done)]() mutable {
        request.account = to_account_name(request.account, config_.domain);
        const std::string source = net::source_of(request.address);
        const auto time = std::chrono::steady_clock::now();
        if (!sign_in_limits_.take(request.account, source, time))
            return refuse_sign_in(
                request, too_many(sign_in_limits_.wait(request.account, source, time)), done
            );
        controller::LoginQuestion question;
        question.name = request.account;
        question.password =
            controller::prepare_password(request.password).value_or(request.password);
        const std::string address = request.address;
        find_keys(
            std::move(question), address,
            [this, request = std::move(request),
             done = std::move(done)](controller::LoginKeys keys) mutable {
                asio::post(
                    strand_,
                    [this, request = std::move(request), keys = std::move(keys),
                     done = std::move(done)]() mutable {
                        finish_sign_in(std::move(request), keys, std::move(done));
                    }
                );
            }
        );
    });
}

void Core::refuse_sign_in(
    const SignInRequest& request, HttpResponse response, const HttpDone& done
) {
    controller_.record_refusal(
        "sign-in-refused", request.account, request.address,
        response.status == 429 ? "policy-violation" : "not-authorized",
        response.status == 429 ? "too many sign-ins have failed" : "password or code"
    );
    done(std::move(response));
}

void Core::finish_sign_in(SignInRequest request, const controller::LoginKeys& keys, HttpDone done) {
    if (!keys.refused.empty() && is_cut_off())
        return done(controller::http_error(503, "cut-off", keys.refused));
    if (!keys.refused.empty()) {
        const auto wait = login_limits_.wait(
            request.account, net::source_of(request.address), std::chrono::steady_clock::now()
        );
        return refuse_sign_in(request, too_many(wait), done);
    }
    const administration::SignInAttempt attempt{
        request.account, request.code, keys.generation, keys.fits_given
    };
    auto who = std::make_shared<std::optional<administration::SignedIn>>();
    using Transaction = CallbackTransaction<HttpResponse, HttpResponse>;
    auto decide = [this, attempt, who](const pubsub::Context& context) -> controller::HttpDecision {
        who->reset();
        auto made = administration::sign_in({controller_.state_for_admin(), context}, attempt);
        if (!made)
            return controller::http_error(401, "sign-in-refused", administration::sign_in_refused);
        *who = std::move(made->who);
        return controller::HttpDecision::Change{std::move(made->batch), HttpResponse{}};
    };
    pubsub::Principal actor;
    if (const auto jid = xml::Jid::parse(request.account)) actor.jid = *jid;
    actor.origin = pubsub::Origin::Http;
    actor.address = request.address;
    auto queue = std::make_shared<SenderQueue>(senders_.next(), request.account);
    auto transaction = std::make_unique<Transaction>(
        std::move(decide),
        [](boost::system::error_code error) {
            return controller::http_error(503, "store", to_stanza_error(error).text);
        },
        [this, request = std::move(request), who, done = std::move(done)](auto answer) {
            HttpResponse response = answer.index() == 0 ? std::get<0>(std::move(answer))
                                                        : std::get<1>(std::move(answer));
            if (response.status == 401) return refuse_sign_in(request, std::move(response), done);
            done(response.status == 200 && *who ? begin_sign_in(request, **who) : response);
        }
    );
    transaction->context = {std::move(actor), now(), fresh_id()};
    queue->push(std::move(transaction));
    pipeline_->advance(queue);
}

/// The code is taken. Rights that the account lost since the decision are lost here, too.
HttpResponse Core::begin_sign_in(
    const SignInRequest& request, const administration::SignedIn& who
) {
    if (!administration::holds(controller_.state_for_admin(), who)) return signed_out();
    const auto time = std::chrono::steady_clock::now();
    const std::string source = net::source_of(request.address);
    sign_in_limits_.give_back(request.account, source, time);
    login_limits_.give_back(request.account, source, time);
    // Never the token that the browser came with: another may have put it there.
    sign_ins_.end(request.former);
    const std::string token = sign_ins_.add(who, time);
    HttpResponse response = description_of(*sign_ins_.find(token, time), sign_ins_.bounds());
    response.headers = cookie_line(token);
    return response;
}

const SignIns::SignIn* Core::signed_in(const std::string& token, bool is_use) {
    const SignIns::SignIn* found = sign_ins_.find(token, std::chrono::steady_clock::now(), is_use);
    if (found == nullptr) return nullptr;
    if (administration::holds(controller_.state_for_admin(), found->who)) return found;
    sign_ins_.end(token);
    return nullptr;
}

std::variant<HttpResponse, const SignIns::SignIn*> Core::check_sign_in(
    const SignInQuestion& question
) {
    const SignIns::SignIn* found = signed_in(question.token, question.is_use);
    if (found == nullptr) return signed_out();
    if (question.is_change && (question.csrf.size() != found->csrf.size() ||
                               !controller::are_equal(question.csrf, found->csrf)))
        return controller::http_error(
            403, "csrf-token",
            "a change by a browser that is signed in needs the token of GET session in the header "
            "X-CSRF-Token"
        );
    return found;
}

void Core::show_sign_in(SignInQuestion question, HttpDone done) {
    asio::post(strand_, [this, question = std::move(question), done = std::move(done)] {
        auto found = check_sign_in(question);
        if (auto* refused = std::get_if<0>(&found)) return done(std::move(*refused));
        done(description_of(*std::get<1>(found), sign_ins_.bounds()));
    });
}

void Core::sign_out(SignInQuestion question, HttpDone done) {
    asio::post(strand_, [this, question = std::move(question), done = std::move(done)] {
        auto found = check_sign_in(question);
        if (auto* refused = std::get_if<0>(&found)) return done(std::move(*refused));
        controller::Identity who;
        who.account = std::get<1>(found)->who.account;
        controller_.record_session(who, "sign-out", question.address, "");
        sign_ins_.end(question.token);
        HttpResponse response{200, R"({"signed_out":true})"};
        response.headers = cookie_line({});
        done(std::move(response));
    });
}

void Core::find_sign_in(SignInQuestion question, std::function<void(SignInAnswer)> done) {
    asio::post(strand_, [this, question = std::move(question), done = std::move(done)] {
        auto found = check_sign_in(question);
        if (auto* refused = std::get_if<0>(&found)) return done(std::move(*refused));
        const administration::SignedIn& who = std::get<1>(found)->who;
        SignedInClient client;
        client.identity.account = who.account;
        client.identity.password = who.generation;
        client.principal.jid = who.account;
        client.principal.origin = pubsub::Origin::Http;
        client.principal.address = question.address;
        client.principal.issuer = controller::authorities_text(client.identity);
        done(std::move(client));
    });
}

}   // namespace grid::server
