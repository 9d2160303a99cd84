// controller/bulk/history.cpp: see controller/bulk/history.hpp.
#include "controller/bulk/history.hpp"

#include <array>
#include <tuple>

#include "controller/text/strict.hpp"
#include "xml/datetime.hpp"
#include "xml/percent.hpp"
#include "xml/writer.hpp"

namespace grid::controller::bulk {

namespace {

constexpr std::string_view history_ns = "gi#history";
constexpr std::size_t value_bytes_max = 8 * 1024;

/// The bytes that a JSON string cannot have as they are.
constexpr std::array<bool, 256> make_escaped() {
    std::array<bool, 256> escaped{};
    for (std::size_t byte = 0; byte < 0x20; ++byte) escaped[byte] = true;
    escaped['"'] = escaped['\\'] = true;
    return escaped;
}
constexpr std::array<bool, 256> is_escaped = make_escaped();

/// Takes one parameter; the error is for a person, empty: there is none.
std::string take_parameter(HistoryRequest& into, const std::string& name, std::string value) {
    if (name == "topic") {
        into.wish.node = std::move(value);
    } else if (name == "filter") {
        into.wish.filter = std::move(value);
    } else if (name == "after") {
        into.wish.after = std::move(value);
    } else if (name == "sid") {
        into.sid = std::move(value);
    } else if (name == "format") {
        const auto format = parse_history_format(value);
        if (!format) return "format is xml or ndjson";
        into.format = *format;
    } else if (name == "start" || name == "end" || name == "expires") {
        const auto time = xml::parse_datetime(value);
        if (!time) return name + " is a time such as 2026-11-01T12:00:00Z";
        (name == "start" ? into.wish.start : name == "end" ? into.wish.end : into.expires) = *time;
    } else {
        return "unknown parameter '" + name +
               "'; known: topic, start, end, filter, format, after, sid, expires";
    }
    return {};
}

void append_parameter(std::string& url, std::string_view name, std::string_view value) {
    if (value.empty()) return;
    url.append(url.find('?') == std::string::npos ? "?" : "&").append(name).append("=");
    url.append(xml::percent_encoded(value));
}

std::string time_or_nothing(const std::optional<storage::Millis>& time) {
    return time ? xml::to_datetime(*time) : std::string();
}

}   // namespace

std::string_view media_type(HistoryFormat format) {
    return format == HistoryFormat::Xml ? "application/xml" : "application/x-ndjson";
}

std::optional<HistoryFormat> parse_history_format(std::string_view word) {
    if (word == "xml") return HistoryFormat::Xml;
    if (word == "ndjson") return HistoryFormat::Ndjson;
    return std::nullopt;
}

Result<HistoryRequest, std::string> parse_history_query(std::string_view query) {
    HistoryRequest request;
    auto parameters = parse_parameters(query);
    if (!parameters) return parameters.error();
    for (auto& [name, value] : *parameters) {
        if (value.size() > value_bytes_max) return std::string("a parameter is too long");
        if (auto error = take_parameter(request, name, std::move(value)); !error.empty())
            return error;
    }
    if (request.wish.node.empty()) return std::string("the parameter 'topic' is missing");
    const auto& [start, end] = std::tie(request.wish.start, request.wish.end);
    if (start && end && *start > *end) return std::string("start is later than end");
    return request;
}

std::string url_of(const HistoryRequest& request, std::string_view base) {
    std::string url(base);
    url.append(history_path);
    append_parameter(url, "topic", request.wish.node);
    append_parameter(url, "start", time_or_nothing(request.wish.start));
    append_parameter(url, "end", time_or_nothing(request.wish.end));
    append_parameter(url, "filter", request.wish.filter);
    if (request.format == HistoryFormat::Ndjson) append_parameter(url, "format", "ndjson");
    append_parameter(url, "after", request.wish.after);
    append_parameter(url, "sid", request.sid);
    append_parameter(url, "expires", time_or_nothing(request.expires));
    return url;
}

void append_json(std::string& out, std::string_view text) {
    constexpr std::string_view digits = "0123456789abcdef";
    std::size_t from = 0;
    for (std::size_t at = 0; at < text.size(); ++at) {
        const auto byte = static_cast<unsigned char>(text[at]);
        if (!is_escaped[byte]) continue;
        out.append(text.substr(from, at - from));
        from = at + 1;
        if (byte == '"' || byte == '\\') {
            out.push_back('\\');
            out.push_back(text[at]);
        } else if (byte == '\n') {
            out.append("\\n");
        } else {
            out.append("\\u00").push_back(digits[byte >> 4U]);
            out.push_back(digits[byte & 0xfU]);
        }
    }
    out.append(text.substr(from));
}

void HistoryText::begin(std::string& out) const {
    if (request_.format == HistoryFormat::Ndjson) return;
    out.append("<?xml version='1.0' encoding='UTF-8'?>\n<history");
    const auto put = [&](std::string_view name, const std::string& value) {
        if (!value.empty()) xml::append_single_quoted_attr(out, name, value);
    };
    put("xmlns", std::string(history_ns));
    put("topic", request_.wish.node);
    put("start", time_or_nothing(request_.wish.start));
    put("end", time_or_nothing(request_.wish.end));
    put("filter", request_.wish.filter);
    put("after", request_.wish.after);
    out.append(">\n");
}

std::string_view HistoryText::time_text(storage::Millis time) {
    if (time != last_time_) {
        last_time_ = time;
        last_text_ = xml::to_datetime(time);
    }
    return last_text_;
}

void HistoryText::add(std::string& out, const Item& item) {
    ++items_;
    if (request_.format == HistoryFormat::Xml)
        add_xml(out, item);
    else
        add_json(out, item);
}

/// Payloads are in the store as elements of their own, which write out the namespace that they are
/// in.
void HistoryText::add_xml(std::string& out, const Item& item) {
    out.append("<item id='");
    xml::append_escaped_attr(out, item.id);
    if (!item.publisher.empty()) {
        out.append("' publisher='");
        xml::append_escaped_attr(out, item.publisher);
    }
    out.append("' time='").append(time_text(item.time));
    out.append("' cursor='").append(item.cursor);
    if (item.payload.empty()) {
        out.append("'/>\n");
        return;
    }
    out.append("'>").append(item.payload).append("</item>\n");
}

void HistoryText::add_json(std::string& out, const Item& item) {
    out.append(R"({"id":")");
    append_json(out, item.id);
    if (!item.publisher.empty()) {
        out.append(R"(","publisher":")");
        append_json(out, item.publisher);
    }
    out.append(R"(","time":")").append(time_text(item.time));
    out.append(R"(","cursor":")").append(item.cursor);
    if (!item.payload.empty()) {
        out.append(R"(","payload":")");
        append_json(out, item.payload);
    }
    out.append("\"}\n");
}

void HistoryText::end(std::string& out, std::string_view cursor) const {
    const std::string items = std::to_string(items_);
    if (request_.format == HistoryFormat::Xml) {
        out.append("<end items='").append(items);
        out.append("' cursor='").append(cursor).append("'/>\n</history>\n");
        return;
    }
    out.append(R"({"end":true,"items":)").append(items);
    out.append(R"(,"cursor":")").append(cursor).append("\"}\n");
}

}   // namespace grid::controller::bulk
