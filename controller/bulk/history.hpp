// controller/bulk/history.hpp: a request for the history of a topic, as its URL names it, and the
// text of the answer, piece by piece. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "controller/bulk/file_question.hpp"
#include "pubsub/decide/history.hpp"
#include "pubsub/reply.hpp"
#include "xml/result.hpp"

namespace grid::controller::bulk {

/// One XML document, or one JSON object a line.
enum class HistoryFormat : std::uint8_t { Xml, Ndjson };
/// `application/xml`, `application/x-ndjson`.
std::string_view media_type(HistoryFormat format);
std::optional<HistoryFormat> parse_history_format(std::string_view word);   // "xml", "ndjson"

struct HistoryRequest {
    pubsub::HistoryWish wish;
    HistoryFormat format = HistoryFormat::Xml;
    std::string sid;                          // of the offer that named the URL; or empty
    std::optional<storage::Millis> expires;   // of that offer
};

/// Behind an answer that offers it in band (XEP-0047): the server opens that stream.
struct HistoryOffer : pubsub::Sequel {
    explicit HistoryOffer(HistoryRequest wanted) : request(std::move(wanted)) {}
    HistoryRequest request;
};

/// Path of the resource.
inline constexpr std::string_view history_path = "/bulk/history";
/// Of the query of a URL, percent-encoded: topic, start, end, filter, format, after, sid, expires.
/// The error is for a person.
Result<HistoryRequest, std::string> parse_history_query(std::string_view query);
/// `base`, the path and the query. The URL names the request and is no right: it holds after a
/// restart, too.
std::string url_of(const HistoryRequest& request, std::string_view base);

/// A request by HTTPS with the accounts that its certificate names.
struct HistoryQuestion {
    HistoryRequest request;
    std::vector<FileClient> clients;
};
struct HistoryGrant {
    HistoryRequest request;
    pubsub::HistoryView view;
    std::size_t client = 0;   // of HistoryQuestion::clients
    std::string rule;         // that allows it
};

/// The text of an answer. An answer is whole if its end is there.
class HistoryText {
public:
    explicit HistoryText(const HistoryRequest& request) : request_(request) {}

    struct Item {
        std::string_view id, publisher, cursor, payload;
        storage::Millis time = 0;
    };
    void begin(std::string& out) const;
    void add(std::string& out, const Item& item);
    /// `cursor`: up to there all was looked at.
    void end(std::string& out, std::string_view cursor) const;
    std::uint64_t items() const { return items_; }

private:
    void add_xml(std::string& out, const Item& item);
    void add_json(std::string& out, const Item& item);
    std::string_view time_text(storage::Millis time);

    HistoryRequest request_;
    std::uint64_t items_ = 0;
    storage::Millis last_time_ = -1;
    std::string last_text_;   // of that time: many items have one
};

/// As the inside of a JSON string.
void append_json(std::string& out, std::string_view text);

}   // namespace grid::controller::bulk
