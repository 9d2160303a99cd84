// server/cluster/directory_frames.cpp: see directory_frames.hpp.
#include "server/cluster/directory_frames.hpp"

#include <algorithm>

#include "storage/codec.hpp"

namespace grid::server::cluster {

using storage::Decoder;
using storage::Encoder;

namespace {

constexpr unsigned own_bits = 32;
/// No frame of ours holds more: a count beyond is no count.
constexpr std::uint64_t listed_max = 100'000;

enum class DirectoryWord : std::uint8_t {
    Begin = 1,
    States = 2,
    Gone = 3,
    Complete = 4,
    Heard = 5,
    Taken = 6,
    Fetch = 7,
    Piece = 8,
    Stays = 9,
    Leave = 10,
    MovedHere = 11,
    Ended = 12,
    Mark = 16,
    Seen = 17,
    Reached = 18,
    PlaceOf = 19,
    Place = 20,
    Has = 22,
    WhoHas = 23   // 21: without `for-one`
};
enum class Carried : std::uint8_t { ToSession = 1, Query, Packet };
/// Of `relayed`, in which a version that knows no flags reads a truth: any that is not 0.
constexpr std::uint8_t carried_relayed = 1, carried_copied = 2;

std::uint8_t flags_of(const Outgoing& stanza) {
    if (!stanza.is_relayed) return 0;
    return stanza.is_copied ? carried_relayed | carried_copied : carried_relayed;
}

void put(Encoder& out, const controller::Identity& identity) {
    out.text(identity.account.str()).text(identity.anchor).text(identity.fingerprint);
    out.text(identity.subject).text(identity.issuer).text(identity.serial);
    out.i64(identity.not_before).i64(identity.not_after).boolean(identity.is_mapped);
    out.text(identity.key).texts(identity.path).texts(identity.other_authorities);
    out.i64(identity.valid_until).u64(identity.approvals);
    out.text(identity.password).text(identity.component);
}

xml::Jid jid_in(Decoder& in) { return xml::Jid::from_canonical(std::string(in.text())); }

controller::Identity identity_in(Decoder& in) {
    controller::Identity identity;
    identity.account = jid_in(in);
    identity.anchor = in.text();
    identity.fingerprint = in.text();
    identity.subject = in.text();
    identity.issuer = in.text();
    identity.serial = in.text();
    identity.not_before = in.i64();
    identity.not_after = in.i64();
    identity.is_mapped = in.boolean();
    identity.key = in.text();
    identity.path = in.texts();
    identity.other_authorities = in.texts();
    identity.valid_until = in.i64();
    identity.approvals = in.u64();
    identity.password = in.text();
    identity.component = in.text();
    return identity;
}

void put(Encoder& out, const std::vector<std::uint64_t>& numbers) {
    out.varint(numbers.size());
    for (const std::uint64_t number : numbers) out.u64(number);
}

std::vector<std::uint64_t> numbers_in(Decoder& in) {
    std::vector<std::uint64_t> numbers;
    const std::uint64_t count = in.varint();
    for (std::uint64_t i = 0; i < count && count <= listed_max && in.ok(); ++i)
        numbers.push_back(in.u64());
    return numbers;
}

void put(Encoder& out, const SessionState& state) {
    out.u64(state.id).boolean(state.constant.has_value());
    if (const auto& constant = state.constant) {
        out.text(constant->jid.str()).text(constant->component).text(constant->address);
        out.u8(static_cast<std::uint8_t>(constant->transport_kind)).i64(constant->since);
        put(out, constant->identity);
        put(out, constant->replaced);
    }
    out.u32(state.moves).text(state.token_hash);
    out.boolean(state.is_active).boolean(state.is_present).boolean(state.takes_copies);
    out.boolean(state.is_hibernating).i64(state.priority).u8(state.show);
    const Presence::Words& words = state.words;
    out.u64(words.number).boolean(words.is_available).boolean(words.rest != nullptr);
    if (words.rest) out.text(*words.rest);
}

SessionState state_in(Decoder& in) {
    SessionState state;
    state.id = in.u64();
    if (in.boolean()) {
        auto& constant = state.constant.emplace();
        constant.jid = jid_in(in);
        constant.component = in.text();
        constant.address = in.text();
        constant.transport_kind = static_cast<TransportKind>(
            std::min(in.u8(), static_cast<std::uint8_t>(TransportKind::Component))
        );
        constant.since = in.i64();
        constant.identity = identity_in(in);
        constant.replaced = numbers_in(in);
    }
    state.moves = in.u32();
    state.token_hash = in.text();
    state.is_active = in.boolean();
    state.is_present = in.boolean();
    state.takes_copies = in.boolean();
    state.is_hibernating = in.boolean();
    state.priority = static_cast<int>(in.i64());
    state.show = in.u8();
    state.words.number = in.u64();
    state.words.is_available = in.boolean();
    if (in.boolean()) state.words.rest = std::make_shared<const std::string>(in.text());
    return state;
}

struct Put {
    Encoder& out;

