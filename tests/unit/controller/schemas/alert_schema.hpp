// tests/unit/controller/schemas/alert_schema.hpp: small schemas for tests.
#pragma once

#include <string>

namespace grid::test {

/// Around what is given: a schema of urn:x:alert.
inline std::string schema_of(const std::string& inner, const std::string& ns = "urn:x:alert") {
    return "<xs:schema xmlns:xs='http://www.w3.org/2001/XMLSchema' xmlns:t='" + ns +
           "' targetNamespace='" + ns + "' elementFormDefault='qualified'>\n" + inner +
           "\n</xs:schema>";
}

inline const std::string alert_schema = schema_of(
    "<xs:element name='alert'><xs:complexType><xs:sequence>\n"
    "<xs:element name='severity' type='xs:int'/>\n"
    "<xs:element name='text' type='xs:string' minOccurs='0' maxOccurs='unbounded'/>\n"
    "</xs:sequence><xs:attribute name='id' use='required'/></xs:complexType></xs:element>"
);
inline const std::string good_alert =
    "<alert xmlns='urn:x:alert' id='1'>\n<severity>3</severity>\n<text>a</text></alert>";
inline const std::string bad_alert =
    "<alert xmlns='urn:x:alert' id='1'>\n<severity>high</severity>\n<text>a</text></alert>";

}   // namespace grid::test
