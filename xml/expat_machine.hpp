// xml/expat_machine.hpp: Expat's parser with the tree it builds, and the pool of idle ones.
#pragma once

#include <expat.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "xml/limits.hpp"
#include "xml/stream_event.hpp"
#include "xml/tree_builder.hpp"

namespace grid::xml {

/// Where a stream is, as far as it outlives the parser that it borrows.
struct Stream {
    enum class Phase : unsigned char { Header, Stanzas, Document, Closed, Broken };

    Limits limits;
    Root root;
    Phase phase = Phase::Header;
    std::vector<StreamEvent> events;
    bool pauses = false;         // behind each element
    std::uint64_t stanzas = 0;   // that are complete

    void fail(ParseError error, std::string text);
};

/// Expat calls back while it runs; the callbacks only queue events in the stream.
class ExpatMachine {
public:
    ExpatMachine();
    ~ExpatMachine();
    ExpatMachine(const ExpatMachine&) = delete;
    ExpatMachine& operator=(const ExpatMachine&) = delete;

    /// At the start of a document.
    void reset();
    /// Into the content of a root element of that name. Which names and namespaces the root of a
    /// stream declared is kept in its Stream, so any stream between two stanzas can go on here.
    void prime(const std::string& root_name);

    void attach(Stream& stream);
    void detach();
    /// A fault, if any, is in the stream afterwards. Returns how many bytes were taken:
    /// fewer than there are when a fresh machine is to go on behind the stanza that ended there.
    std::size_t parse(std::string_view bytes, bool is_last = false);
    /// The same for bytes of the stream's content that begin outside of any tag: long text is taken
    /// past Expat.
    std::size_t parse_content(std::string_view bytes);

    /// True while the machine holds no part of a stanza or of anything else.
    bool is_between_stanzas() const { return !builder_.is_inside() && boundary_ == fed_; }
    /// Expat remembers every name that it ever saw, so that each machine sees a bounded number.
    bool is_worn() const { return fed_ - passed_by_ > fed_bytes_max || names_ > names_max; }
    /// Stopped behind a stanza since it is worn, or the stream pauses there; good for nothing any
    /// more.
    bool is_stopped() const { return is_stopped_; }
    const std::string& root_name() const { return root_name_; }
    std::size_t pending_bytes() const { return fed_ - boundary_; }
    /// The tree that is being built, besides the bytes themselves.
    std::size_t held_bytes() const { return builder_.held_bytes(); }
    /// The start tag of the element that is being read; null between two.
    const Element* unfinished() const {
        return builder_.is_inside() ? &builder_.outermost() : nullptr;
    }

private:
    static constexpr std::size_t fed_bytes_max = 128 * 1024;
    static constexpr std::size_t names_max =
        4096;   // of elements and attributes, repeated ones too

    static void on_start(void* self, const XML_Char* name, const XML_Char** attributes);
    static void on_end(void* self, const XML_Char* name);
    static void on_text(void* self, const XML_Char* text, int length);
    static void on_declaration(void* self, const XML_Char* version, const XML_Char* encoding, int);

    void set_handlers();
    void open(std::string_view name, const char** attributes);
    void open_in_stanza(std::string_view name, const char** attributes);
    void close();
    void text(std::string_view piece);
    void restricted(const char* what);
    void fail(ParseError error, std::string text);
    void fail_by_code(XML_Error code);
    void fail_at_token();
    std::size_t event_begin() const;
    std::size_t event_end() const;

    XML_Parser parser_;
    Stream* stream_ = nullptr;
    TreeBuilder builder_;
    std::string root_name_;   // of the element that is open; empty when none is
    bool is_fresh_ = true, is_stopped_ = false;
    std::size_t names_ = 0;
    std::size_t fed_ = 0;
    std::size_t boundary_ = 0;    // up to here nothing is missing
    std::size_t passed_by_ = 0;   // of what was fed, what Expat has not seen
};

std::string header_too_long(const Limits& limits);
std::string stanza_too_long(const Limits& limits);

/// UTF-16, to which Expat switches by itself when a document begins so. In UTF-8 it cannot.
bool is_other_unicode(std::string_view beginning);

/// The idle ones of this thread.
class MachinePool {
public:
    static MachinePool& of_this_thread();
    std::unique_ptr<ExpatMachine> take_fresh();
    std::unique_ptr<ExpatMachine> take_primed(const std::string& root_name);
    void give_back(std::unique_ptr<ExpatMachine> machine);

private:
    static constexpr std::size_t idle_max = 16;
    std::vector<std::unique_ptr<ExpatMachine>> idle_;
};

}   // namespace grid::xml
