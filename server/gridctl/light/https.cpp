// server/gridctl/light/https.cpp: see server/gridctl/light/https.hpp.
#include "server/gridctl/light/https.hpp"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/json.hpp>
#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>
#include <cerrno>
#include <cstring>
#include <optional>

#include "server/gridctl/light/local_file.hpp"
#include "server/gridctl/table.hpp"

namespace grid::gridctl::light {

namespace {

namespace http = boost::beast::http;
constexpr std::size_t piece_bytes = 128UL * 1024, error_bytes_max = 64UL * 1024;
constexpr std::size_t ahead_bytes_max = 1024UL * 1024;   // that are not taken apart yet

std::string in_lower_case(std::string_view text) {
    std::string out(text);
    std::ranges::transform(out, out.begin(), [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    });
    return out;
}

}   // namespace

std::string HttpAnswer::words() const {
    boost::json::error_code ignored;
    const auto value = boost::json::parse(body, ignored);
    const std::string text = ignored ? "-" : cell_of(value, "detail");
    return "HTTP " + std::to_string(status) + (text == "-" ? "" : ": " + text);
}

/// Takes an answer apart as its bytes come.
class Https::Reader {
public:
    Reader(
        bool has_body,
        const std::function<void(const HttpAnswer&)>& head,
        const std::function<void(std::string_view)>& take
    )
        : has_body_(has_body), head_(head), take_(take) {
        begin();
    }

    bool is_done() const { return parser_->is_done(); }

    void feed(std::string_view bytes) {
        left_ += bytes;
        while (!left_.empty() && !is_done()) {
            auto& body = parser_->get().body();
            body.data = piece_.data();
            body.size = piece_.size();
            body.more = true;
            boost::system::error_code error;
            const std::size_t used =
                parser_->put(boost::asio::buffer(left_.data(), left_.size()), error);
            left_.erase(0, used);
            // RFC 9110 §15.2: interim answers may come before the answer, without being asked for.
            if (is_done() && parser_->get().result_int() < 200) {
                begin();
                continue;
            }
            note_head();
            if (const std::size_t got = piece_.size() - body.size;
                got > 0 && parser_->is_header_done())
                take_body({piece_.data(), got});
            if (error == http::error::need_more && left_.size() > ahead_bytes_max)
                throw Broken("the server's answer is no HTTP: a line of it does not end");
            if (error == http::error::need_more) return;
            if (error && error != http::error::need_buffer)
                throw Broken("the server's answer is no HTTP: " + error.message());
            if (used == 0 && !error) return;
        }
    }

    HttpAnswer take() { return std::move(answer_); }

private:
    void begin() {
        parser_.emplace();
        parser_->body_limit(boost::none);
        parser_->eager(true);
        if (!has_body_) parser_->skip(true);
    }
    void note_head() {
        if (answer_.status != 0 || !parser_->is_header_done()) return;
        answer_.status = parser_->get().result_int();
        for (const auto& field : parser_->get())
            answer_
                .headers[in_lower_case({field.name_string().data(), field.name_string().size()})] =
                std::string(field.value().data(), field.value().size());
        if (head_) head_(answer_);
    }
    void take_body(std::string_view bytes) {
        const bool is_content = answer_.status == 200 || answer_.status == 206;
        if (is_content && take_) return take_(bytes);
        answer_.body +=
            bytes.substr(0, error_bytes_max - std::min(answer_.body.size(), error_bytes_max));
    }

    const bool has_body_;
    const std::function<void(const HttpAnswer&)>& head_;
    const std::function<void(std::string_view)>& take_;
    std::optional<http::response_parser<http::buffer_body>> parser_;
    std::vector<char> piece_ = std::vector<char>(piece_bytes);
    std::string left_;
    HttpAnswer answer_;
};

Https::Https(Target target, unsigned timeout_seconds)
    : host_(target.name + ":" + target.port),
      link_(std::move(target)),
      timeout_seconds_(timeout_seconds) {}

void Https::flush(std::string& bytes) {
    while (true) {
        link_.write(bytes);
        if (bytes.empty()) return;
        link_.wait(POLLOUT, deadline());
    }
}

void Https::begin(
    const std::string& method, const std::string& path, const Fields& fields, std::int64_t length
) {
    link_.connect(deadline());
    link_.secure(deadline());
    std::string head = method + " " + path + " HTTP/1.1\r\nHost: " + host_ +
                       "\r\nUser-Agent: gridctl\r\nConnection: close\r\n";
    for (const auto& [name, value] : fields) head.append(name).append(": ").append(value) += "\r\n";
    if (length >= 0) head += "Content-Length: " + std::to_string(length) + "\r\n";
    head += "\r\n";
    flush(head);
}

HttpAnswer Https::finish(Reader& reader) {
    while (!reader.is_done()) {
        const std::string bytes = link_.read();
        if (bytes.empty())
            link_.wait(POLLIN, deadline());
        else
            reader.feed(bytes);
    }
    link_.close();
    return reader.take();
}

HttpAnswer Https::ask(
    const std::string& method, const std::string& path, const Fields& fields, std::int64_t length
) {
    begin(method, path, fields, length);
    Reader reader(method != "HEAD", {}, {});
    return finish(reader);
}

HttpAnswer Https::get(
    const std::string& path,
    const Fields& fields,
    const std::function<void(const HttpAnswer&)>& head,
    const std::function<void(std::string_view)>& take
) {
    begin("GET", path, fields, no_content);
    Reader reader(true, head, take);
    return finish(reader);
}

HttpAnswer Https::put(
    const std::string& path,
    const Fields& fields,
    int file,
    std::uint64_t from,
    std::uint64_t count,
    const std::function<void(std::uint64_t)>& on_sent
) {
    begin("PUT", path, fields, static_cast<std::int64_t>(count));
    Reader reader(true, {}, {});
    std::string piece;
    std::uint64_t read = 0;
    while (!reader.is_done()) {
        const std::string bytes = link_.read();
        if (!bytes.empty()) {
            reader.feed(bytes);   // a refusal may come before all is sent
            continue;
        }
        if (piece.empty() && read < count) {
            piece.resize(static_cast<std::size_t>(std::min<std::uint64_t>(piece_bytes, count - read)
            ));
            const ssize_t got =
                ::pread(file, piece.data(), piece.size(), static_cast<off_t>(from + read));
            if (got <= 0) throw unreadable("the file", got < 0 ? errno : 0);
            piece.resize(static_cast<std::size_t>(got));
            read += static_cast<std::uint64_t>(got);
        }
        link_.write(piece);
        on_sent(from + read - piece.size());
        if (!piece.empty() || read == count) link_.wait(link_.wanted(!piece.empty()), deadline());
    }
    link_.close();
    return reader.take();
}

HttpsUrl parse_https_url(const std::string& url) {
    const auto parsed = boost::urls::parse_uri(url);
    if (!parsed || parsed->scheme() != "https" || parsed->has_userinfo()) return {};
    const auto text = [](const auto& part) { return std::string(part.data(), part.size()); };
    HttpsUrl out;
    out.host = parsed->host();
    out.port = parsed->has_port() ? text(parsed->port()) : "443";
    out.path = text(parsed->encoded_resource());
    if (const auto end = out.path.find('#'); end != std::string::npos) out.path.erase(end);
    if (out.path.empty()) out.path = "/";
    return out;
}

}   // namespace grid::gridctl::light
