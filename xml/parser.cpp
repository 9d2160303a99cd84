// xml/parser.cpp: bytes into events, with Expat borrowed while a stanza is incomplete.
#include "xml/parser.hpp"

#include <algorithm>
#include <utility>

#include "xml/expat_machine.hpp"
#include "xml/scanner.hpp"

namespace grid::xml {

namespace {
using Phase = Stream::Phase;
}   // namespace

/// `x = {}` would keep the memory of a vector or string.
template <class T>
static void free_memory(T& value) {
    T().swap(value);
}

/// All that an idle stream keeps: some 300 bytes with what they point to.
struct StreamParser::State : Stream {
    std::string held;   // a tag or reference that is not complete yet
    std::unique_ptr<ExpatMachine> machine;
    std::size_t taken = 0;   // events that were handed out
    Scanner scanner;
    bool holds_bytes_only = false;
    std::string seen;                 // then: what was parsed in this call …
    std::string put_aside;            // … and, between two, of the unfinished element
    std::unique_ptr<Element> begun;   // the unfinished element's name
    std::string rest;                 // behind an element at which the stream pauses

    void restart();
    bool feed(std::string_view bytes);
    bool has_paused() const;
    void pause(std::string_view behind);
    bool is_idle() const { return !machine && held.empty() && put_aside.empty(); }
    std::size_t pending_bytes() const;
    void take(std::string_view bytes);
    void parse_ready(std::string_view bytes, std::size_t ready);
    void parse(std::string_view complete, bool begins_in_text = false);
    void take_machine(std::string_view beginning);
    void check_size();
    void release();
    void put_machine_by();
};

void StreamParser::State::restart() {
    machine.reset();
    free_memory(held);
    free_memory(seen);
    free_memory(put_aside);
    free_memory(rest);
    begun.reset();
    free_memory(events);
    taken = 0;
    root = {};
    scanner = {};
    scanner.expect_declaration(true);
    phase = Phase::Header;
}

std::size_t StreamParser::State::pending_bytes() const {
    return held.size() + rest.size() + (machine ? machine->pending_bytes() : put_aside.size());
}

void StreamParser::State::take(std::string_view bytes) {
    if (is_idle()) {
        // Leading line ends are skipped: a keepalive has nothing else, and many clients begin a
        // header with one.
        bytes.remove_prefix(std::min(bytes.find_first_not_of(" \t\r\n"), bytes.size()));
        if (bytes.empty()) return;
    }
    // Most stanzas come whole, and then there is nothing to look for.
    const bool whole = held.empty() && scanner.is_in_text() && bytes.back() == '>';
    if (whole) parse(bytes, true);
    if (phase == Phase::Closed || phase == Phase::Broken) return;
    if (whole && phase == Phase::Stanzas && (!machine || machine->is_between_stanzas()))
        return scanner.expect_declaration(false);

    auto [ready, restricted] = scanner.scan(bytes);
    if (!whole) parse_ready(bytes, ready);
    if (phase == Phase::Closed || phase == Phase::Broken) return;
    if (has_paused()) return;   // bytes behind that are scanned again, later
    check_size();
    if (restricted)
        fail(ParseError::RestrictedXml, "a comment, declaration or processing instruction");
}

/// Gives to Expat what is complete and holds the rest.
void StreamParser::State::parse_ready(std::string_view bytes, std::size_t ready) {
    if (ready > 0 && !held.empty()) {
        held.append(bytes, 0, ready);
        parse(held);
        free_memory(held);
    } else if (ready > 0) {
        parse(bytes.substr(0, ready));
    }
    held.append(bytes, ready);
}

void StreamParser::State::take_machine(std::string_view beginning) {
    if (phase == Phase::Header && is_other_unicode(beginning))
        return fail(ParseError::UnsupportedEncoding, "the only encoding is UTF-8");
    auto& pool = MachinePool::of_this_thread();
    machine = phase == Phase::Header ? pool.take_fresh() : pool.take_primed(root.name);
    machine->attach(*this);
    if (put_aside.empty()) return;
    machine->parse(put_aside);   // incomplete, so that no event comes of it
    seen = std::exchange(put_aside, {});
    begun.reset();
}

void StreamParser::State::parse(std::string_view complete, bool begins_in_text) {
    while (!complete.empty()) {
        if (!machine) take_machine(complete);
        if (!machine) return;
        const std::size_t consumed = begins_in_text && phase == Phase::Stanzas
                                         ? machine->parse_content(complete)
                                         : machine->parse(complete);
        if (holds_bytes_only) seen.append(complete, 0, consumed);
        if (!machine->is_stopped() || phase != Phase::Stanzas) return;
        machine.reset();
        complete.remove_prefix(consumed);
        begins_in_text = true;
        if (!has_paused()) continue;
        rest = complete;
        return;
    }
}

void StreamParser::State::check_size() {
    if (phase == Phase::Header && pending_bytes() > limits.header_bytes_max)
        fail(ParseError::TooLarge, header_too_long(limits));
    else if (phase == Phase::Stanzas && pending_bytes() > limits.stanza_bytes_max)
        fail(ParseError::TooLarge, stanza_too_long(limits));
}

void StreamParser::State::release() {
    if (phase == Phase::Closed || phase == Phase::Broken) {
        machine.reset();
        free_memory(held);
        free_memory(put_aside);
    } else if (machine && phase == Phase::Stanzas && machine->is_between_stanzas()) {
        MachinePool::of_this_thread().give_back(std::move(machine));
    } else if (machine && phase == Phase::Stanzas && holds_bytes_only) {
        put_machine_by();
    }
    free_memory(seen);
}

void StreamParser::State::put_machine_by() {
    const Element* element = machine->unfinished();
    const std::size_t pending = machine->pending_bytes();
    if (!element || pending > seen.size()) return;
    put_aside.assign(seen, seen.size() - pending);
    begun = std::make_unique<Element>(element->name(), element->ns());
    if (machine->is_worn()) return machine.reset();
    machine->reset();
    MachinePool::of_this_thread().give_back(std::move(machine));
}

StreamParser::StreamParser(const Limits& limits) : state_(std::make_unique<State>()) {
    state_->limits = limits;
    state_->restart();
}

StreamParser::StreamParser(StreamParser&&) noexcept = default;
StreamParser& StreamParser::operator=(StreamParser&&) noexcept = default;
StreamParser::~StreamParser() = default;

bool StreamParser::State::has_paused() const {
    return pauses && phase == Phase::Stanzas && taken < events.size() &&
           std::holds_alternative<Element>(events.back());
}

/// `behind`: of what has arrived, that which was not looked at.
void StreamParser::State::pause(std::string_view behind) {
    rest += held;
    rest += behind;
    free_memory(held);
    scanner = {};
    // White space is nothing that waits.
    rest.erase(0, std::min(rest.find_first_not_of(" \t\r\n"), rest.size()));
}

bool StreamParser::State::feed(std::string_view bytes) {
    if (!rest.empty() && !has_paused()) {
        const std::string all = std::exchange(rest, {}).append(bytes);
        return feed(all);
    }
    // In slices, so that a limit is noticed before much more than it has been parsed; Expat's
    // buffer becomes as large as they are.
    const std::size_t slice_bytes_max =
        std::clamp<std::size_t>(limits.stanza_bytes_max / 4, 1024, 16UL * 1024);
    while (!bytes.empty() && phase != Phase::Broken && phase != Phase::Closed) {
        if (has_paused()) break;
        std::string_view slice = bytes.substr(0, slice_bytes_max);
        bytes.remove_prefix(slice.size());
        take(slice);
    }
    if (has_paused()) pause(bytes);
    release();
    return phase != Phase::Broken;
}

bool StreamParser::feed(std::string_view bytes) { return state_->feed(bytes); }

std::optional<StreamEvent> StreamParser::next() {
    State& state = *state_;
    if (state.taken == state.events.size() && !state.rest.empty()) state.feed({});
    if (state.taken == state.events.size()) return std::nullopt;
    StreamEvent event = std::move(state.events[state.taken++]);
    if (state.taken == state.events.size()) {
        free_memory(state.events);
        state.taken = 0;
    }
    return event;
}

void StreamParser::restart() { state_->restart(); }

void StreamParser::restart_behind() {
    std::string rest = std::exchange(state_->rest, {});
    state_->restart();
    state_->rest = std::move(rest);
}

void StreamParser::pause_behind_elements(bool is_so) { state_->pauses = is_so; }
void StreamParser::set_limits(const Limits& limits) { state_->limits = limits; }
void StreamParser::hold_bytes_only(bool is_so) { state_->holds_bytes_only = is_so; }
void StreamParser::set_lang(std::string lang) { state_->root.lang = std::move(lang); }
std::size_t StreamParser::pending_bytes() const { return state_->pending_bytes(); }

std::size_t StreamParser::held_bytes() const {
    const auto& machine = state_->machine;
    return state_->pending_bytes() + (machine ? machine->held_bytes() : 0);
}

const Element* StreamParser::unfinished() const {
    if (state_->machine) return state_->machine->unfinished();
    return state_->begun.get();
}

std::uint64_t StreamParser::stanzas() const { return state_->stanzas; }

std::variant<Element, StreamBroken> parse_document(std::string_view text, const Limits& limits) {
    if (text.size() > limits.stanza_bytes_max)
        return StreamBroken{ParseError::TooLarge, "the document is too long"};
    if (is_other_unicode(text))
        return StreamBroken{ParseError::UnsupportedEncoding, "the only encoding is UTF-8"};
    Stream stream;
    stream.limits = limits;
    stream.phase = Phase::Document;
    auto& pool = MachinePool::of_this_thread();
    auto machine = pool.take_fresh();
    machine->attach(stream);
    machine->parse(text, true);
    pool.give_back(std::move(machine));
    StreamEvent& last = stream.events.back();   // exactly one element, or what was wrong
    if (auto* broken = std::get_if<StreamBroken>(&last)) return std::move(*broken);
    return std::get<Element>(std::move(last));
}

}   // namespace grid::xml
