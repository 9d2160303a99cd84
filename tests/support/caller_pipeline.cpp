// tests/support/caller_pipeline.cpp: see caller_pipeline.hpp.
#include "caller_pipeline.hpp"

#include <catch2/catch.hpp>

#include "server/pipeline/storage_error.hpp"

namespace grid::test {

namespace {

/// A failure of Catch is no std::exception: the pipeline lets it through.
template <class Work>
auto without_fault(const Work& work) {
    try {
        return work();
    } catch (const std::exception& fault) {
        FAIL("a fault while memory follows the store: " << fault.what());
        throw;
    }
}

void require_bounds(const storage::Batch& batch) {
    REQUIRE(batch.operations.size() <= storage::batch_operations_max);
    REQUIRE(batch.bytes() <= storage::batch_bytes_max);
}

}   // namespace

CallerPipeline::CallerPipeline(storage::Store& store, Follower follower)
    : follower_(std::move(follower)),
      log_(server::LogSettings{"off", "text"}),
      pipeline_(std::make_shared<server::Pipeline>(
          [this](std::function<void()> work) { post(std::move(work)); }, store, *this, log_
      )) {
    // A store that is closed refuses what is queued still, perhaps after the end of the pipeline.
    store.start([to = std::weak_ptr(pipeline_)](std::vector<storage::FeedEntry> entries) {
        if (const auto pipeline = to.lock()) pipeline->on_feed(std::move(entries));
    });
}

void CallerPipeline::post(std::function<void()> work) {
    posted_.push_back(std::move(work));
    if (std::exchange(is_running_, true)) return;
    for (; !posted_.empty(); posted_.pop_front()) posted_.front()();
    is_running_ = false;
}

void CallerPipeline::take(std::unique_ptr<server::Transaction> request) {
    const xml::Jid& jid = request->context.actor.jid;
    auto& queue = queues_[jid.str()];
    if (!queue)
        queue = std::make_shared<server::SenderQueue>(queues_.size(), std::string(jid.bare_view()));
    queue->push(std::move(request));
    post([this, queue] { pipeline_->advance(queue); });
}

void CallerPipeline::submit(storage::Batch batch) {
    require_bounds(batch);
    post([&] { REQUIRE(pipeline_->submit_background(std::move(batch))); });
}

void CallerPipeline::rescan() {
    post([this] { pipeline_->rebuild(); });
}

void CallerPipeline::before_change(const storage::Batch& batch) { require_bounds(batch); }

void CallerPipeline::apply(const storage::KeyChange& change) {
    without_fault([&] { follower_.apply(change); });
}

void CallerPipeline::notify(const storage::Committed& committed) {
    without_fault([&] { follower_.notify(committed); });
}

storage::Revision CallerPipeline::rebuild() {
    return without_fault([this] { return follower_.rebuild(); });
}

xml::StanzaError refused_by_store(boost::system::error_code error) {
    if (error == server::internal_fault()) FAIL("a fault while a request is decided or read");
    return server::to_stanza_error(error);
}

}   // namespace grid::test
