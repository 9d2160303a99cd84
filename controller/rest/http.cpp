// controller/rest/http.cpp: see controller/rest/http.hpp.
#include "controller/rest/http.hpp"

#include <boost/json.hpp>

#include "xml/utf8.hpp"

namespace grid::controller {

HttpResponse http_error(int status, std::string_view code, std::string_view text) {
    namespace json = boost::json;
    const json::object error{{"code", code}, {"text", text}};
    return {status, xml::valid_utf8(json::serialize(json::object{{"error", error}}))};
}

}   // namespace grid::controller
