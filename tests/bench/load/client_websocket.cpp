// tests/bench/load/client_websocket.cpp: the client whose stream is a WebSocket's (RFC 7395).
#include "load/client.hpp"
#include "load/websocket.hpp"

namespace grid::bench {

void Client::upgrade() {
    queue(websocket::upgrade_request(bench_.options.domain));
    step_ = Step::Upgrade;
}

// Returns how much of `input` it used up.
std::size_t Client::take_frames(std::string_view input) {
    std::size_t used = 0;
    if (step_ == Step::Upgrade) {
        used = websocket::upgraded(input);
        if (used == 0) return 0;
        step_ = Step::Mechanisms;
        open_stream();
    }
    while (step_ != Step::Closed) {
        const websocket::Frame frame = websocket::next_frame(input.substr(used));
        if (!frame.is_complete) break;
        used += frame.consumed;
        take(frame);
    }
    return used;
}

void Client::take(const websocket::Frame& frame) {
    using websocket::Kind;
    if (frame.kind == Kind::Ping) {
        std::string pong;
        websocket::append_pong(pong, frame.text);
        queue(pong);
    } else if (frame.kind == Kind::Close || frame.text.starts_with("<close ")) {
        ended("the server closed the stream");
    } else if (frame.kind == Kind::Text && !frame.text.starts_with("<open ")) {
        take(frame.text);
    }
}

}   // namespace grid::bench
