// xml/expat_machine.cpp: Expat's callbacks and errors.
#include "xml/expat_machine.hpp"

#include <algorithm>
#include <new>

#include "xml/namespaces.hpp"
#include "xml/text_runs.hpp"
#include "xml/utf8.hpp"

namespace grid::xml {
namespace {

using Phase = Stream::Phase;

bool is_blank(std::string_view text) {
    return text.find_first_not_of(" \t\r\n") == std::string_view::npos;
}

bool is_utf8_name(std::string_view name) {
    constexpr std::string_view expected = "utf-8";
    return std::ranges::equal(name, expected, {}, [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    });
}

}   // namespace

std::string header_too_long(const Limits& limits) {
    return "the stream header is longer than " + std::to_string(limits.header_bytes_max) +
           " bytes (limits.header_bytes_max)";
}

std::string stanza_too_long(const Limits& limits) {
    return "the stanza is longer than " + std::to_string(limits.stanza_bytes_max) + " bytes (" +
           limits.named + "stanza_bytes_max)";
}

void Stream::fail(ParseError error, std::string text) {
    if (phase == Phase::Broken) return;
    phase = Phase::Broken;
    events.emplace_back(StreamBroken{error, std::move(text)});
}

ExpatMachine::ExpatMachine() : parser_(XML_ParserCreate("UTF-8")) {
    if (!parser_) throw std::bad_alloc();
    set_handlers();
}

ExpatMachine::~ExpatMachine() { XML_ParserFree(parser_); }

void ExpatMachine::set_handlers() {
    // Debian has back-ported it: a stanza that is split inside a token would wait for the next one.
    XML_SetReparseDeferralEnabled(parser_, XML_FALSE);
    XML_SetUserData(parser_, this);
    XML_SetElementHandler(parser_, on_start, on_end);
    XML_SetCharacterDataHandler(parser_, on_text);
    XML_SetXmlDeclHandler(parser_, on_declaration);
    // RFC 6120 §11.1.
    XML_SetCommentHandler(parser_, [](void* self, const XML_Char*) {
        static_cast<ExpatMachine*>(self)->restricted("a comment");
    });
    XML_SetProcessingInstructionHandler(parser_, [](void* self, const XML_Char*, const XML_Char*) {
        static_cast<ExpatMachine*>(self)->restricted("a processing instruction");
    });
    XML_SetStartDoctypeDeclHandler(
        parser_, [](void* self, const XML_Char*, const XML_Char*, const XML_Char*, int
                 ) { static_cast<ExpatMachine*>(self)->restricted("a document type declaration"); }
    );
}

void ExpatMachine::reset() {
    detach();
    root_name_.clear();
    if (is_fresh_) return;
    XML_ParserReset(parser_, "UTF-8");
    set_handlers();
    fed_ = boundary_ = passed_by_ = names_ = 0;
    is_fresh_ = true;
    is_stopped_ = false;
}

void ExpatMachine::prime(const std::string& root_name) {
    reset();
    const std::string tag = "<" + root_name + ">";
    is_fresh_ = false;
    XML_Parse(parser_, tag.data(), static_cast<int>(tag.size()), XML_FALSE);
    fed_ = boundary_ = tag.size();
    root_name_ = root_name;
}

void ExpatMachine::attach(Stream& stream) {
    stream_ = &stream;
    builder_.attach(&stream.limits, &stream.root);
}

void ExpatMachine::detach() {
    builder_.clear();
    stream_ = nullptr;
}

std::size_t ExpatMachine::parse_content(std::string_view bytes) {
    TextRuns runs(bytes);
    std::size_t done = 0;
    while (const auto run = runs.next()) {
        const auto begin = static_cast<std::size_t>(run->data() - bytes.data());
        done += parse(bytes.substr(done, begin - done));
        if (done < begin) return done;
        // Between stanzas text is an error, which Expat's callbacks find.
        if (stream_->phase != Phase::Stanzas || !builder_.is_inside() || is_stopped_) break;
        builder_.text(*run);
        fed_ += run->size();
        passed_by_ += run->size();
        done += run->size();
    }
    if (stream_->phase == Phase::Stanzas && !is_stopped_) done += parse(bytes.substr(done));
    return done;
}

std::size_t ExpatMachine::parse(std::string_view bytes, bool is_last) {
    is_fresh_ = false;   // even by an empty document, which is an error
    fed_ += bytes.size();
    auto status = XML_Parse(parser_, bytes.data(), static_cast<int>(bytes.size()), is_last);
    if (status == XML_STATUS_SUSPENDED) return bytes.size() - (fed_ - boundary_);
    if (status == XML_STATUS_OK || stream_->phase == Phase::Broken) return bytes.size();
    // Errors behind the end of the stream are ignored: the stream is closed anyway.
    if (stream_->phase != Phase::Closed) fail_by_code(XML_GetErrorCode(parser_));
    return bytes.size();
}

std::size_t ExpatMachine::event_begin() const {
    return static_cast<std::size_t>(XML_GetCurrentByteIndex(parser_)) + passed_by_;
}

/// Just behind the piece of markup that Expat is reporting.
std::size_t ExpatMachine::event_end() const {
    return event_begin() + static_cast<std::size_t>(XML_GetCurrentByteCount(parser_));
}

void ExpatMachine::on_start(void* self, const XML_Char* name, const XML_Char** attributes) {
    auto& machine = *static_cast<ExpatMachine*>(self);
    machine.names_ += 1 + static_cast<std::size_t>(XML_GetSpecifiedAttributeCount(machine.parser_));
    machine.open(name, attributes);
}

void ExpatMachine::open(std::string_view name, const char** attributes) {
    if (!stream_ || stream_->phase == Phase::Broken) return;   // without a stream: being primed
    if (stream_->phase != Phase::Header) return open_in_stanza(name, attributes);
    if (event_end() > stream_->limits.header_bytes_max)
        return fail(ParseError::TooLarge, header_too_long(stream_->limits));
    StreamOpen header;
    if (!builder_.take_header(name, attributes, header, stream_->root))
        return fail(builder_.error().error, builder_.error().text);
    stream_->events.emplace_back(std::move(header));
    stream_->phase = Phase::Stanzas;
    root_name_ = name;
    boundary_ = event_end();
}

void ExpatMachine::open_in_stanza(std::string_view name, const char** attributes) {
    const bool is_outermost = !builder_.is_inside();
    if (is_outermost) boundary_ = event_begin();
    if (!builder_.open(name, attributes))
        return fail(builder_.error().error, builder_.error().text);
    // A stream header inside the stream would open a stanza that never ends.
    if (is_outermost && stream_->phase == Phase::Stanzas &&
        builder_.outermost().is("stream", ns::streams))
        fail(ParseError::BadFormat, "a stream header inside the stream");
}

void ExpatMachine::on_end(void* self, const XML_Char*) {
    static_cast<ExpatMachine*>(self)->close();
}

void ExpatMachine::close() {
    if (!stream_ || stream_->phase == Phase::Broken || stream_->phase == Phase::Closed) return;
    if (!builder_.is_inside()) {
        stream_->phase = Phase::Closed;
        stream_->events.emplace_back(StreamClose{});
        return;
    }
    builder_.close();
    if (builder_.is_inside()) return;
    const std::size_t end = event_end();
    if (end - boundary_ > stream_->limits.stanza_bytes_max)
        return fail(ParseError::TooLarge, stanza_too_long(stream_->limits));
    stream_->events.emplace_back(builder_.take());
    ++stream_->stanzas;
    boundary_ = end;
    const bool is_pause = stream_->pauses && boundary_ < fed_;
    if (stream_->phase != Phase::Stanzas || (!is_pause && !is_worn())) return;
    is_stopped_ = true;
    XML_StopParser(parser_, XML_TRUE);
}

void ExpatMachine::on_text(void* self, const XML_Char* text, int length) {
    static_cast<ExpatMachine*>(self)->text({text, static_cast<std::size_t>(length)});
}

void ExpatMachine::text(std::string_view piece) {
    if (!stream_ || stream_->phase == Phase::Broken) return;
    if (builder_.is_inside()) return builder_.text(piece);
    // White space between stanzas keeps the connection alive (RFC 6120 §4.6.1).
    if (!is_blank(piece)) return fail(ParseError::BadFormat, "text outside of any stanza");
    boundary_ = event_end();
}

void ExpatMachine::on_declaration(
    void* self, const XML_Char* version, const XML_Char* encoding, int
) {
    auto& machine = *static_cast<ExpatMachine*>(self);
    if (encoding && !is_utf8_name(encoding))
        machine.fail(
            ParseError::UnsupportedEncoding, "the only encoding is UTF-8 (RFC 6120, 11.6)"
        );
    else if (version && std::string_view(version) != "1.0")
        machine.fail(ParseError::NotWellFormed, "the version of XML is 1.0");
}

void ExpatMachine::restricted(const char* what) {
    fail(ParseError::RestrictedXml, std::string(what) + " is not allowed in XMPP");
}

void ExpatMachine::fail(ParseError error, std::string text) {
    if (!stream_ || stream_->phase == Phase::Broken) return;
    stream_->fail(error, std::move(text));
    XML_StopParser(parser_, XML_FALSE);
}

void ExpatMachine::fail_by_code(XML_Error code) {
    switch (code) {
        case XML_ERROR_UNDEFINED_ENTITY:
            return stream_->fail(
                ParseError::RestrictedXml, "an entity that XML does not predefine"
            );
        case XML_ERROR_MISPLACED_XML_PI:
            return restricted("an XML declaration inside the stream");
        case XML_ERROR_UNKNOWN_ENCODING:
        case XML_ERROR_INCORRECT_ENCODING:
            return stream_->fail(ParseError::UnsupportedEncoding, "the only encoding is UTF-8");
        case XML_ERROR_NO_MEMORY:
        case XML_ERROR_AMPLIFICATION_LIMIT_BREACH:
            return stream_->fail(ParseError::TooLarge, XML_ErrorString(code));
        case XML_ERROR_INVALID_TOKEN:
        case XML_ERROR_PARTIAL_CHAR:
            return fail_at_token();
        default:
            return stream_->fail(ParseError::NotWellFormed, XML_ErrorString(code));
    }
}

/// Expat has one error for bad UTF-8, for a character out of place and for a declaration inside the
/// content, and points to it.
void ExpatMachine::fail_at_token() {
    int at = 0, size = 0;
    const char* context = XML_GetInputContext(parser_, &at, &size);
    if (context && at >= 0 && at < size) {
        const std::string_view all(context, static_cast<std::size_t>(size));
        const auto here = static_cast<std::size_t>(at);
        if (first_code_point(all.substr(here)).bytes == 0)   // RFC 6120 §11.6
            return stream_->fail(ParseError::UnsupportedEncoding, "bytes that are not UTF-8");
        const std::size_t less = all.rfind('<', here);
        const std::string_view markup = less == std::string_view::npos ? "" : all.substr(less, 3);
        if (markup.starts_with("<?") || (markup.starts_with("<!") && markup != "<!["))
            return restricted("a comment, declaration or processing instruction");
    }
    stream_->fail(ParseError::NotWellFormed, XML_ErrorString(XML_ERROR_INVALID_TOKEN));
}

bool is_other_unicode(std::string_view beginning) {
    return std::ranges::any_of(beginning.substr(0, 2), [](char c) {
        const auto byte = static_cast<unsigned char>(c);
        return byte == 0 || byte >= 0xFE;
    });
}

MachinePool& MachinePool::of_this_thread() {
    static thread_local MachinePool pool;
    return pool;
}

std::unique_ptr<ExpatMachine> MachinePool::take_fresh() {
    if (idle_.empty()) return std::make_unique<ExpatMachine>();
    auto found =
        std::ranges::find_if(idle_, [](const auto& idle) { return idle->root_name().empty(); });
    if (found == idle_.end()) found = idle_.begin();
    auto machine = std::move(*found);
    idle_.erase(found);
    machine->reset();
    return machine;
}

std::unique_ptr<ExpatMachine> MachinePool::take_primed(const std::string& root_name) {
    for (std::size_t i = idle_.size(); i-- > 0;) {
        if (idle_[i]->root_name() != root_name) continue;
        auto machine = std::move(idle_[i]);
        idle_.erase(idle_.begin() + static_cast<std::ptrdiff_t>(i));
        return machine;
    }
    auto machine = take_fresh();
    machine->prime(root_name);
    return machine;
}

void MachinePool::give_back(std::unique_ptr<ExpatMachine> machine) {
    if (idle_.size() == idle_max || machine->is_worn()) return;
    machine->detach();
    idle_.push_back(std::move(machine));
}

}   // namespace grid::xml
