// controller/gi/request.cpp: wrapper, dialects and spellings of the Grid protocol.
#include "controller/gi/request.hpp"

#include <algorithm>

#include "xml/namespaces.hpp"

namespace grid::controller::gi {

namespace {

constexpr const char* xsi_uri = "http://www.w3.org/2001/XMLSchema-instance";
constexpr const char* array_uri = "http://jaxb.dev.java.net/array";
const xml::Ns no_ns;

std::vector<Param> read_params(const xml::Element& method) {
    std::vector<Param> params;
    for (const xml::Element* child : method.children())
        if (child->name() == "param")
            params.push_back({std::string(child->attr_or("name", "")), trimmed(child->text())});
    return params;
}

}   // namespace

std::vector<std::string> Request::all(std::string_view name) const {
    std::vector<std::string> found;
    for (const Param& param : params)
        if (param.name == name) found.push_back(param.text);
    return found;
}

std::string Request::one(std::string_view name, bool positional) const {
    const auto named = std::ranges::find(params, name, &Param::name);
    if (named != params.end()) return named->text;
    if (!positional) return {};
    const auto bare = std::ranges::find(params, std::string_view{}, &Param::name);
    return bare == params.end() ? std::string{} : bare->text;
}

bool is_grid(const xml::Element& payload) {
    return payload.is("grid", xml::ns::gi) || payload.is("grid", xml::ns::xgrid);
}

Outcome<Request> parse_request(const xml::Element& payload) {
    if (!is_grid(payload)) return malformed("expected <grid xmlns='gi'/> or <grid xmlns='xgrid'/>");
    const std::string_view type = payload.attr_or("type", "request");
    if (type != "request") return malformed("expected type='request'");
    if (payload.child_count() != 1)
        return malformed("expected exactly one service or operation element in <grid/>");
    Request request;
    request.dialect = payload.ns() == xml::ns::xgrid ? Dialect::Xgrid : Dialect::Gi;
    const xml::Element& first = *payload.first_child();
    // Services end in Query and hold a method; everything else is an operation itself.
    if (!first.name().ends_with("Query")) {
        request.method = first.name();
        request.service_ns = first.ns();
        request.body = first;
        request.params = read_params(first);
        return request;
    }
    if (first.child_count() != 1)
        return malformed("expected exactly one method element in <" + first.name() + "/>");
    request.service = first.name();
    request.service_ns = first.ns();
    request.body = *first.first_child();
    request.method = request.body.name();
    request.params = read_params(request.body);
    return request;
}

xml::Element respond(const Request& request, xml::Element answer) {
    const xml::Ns& wrapper = request.dialect == Dialect::Gi ? xml::ns::gi : xml::ns::xgrid;
    if (!request.service.empty())
        answer = xml::Element(request.service, request.service_ns, {}, std::move(answer));
    return {"grid", wrapper, {{"type", "response"}}, std::move(answer)};
}

xml::Element method_answer(const Request& request) { return {request.method, no_ns}; }

xml::Element nil_value() {
    xml::Element value("value", no_ns, {{"xsi:nil", "true"}});
    value.declare("xsi", xsi_uri);
    return value;
}

xml::Element string_array(const std::vector<std::string>& items) {
    xml::Element value("value", no_ns, {{"xsi:type", "ns3:stringArray"}});
    value.declare("ns3", array_uri).declare("xsi", xsi_uri);
    for (const std::string& item : items) value.add(xml::Element::with_text("item", item));
    return value;
}

}   // namespace grid::controller::gi