    void word(DirectoryWord word) const { out.u8(static_cast<std::uint8_t>(word)); }
    void operator()(const Begin& begin) const {
        word(DirectoryWord::Begin);
        out.u64(begin.taken);
    }
    void operator()(const States& states) const {
        word(DirectoryWord::States);
        out.varint(states.states.size());
        for (const SessionState& state : states.states) put(out, state);
    }
    void operator()(const Gone& gone) const {
        word(DirectoryWord::Gone);
        put(out, gone.sessions);
    }
    void operator()(const Complete&) const { word(DirectoryWord::Complete); }
    void operator()(const Heard& heard) const {
        word(DirectoryWord::Heard);
        out.varint(heard.all.size());
        for (const Heard::One& one : heard.all) out.u64(one.session).i64(one.ago);
    }
    void operator()(const Taken& taken) const {
        word(DirectoryWord::Taken);
        out.u64(taken.number);
    }
    void operator()(const Fetch& fetch) const {
        const FetchRequest& wanted = fetch.wanted;
        word(DirectoryWord::Fetch);
        out.u64(fetch.number).u64(wanted.session).text(wanted.token).u32(wanted.handled);
        out.text(wanted.address).u8(static_cast<std::uint8_t>(wanted.transport_kind));
        put(out, wanted.identity);
    }
    void operator()(const Piece& piece) const {
        word(DirectoryWord::Piece);
        out.u64(piece.number).boolean(piece.is_last).text(piece.bytes);
    }
    void operator()(const Stays& stays) const {
        const auto& [condition, handled] = stays.failure;
        word(DirectoryWord::Stays);
        out.u64(stays.number).text(condition).boolean(handled.has_value());
        out.u32(handled.value_or(0)).boolean(stays.sent.has_value()).u32(stays.sent.value_or(0));
    }
    void operator()(const Leave& leave) const {
        word(DirectoryWord::Leave);
        out.u64(leave.number);
    }
    void operator()(const MovedHere& moved) const {
        word(DirectoryWord::MovedHere);
        out.u64(moved.number).u64(moved.session).u64(moved.told_to);
    }
    void operator()(const Ended& ended) const {
        word(DirectoryWord::Ended);
        out.u64(ended.session);
    }
    void operator()(const Mark& mark) const {
        word(DirectoryWord::Mark);
        out.u64(mark.number);
    }
    void operator()(const Seen& seen) const {
        word(DirectoryWord::Seen);
        out.u64(seen.number);
    }
    void operator()(const Reached& reached) const {
        word(DirectoryWord::Reached);
        out.varint(reached.all.size());
        for (const EndOfSession& end : reached.all)
            out.u64(end.session)
                .text(end.jid.str())
                .u64(end.items)
                .u64(end.account_items)
                .u64(end.messages);
    }
    void operator()(const PlaceOf& question) const {
        word(DirectoryWord::PlaceOf);
        out.u64(question.number).text(question.account).u64(question.turn).u64(question.session);
    }
    void operator()(const Place& place) const {
        word(DirectoryWord::Place);
        out.u64(place.number).u64(place.found.items).u64(place.found.cared_to);
    }
    void operator()(const WhoHas& question) const {
        const UnreadShared& unread = question.unread;
        word(DirectoryWord::WhoHas);
        out.u64(question.number).text(unread.account).u64(unread.session).u64(unread.turn);
        out.varint(unread.messages.size());
        for (std::size_t i = 0; i < unread.messages.size(); ++i) {
            out.u64(unread.messages[i].number).text(unread.messages[i].hash);
            out.boolean(i < unread.were_for_one.size() && unread.were_for_one[i]);
        }
    }
    void operator()(const Has& answer) const {
        word(DirectoryWord::Has);
        out.u64(answer.number).boolean(answer.has_moved).varint(answer.found.size());
        for (const bool is_had : answer.found) out.boolean(is_had);
    }
};

PlaceOf place_of_in(Decoder& in) {
    PlaceOf question;
    question.number = in.u64();
    question.account = in.text();
    question.turn = in.u64();
    question.session = in.u64();
    return question;
}

Place account_place_in(Decoder& in) {
    Place place;
    place.number = in.u64();
    place.found.items = in.u64();
    place.found.cared_to = in.u64();
    return place;
}

WhoHas who_has_in(Decoder& in) {
    WhoHas question;
    question.number = in.u64();
    question.unread.account = in.text();
    question.unread.session = in.u64();
    question.unread.turn = in.u64();
    const std::uint64_t count = in.varint();
    for (std::uint64_t i = 0; i < count && count <= listed_max && in.ok(); ++i) {
        SharedMessage& one = question.unread.messages.emplace_back();
        one.number = in.u64();
        one.hash = in.text();
        question.unread.were_for_one.push_back(in.boolean());
    }
    return question;
}

Has has_in(Decoder& in) {
    Has answer;
    answer.number = in.u64();
    answer.has_moved = in.boolean();
    const std::uint64_t count = in.varint();
    for (std::uint64_t i = 0; i < count && count <= listed_max && in.ok(); ++i)
        answer.found.push_back(in.boolean());
    return answer;
}

Reached reached_in(Decoder& in) {
    Reached reached;
    const std::uint64_t count = in.varint();
    for (std::uint64_t i = 0; i < count && count <= listed_max && in.ok(); ++i) {
        EndOfSession& end = reached.all.emplace_back();
        end.session = in.u64();
        end.jid = jid_in(in);
        end.items = in.u64();
        end.account_items = in.u64();
        end.messages = in.u64();
    }
    return reached;
}

Fetch fetch_in(Decoder& in) {
    Fetch fetch;
    fetch.number = in.u64();
    fetch.wanted.session = in.u64();
    fetch.wanted.token = in.text();
    fetch.wanted.handled = in.u32();
    fetch.wanted.address = in.text();
    fetch.wanted.transport_kind = static_cast<TransportKind>(in.u8());
    fetch.wanted.identity = identity_in(in);
    return fetch;
}

Stays stays_in(Decoder& in) {
    Stays stays;
    stays.number = in.u64();
    stays.failure.condition = in.text();
    const bool is_known = in.boolean();
    const std::uint32_t handled = in.u32();
    if (is_known) stays.failure.handled = handled;
    const bool is_too_high = in.boolean();
    const std::uint32_t sent = in.u32();
    if (is_too_high) stays.sent = sent;
    return stays;
}

/// Words about sessions that move.
std::optional<DirectoryFrame> moving_in(DirectoryWord word, Decoder& in) {
    switch (word) {
        case DirectoryWord::Fetch:
            return fetch_in(in);
        case DirectoryWord::Piece: {
            Piece piece;
            piece.number = in.u64();
            piece.is_last = in.boolean();
            piece.bytes = in.text();
            return piece;
        }
        case DirectoryWord::Stays:
            return stays_in(in);
        case DirectoryWord::Leave:
            return Leave{in.u64()};
        case DirectoryWord::MovedHere: {
            MovedHere moved;
            moved.number = in.u64();
            moved.session = in.u64();
            moved.told_to = in.u64();
            return moved;
        }
        case DirectoryWord::Ended:
            return Ended{in.u64()};
        default:
            return std::nullopt;
    }
}

std::optional<DirectoryFrame> frame_in(Decoder& in) {
    const auto word = static_cast<DirectoryWord>(in.u8());
    switch (word) {
        case DirectoryWord::Begin:
            return Begin{in.u64()};
        case DirectoryWord::States: {
            States states;
            const std::uint64_t count = in.varint();
            for (std::uint64_t i = 0; i < count && count <= listed_max && in.ok(); ++i)
                states.states.push_back(state_in(in));
            return states;
        }
        case DirectoryWord::Gone:
            return Gone{numbers_in(in)};
        case DirectoryWord::Complete:
            return Complete{};
        case DirectoryWord::Heard: {
            Heard heard;
            const std::uint64_t count = in.varint();
            for (std::uint64_t i = 0; i < count && count <= listed_max && in.ok(); ++i) {
                const std::uint64_t session = in.u64();
                heard.all.push_back({session, in.i64()});
            }
            return heard;
        }
        case DirectoryWord::Taken:
            return Taken{in.u64()};
        case DirectoryWord::Mark:
            return Mark{in.u64()};
        case DirectoryWord::Seen:
            return Seen{in.u64()};
        case DirectoryWord::Reached:
            return reached_in(in);
        case DirectoryWord::PlaceOf:
            return place_of_in(in);
        case DirectoryWord::Place:
            return account_place_in(in);
        case DirectoryWord::WhoHas:
            return who_has_in(in);
        case DirectoryWord::Has:
            return has_in(in);
        default:
            return moving_in(word, in);
    }
}

Outgoing outgoing_in(Decoder& in) {
    Outgoing stanza;
    stanza.kind =
        static_cast<StanzaKind>(std::min(in.u8(), static_cast<std::uint8_t>(StanzaKind::Presence)));
    stanza.to = static_cast<Address>(std::min(in.u8(), static_cast<std::uint8_t>(Address::Full)));
    const std::uint8_t flags = in.u8();
    stanza.is_relayed = flags != 0;
    stanza.is_copied = (flags & carried_copied) != 0;
    stanza.is_shared = in.boolean();
    stanza.number = in.u64() & ((std::uint64_t{1} << Outgoing::number_bits) - 1);
    stanza.text = std::make_shared<const std::string>(in.text());
    return stanza;
}

}   // namespace

std::uint64_t first_session_of(storage::MemberId member) { return number_of(member) << own_bits; }

bool is_session_of(storage::MemberId member, std::uint64_t session) {
    return session >> own_bits == first_session_of(member) >> own_bits;
}

std::string encode(const DirectoryFrame& frame) {
    Encoder out;
    std::visit(Put{out}, frame);
    return out.take();
}

std::optional<DirectoryFrame> decode_directory(std::string_view bytes) {
    Decoder in(bytes);
    auto frame = frame_in(in);
    return in.ok() && in.at_end() ? frame : std::nullopt;
}

std::string encode(const StanzaFrame& frame) {
    const auto* one = std::get_if<ToSession>(&frame.content);
    Encoder out((one ? one->stanza.text : std::get<1>(frame.content).text)->size() + 128);
    out.u64(frame.number);
    if (one) {
        const Outgoing& stanza = one->stanza;
        out.u8(static_cast<std::uint8_t>(Carried::ToSession)).u64(one->session);
        out.text(one->jid.str()).u8(static_cast<std::uint8_t>(stanza.kind));
        out.u8(static_cast<std::uint8_t>(stanza.to)).u8(flags_of(stanza));
        out.boolean(stanza.is_shared).u64(stanza.number).text(*stanza.text);
        return out.take();
    }
    const auto& query = std::get<ForwardedQuery>(frame.content);
    out.u8(static_cast<std::uint8_t>(query.is_packet() ? Carried::Packet : Carried::Query));
    out.u64(query.asker).u64(query.answerer);
    out.text(query.to.str()).text(query.asked.str()).text(query.id);
    out.boolean(query.is_counted).text(*query.text);
    return out.take();
}

std::optional<StanzaFrame> decode_stanza(std::string_view bytes) {
    Decoder in(bytes);
    StanzaFrame frame;
    frame.number = in.u64();
    switch (static_cast<Carried>(in.u8())) {
        case Carried::ToSession: {
            ToSession one;
            one.session = in.u64();
            one.jid = jid_in(in);
            one.stanza = outgoing_in(in);
            frame.content = std::move(one);
            break;
        }
        case Carried::Query:
        case Carried::Packet: {
            ForwardedQuery query;
            query.asker = in.u64();
            query.answerer = in.u64();
            query.to = jid_in(in);
            query.asked = jid_in(in);
            query.id = in.text();
            query.is_counted = in.boolean();
            query.text = std::make_shared<const std::string>(in.text());
            frame.content = std::move(query);
            break;
        }
        default:
            return std::nullopt;
    }
    if (!in.ok() || !in.at_end()) return std::nullopt;
    return frame;
}

}   // namespace grid::server::cluster
