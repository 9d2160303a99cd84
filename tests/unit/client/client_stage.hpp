// tests/unit/client/client_stage.hpp: gridctl's client against a server that is played
// by the test.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "server/gridctl/xmpp/outcome.hpp"
#include "server/gridctl/xmpp/session.hpp"

namespace client_stage {

using grid::gridctl::xmpp::Job;
using grid::gridctl::xmpp::Login;
using grid::gridctl::xmpp::Session;

inline constexpr const char* domain = "grid.example";
inline constexpr const char* broker = "pubsub.grid.example";
inline constexpr const char* address = "ann@grid.example/one";

struct Lines final : grid::gridctl::xmpp::Output {
    std::vector<std::string> printed, complaints;
    void print(const std::string& line) override { printed.push_back(line); }
    void complain(const std::string& text) override { complaints.push_back(text); }
};

/// Notes what a session tells it.
struct Notes final : Job {
    std::vector<std::string> heard;
    void online(Session&, bool is_resumed) override {
        heard.emplace_back(is_resumed ? "resumed" : "online");
    }
    void answered(Session&, const std::string& id, const grid::xml::Element& iq) override {
        heard.push_back(id + " " + std::string(iq.attr_or("type", "")));
    }
    void received(Session&, const grid::xml::Element& message) override {
        heard.push_back("message " + std::string(message.attr_or("id", "")));
    }
    bool is_done() const override { return false; }
    void stop(Session&) override {}
};

/// One client and the words of its server. TLS is from the first byte, and nobody's business.
class Stage {
public:
    explicit Stage(Job& job, std::string password = "");

    Session& session() { return session_; }
    /// Output of the client since the last call.
    std::string said() { return session_.take_output(); }
    void hears(std::string_view bytes) { session_.receive(bytes); }
    void open_stream(std::string_view features);
    /// Up to the features with bind.
    void authenticate();
    /// A whole login. The token is that of resumption; empty: none.
    void log_in(std::string_view token = "token");
    /// A new connection, where the server has forgotten the session.
    void log_in_anew();
    /// A new connection, on which the session is resumed.
    void resume(unsigned handled);
    void lose() { session_.lost(); }

private:
    Session session_;
};

/// Every `name='…'` in a text.
std::vector<std::string> values_of(std::string_view text, std::string_view name);
std::string result_of(std::string_view id, std::string_view inner = "");
std::string refusal_of(std::string_view id, std::string_view type, std::string_view condition);

}   // namespace client_stage
