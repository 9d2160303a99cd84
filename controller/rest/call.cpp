// controller/rest/call.cpp: reading members of a request, writing answers.
#include "controller/rest/call.hpp"

#include <algorithm>
#include <charconv>

#include "xml/datetime.hpp"
#include "xml/utf8.hpp"

namespace grid::controller::rest {

namespace {

Failure expected(std::string_view name, std::string_view what) {
    return {
        Errc::MalformedRequest, "expected \"" + std::string(name) + "\": " + std::string(what), {}
    };
}

}   // namespace

const std::string& Request::in_path(std::string_view name) const {
    static const std::string none;
    const auto found = path.find(name);
    return found == path.end() ? none : found->second;
}

std::string Request::in_query(std::string_view name) const {
    const auto found = query.find(name);
    return found == query.end() ? std::string{} : found->second;
}

std::size_t Call::page_max() const {
    const std::size_t bound = std::max<std::size_t>(state.settings.page_max, 1);
    const std::string text = request.in_query("max");
    std::size_t asked = bound;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), asked);
    // Whether it is a number was checked before.
    if (error != std::errc{} || end != text.data() + text.size()) return bound;
    return std::clamp<std::size_t>(asked, 1, bound);
}

HttpResponse ok(json::object body, int status) {
    return {status, xml::valid_utf8(json::serialize(body))};
}

HttpResponse refuse(int status, std::string_view code, std::string_view text) {
    return http_error(status, code, text);
}

HttpResponse refuse(const Failure& failure) {
    const ErrorRow& found = row(failure.code);
    if (failure.code != Errc::NotAdministrator || failure.detail.empty())
        return refuse(found.http, found.http_code, failure.text);
    return http_problem(found.http, found.http_code, failure.text, {{"role", failure.detail}});
}

HttpDecision changed(storage::Batch batch, HttpResponse response) {
    if (batch.operations.empty()) return HttpDecision(std::move(response));
    return HttpDecision::Change{std::move(batch), std::move(response)};
}

Outcome<std::string> required_text(const json::object& body, std::string_view name) {
    const json::value* value = body.if_contains(name);
    if (value == nullptr || !value->is_string()) return expected(name, "a text");
    return std::string(value->get_string());
}

Outcome<std::optional<std::string>> optional_text(const json::object& body, std::string_view name) {
    const json::value* value = body.if_contains(name);
    if (value == nullptr) return std::optional<std::string>{};
    if (!value->is_string()) return expected(name, "a text");
    return std::optional(std::string(value->get_string()));
}

Outcome<bool> optional_flag(const json::object& body, std::string_view name) {
    const json::value* value = body.if_contains(name);
    if (value == nullptr) return false;
    if (!value->is_bool()) return expected(name, "true or false");
    return value->get_bool();
}

Outcome<std::optional<Groups>> optional_groups(const json::object& body, std::string_view name) {
    const json::value* value = body.if_contains(name);
    if (value == nullptr) return std::optional<Groups>{};
    const std::string what = std::string("a list of at most 64 names; ") + group_name_rule;
    if (!value->is_array()) return expected(name, what);
    std::vector<std::string> names;
    for (const json::value& entry : value->get_array()) {
        if (!entry.is_string()) return expected(name, what);
        names.emplace_back(entry.get_string());
    }
    auto groups = make_groups(std::move(names));
    if (!groups) return expected(name, what);
    return std::optional(std::move(*groups));
}

Outcome<xml::Jid> bare_jid(std::string_view text) {
    auto jid = xml::Jid::parse(text);
    if (!jid || !jid->is_bare() || jid->local().empty())
        return Failure{
            Errc::MalformedRequest,
            "'" + std::string(text) + "' is no account: expected name@domain",
            {}
        };
    return *jid;
}

json::value cursor(std::string_view next) {
    return next.empty() ? json::value(nullptr) : json::value(next);
}

json::array to_json(const std::vector<std::string>& texts) {
    json::array list;
    for (const std::string& text : texts) list.emplace_back(text);
    return list;
}

std::string time_text(storage::Millis time) { return xml::to_datetime(time); }

}   // namespace grid::controller::rest
