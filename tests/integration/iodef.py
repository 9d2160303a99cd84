# tests/integration/iodef.py: small but real IODEF v2 incidents (RFC 7970), and how to compare them.
"""RFC 7970 §3.2: required are @purpose, IncidentID@name, GenerationTime and a Contact."""

import xml.etree.ElementTree as ET

NAMESPACE = "urn:ietf:params:xml:ns:iodef-2.0"


def incident(number=1, padding=""):
    """An incident with nested namespaces. Every element has one: slixmpp writes those without
    a namespace into their parent's."""
    return f"""<IODEF-Document xmlns="{NAMESPACE}" version="2.00" xml:lang="en">
  <Incident purpose="reporting" restriction="green">
    <IncidentID name="csirt.example.org">{number}</IncidentID>
    <GenerationTime>2026-01-02T09:18:00-05:00</GenerationTime>
    <Description>Häufige Anmeldeversuche &lt;ssh&gt; &amp; mehr {padding}</Description>
    <Contact type="organization" role="creator">
      <ContactName>CSIRT for example.org</ContactName>
      <Email><EmailTo>contact@csirt.example.org</EmailTo></Email>
    </Contact>
    <AdditionalData dtype="xml" meaning="sighting">
      <sighting xmlns="urn:example:sighting:1" count="3">
        <place>gate</place>
        <IncidentID xmlns="{NAMESPACE}" name="csirt.example.com">77</IncidentID>
      </sighting>
    </AdditionalData>
  </Incident>
</IODEF-Document>"""


def incident_with_prefixes(number=1):
    """The same kind of document with prefixes, one of them used only inside an attribute value."""
    return f"""<iodef:IODEF-Document xmlns:iodef="{NAMESPACE}"
    xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" version="2.00" xml:lang="en">
  <iodef:Incident purpose="mitigation">
    <iodef:IncidentID name="csirt.example.org">{number}</iodef:IncidentID>
    <iodef:GenerationTime>2026-01-02T09:18:00Z</iodef:GenerationTime>
    <iodef:Contact type="person" role="tech"><iodef:Email>
      <iodef:EmailTo>o&#39;neill@csirt.example.org</iodef:EmailTo></iodef:Email></iodef:Contact>
    <iodef:AdditionalData dtype="xml"><s:sighting xmlns:s="urn:example:sighting:1"
      xmlns:t="urn:example:types:1" xsi:type="t:Gate" s:count="3" note="a &quot;b&quot; &#x9;c"
      ><s:place/><bare>no namespace here</bare></s:sighting></iodef:AdditionalData>
  </iodef:Incident>
</iodef:IODEF-Document>"""


def canonical(document):
    """Canonical XML 2.0 with rewritten prefixes: equal when the documents say the same."""
    return ET.canonicalize(document, rewrite_prefixes=True)


def canonical_exact(document):
    """Canonical XML 2.0 that keeps prefixes and follows those inside xsi:type."""
    xsi_type = "{http://www.w3.org/2001/XMLSchema-instance}type"
    return ET.canonicalize(document, qname_aware_attrs=[xsi_type])
