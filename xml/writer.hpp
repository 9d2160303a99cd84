// xml/writer.hpp: elements to text. The only place where a `<` is written for a peer.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "xml/element.hpp"

namespace grid::xml {

/// Wire bytes, serialized once and shared by every recipient.
using Bytes = std::shared_ptr<const std::string>;

/// Appends `element`, writing a default namespace only where it differs from `default_ns`, and
/// declaring every prefix that is used and not yet bound.
void write(std::string& out, const Element& element, std::string_view default_ns);
std::string to_string(const Element& element, std::string_view default_ns = "");

/// A payload taken out of its stanza: self-contained text with the prefix declarations that it
/// needs from `ancestors` (outermost first), those in QNames of attribute values and text included,
/// and with its own `xmlns` always written.
std::string write_detached(const Element& payload, std::span<const Element* const> ancestors);

/// A stanza in two parts, for callers that learn some of its attributes late: the start tag without
/// its end (`<iq type='get'`), and what follows that (`/>`, or `>`, the content and the end tag).
/// The element of the first may have other attributes than that of the second, but must have its
/// namespace, prefix and declarations.
void write_head(std::string& out, const Element& element, std::string_view default_ns = "");
void write_tail(std::string& out, const Element& element, std::string_view default_ns = "");

/// ` name='value'`, in the quotes that the value has fewer of.
void append_attr(std::string& out, std::string_view name, std::string_view value);
/// ` name='value'`, in single quotes whatever the value.
void append_single_quoted_attr(std::string& out, std::string_view name, std::string_view value);
void append_escaped_text(std::string& out, std::string_view text);
/// For a value between single quotes.
void append_escaped_attr(std::string& out, std::string_view value);

}   // namespace grid::xml
