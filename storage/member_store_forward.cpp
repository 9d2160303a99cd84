// storage/member_store_forward.cpp: batches to the leader, and what members say about them.
#include <utility>

#include "storage/member_store.hpp"

namespace grid::storage {
namespace {

/// Sent and without an outcome; it bounds what the leader holds of each member.
constexpr std::size_t under_way_bytes_max = 8UL * 1024 * 1024;
constexpr std::size_t message_bytes = 256UL * 1024;
constexpr auto send_pause = std::chrono::milliseconds(20);
constexpr auto stream_pause = std::chrono::milliseconds(50);

}   // namespace

void MemberStore::forward() {
    const MemberId leader = applied_.leader;
    if (leader == 0 || leader == self_ || leader != role_.leader) return;
    if (wants_stream_) {
        if (Clock::now() < stream_at_) return look_again_in(stream_pause);
        wants_stream_ = false;
        own_.begin_stream();
        sequence_ = 0;
    }
    while (own_.bytes_under_way() < under_way_bytes_max) {
        BatchesWriter message({own_.term(), own_.stream(), sequence_, own_.first_open(), {}});
        std::uint64_t last = 0, count = 0;
        own_.visit_unsent([&](std::uint64_t number, const OwnBatches::Own& own) {
            message.add(number, own.ticket, own.sender, own.batch);
            last = number;
            ++count;
            return message.size() < message_bytes;
        });
        if (count == 0) return;
        if (!peers_.send(leader, message.take())) return look_again_in(send_pause);
        own_.sent_up_to(last);
        ++sequence_;
        const std::lock_guard lock(mutex_);
        status_.forwarded += count;
    }
}

void MemberStore::hear(MemberId from, const std::string& bytes) {
    auto message = decode_store_message(bytes);
    if (!message) {
        files_.settings().log(
            LogLevel::Error, "store " + files_.settings().path +
                                 ": a message of another member that cannot be "
                                 "understood: do all run the same version?"
        );
    } else if (auto* batches = std::get_if<BatchesMessage>(&*message)) {
        hear_batches(from, std::move(*batches));
    } else if (auto* refusals = std::get_if<RefusalsMessage>(&*message)) {
        hear_refusals(from, std::move(*refusals));
    } else if (const auto& lost = std::get<LostMessage>(*message);
               lost.term == own_.term() && lost.stream == own_.stream() && !wants_stream_) {
        wants_stream_ = true;
        stream_at_ = Clock::now() + stream_pause;
        look_again_in(stream_pause);
    }
}

void MemberStore::hear_batches(MemberId from, BatchesMessage message) {
    const LostMessage lost{message.term, message.stream};
    if (standing_ == Standing::Leading && origins_.take(from, std::move(message))) return;
    peers_.send(from, encode(StoreMessage(lost)));
}

void MemberStore::hear_refusals(MemberId from, RefusalsMessage message) {
    if (from != applied_.leader) return;
    for (Refusal& refusal : message.refusals) own_.refused(message.term, std::move(refusal));
}

}   // namespace grid::storage
