// controller/text/strict.cpp: see controller/text/strict.hpp.
#include "controller/text/strict.hpp"

#include <algorithm>
#include <boost/json/basic_parser_impl.hpp>
#include <set>
#include <utility>
#include <vector>

#include "xml/percent.hpp"
#include "xml/utf8.hpp"

namespace grid::controller {

namespace {

namespace json = boost::json;
using boost::system::error_code;

template <class Value>
Result<Value, std::string> wrong(std::string text) {
    return {boost::system::in_place_error, std::move(text)};
}

/// Notes the names of each object that is open. As Boost.JSON calls it.
class NamesHandler {
public:
    static constexpr std::size_t max_array_size = static_cast<std::size_t>(-1);
    static constexpr std::size_t max_object_size = max_array_size;
    static constexpr std::size_t max_string_size = max_array_size;
    static constexpr std::size_t max_key_size = max_array_size;

    bool is_good() const { return is_good_; }
    /// The name that was there twice, first.
    const std::string& repeated() const { return repeated_; }

    bool on_document_begin(error_code&) { return true; }
    bool on_document_end(error_code&) { return true; }
    bool on_object_begin(error_code&) {
        open_.emplace_back();
        return true;
    }
    bool on_object_end(std::size_t, error_code&) {
        open_.pop_back();
        return true;
    }
    bool on_array_begin(error_code&) { return true; }
    bool on_array_end(std::size_t, error_code&) { return true; }
    bool on_key_part(json::string_view part, std::size_t, error_code&) {
        name_.append(part.data(), part.size());
        return true;
    }
    bool on_key(json::string_view part, std::size_t, error_code& error) {
        name_.append(part.data(), part.size());
        const auto [at, is_new] = open_.back().insert(std::exchange(name_, {}));
        if (is_new) return true;
        is_good_ = false;
        repeated_ = *at;
        error = json::error::syntax;
        return false;
    }
    bool on_string_part(json::string_view, std::size_t, error_code&) { return true; }
    bool on_string(json::string_view, std::size_t, error_code&) { return true; }
    bool on_number_part(json::string_view, error_code&) { return true; }
    bool on_int64(std::int64_t, json::string_view, error_code&) { return true; }
    bool on_uint64(std::uint64_t, json::string_view, error_code&) { return true; }
    bool on_double(double, json::string_view, error_code&) { return true; }
    bool on_bool(bool, error_code&) { return true; }
    bool on_null(error_code&) { return true; }
    bool on_comment_part(json::string_view, error_code&) { return true; }
    bool on_comment(json::string_view, error_code&) { return true; }

private:
    std::vector<std::set<std::string>> open_;
    std::string name_, repeated_;
    bool is_good_ = true;
};

}   // namespace

Result<json::object, std::string> parse_object(std::string_view text) {
    if (text.empty()) return json::object{};
    if (text.starts_with("\xEF\xBB\xBF"))   // RFC 8259 §8.1
        return wrong<json::object>("the body is no JSON: it begins with a byte order mark");
    if (!xml::is_utf8(text)) return wrong<json::object>("the body is not UTF-8");
    error_code error;
    json::value value = json::parse(json::string_view(text.data(), text.size()), error);
    if (error || !value.is_object()) return wrong<json::object>("the body is no JSON object");
    json::basic_parser<NamesHandler> names{json::parse_options{}};
    names.write_some(false, text.data(), text.size(), error);
    if (!names.handler().is_good())
        return wrong<json::object>(
            "the member '" + names.handler().repeated() + "' is there twice in one object"
        );
    return std::move(value.get_object());
}

Result<Parameters, std::string> parse_parameters(std::string_view query) {
    Parameters found;
    while (!query.empty()) {
        const std::string_view part = query.substr(0, query.find('&'));
        query.remove_prefix(std::min(part.size() + 1, query.size()));
        if (part.empty()) continue;
        const std::size_t equals = std::min(part.find('='), part.size());
        auto name = xml::percent_decoded(part.substr(0, equals), true);
        auto value = xml::percent_decoded(part.substr(std::min(equals + 1, part.size())), true);
        if (!name || !value) return wrong<Parameters>("the query is not percent-encoded");
        const auto [at, is_new] = found.emplace(std::move(*name), std::move(*value));
        if (!is_new) return wrong<Parameters>("the parameter '" + at->first + "' is there twice");
    }
    return found;
}

}   // namespace grid::controller
