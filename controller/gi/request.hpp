// controller/gi/request.hpp: requests of the Grid protocol read (leniently) and answered
// (strictly).
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "controller/errors.hpp"
#include "controller/ports.hpp"
#include "controller/text/text.hpp"
#include "xml/element.hpp"

namespace grid::controller::gi {

/// The two wrappers of the drafts.
enum class Dialect { Gi, Xgrid };

struct Param {
    std::string name;   // empty: positional
    std::string text;   // trimmed
};

struct Request {
    Dialect dialect = Dialect::Gi;
    std::string service;   // AccountQuery, DiscoveryQuery, …; empty for a bare xgrid operation
    xml::Ns service_ns;    // in the spelling of the request, for the answer
    std::string method;    // register, find, getCapabilityListRequest, …
    std::vector<Param> params;
    xml::Element body;   // the method or operation element
    /// The verdict on the request's certificate chain; null: it has none.
    std::shared_ptr<const CertificateVerifier::Verdict> chain;

    /// All values of a named parameter.
    std::vector<std::string> all(std::string_view name) const;
    /// The named parameter; else, if `positional`, the first without a name; else empty.
    std::string one(std::string_view name, bool positional = false) const;
};

/// `<grid xmlns='gi|xgrid'/>`.
bool is_grid(const xml::Element& payload);
/// Matches service and operation by local name in any namespace.
Outcome<Request> parse_request(const xml::Element& payload);

/// The wrapped answer: `answer` is the method element (gi) or the response element (xgrid).
xml::Element respond(const Request& request, xml::Element answer);
/// `<method xmlns=''>` around its children.
xml::Element method_answer(const Request& request);
/// `<value xsi:nil='true'/>`: done, nothing to tell.
xml::Element nil_value();
/// `<value xsi:type='ns3:stringArray'>` with an `<item/>` each.
xml::Element string_array(const std::vector<std::string>& items);

}   // namespace grid::controller::gi
