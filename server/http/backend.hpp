// server/http/backend.hpp: the grid behind HTTPS.
#pragma once

#include "controller/rest/call.hpp"
#include "controller/rest/rest.hpp"
#include "controller/state.hpp"
#include "server/backup/backups.hpp"
#include "server/core/core.hpp"
#include "server/http/ports.hpp"
#include "server/live/hub.hpp"
#include "server/metrics/collector.hpp"
#include "storage/store.hpp"

namespace grid::server::http {

class Backend final : public HttpBackend {
public:
    Backend(
        Core& core,
        storage::Store& store,
        const controller::ServerInfo& info,
        const metrics::Collector& metrics,
        std::shared_ptr<live::Hub> hub
    )
        : core_(core),
          store_(store),
          info_(info),
          metrics_(metrics),
          hub_(std::move(hub)),
          rest_(core.controller(), core.broker(), core.sessions(), info) {}

    void api(
        controller::HttpRequest request,
        pubsub::Principal principal,
        controller::Identity identity,
        Done done
    ) override {
        auto prepared = rest_.prepare(request);
        if (!prepared) return done(prepared.error());
        core_.api(std::move(*prepared), std::move(principal), std::move(identity), std::move(done));
    }

    void refused(
        std::string claimed, std::string address, std::string condition, std::string reason
    ) override {
        core_.record_refusal(
            "rest-refused", std::move(claimed), std::move(address), std::move(condition),
            std::move(reason)
        );
    }

    void metrics(std::optional<Asker> asker, Done done) override {
        if (!asker)
            return metrics_.collect([done = std::move(done)](std::string text) {
                done({200, std::move(text), std::string(metrics::exposition_type)});
            });
        controller::PreparedHttp request{[this](const pubsub::Context& context) {
            using controller::HttpDecision;
            if (auto failure = core_.controller().state_for_admin().refuse_act(
                    context.actor, controller::Act::ReadMetrics
                ))
                return HttpDecision(controller::http_error(
                    403, "forbidden", failure->text + "; see also listen.metrics"
                ));
            return HttpDecision(controller::HttpResponse{
                200, metrics_.text(), std::string(metrics::exposition_type)
            });
        }};
        request.is_for_cut_off = true;
        core_.api(
            std::move(request), std::move(asker->principal), std::move(asker->identity),
            std::move(done)
        );
    }
    void ask_right(Asker asker, controller::Act act, Done done) override {
        controller::PreparedHttp request{[this, act](const pubsub::Context& context) {
            const auto failure =
                core_.controller().state_for_admin().refuse_act(context.actor, act);
            return controller::HttpDecision(
                failure ? controller::rest::refuse(*failure) : controller::HttpResponse{}
            );
        }};
        core_.api(
            std::move(request), std::move(asker.principal), std::move(asker.identity),
            std::move(done)
        );
    }
    void sign_in(SignInRequest request, Done done) override {
        core_.sign_in(std::move(request), std::move(done));
    }
    void sign_out(SignInQuestion question, Done done) override {
        core_.sign_out(std::move(question), std::move(done));
    }
    void show_sign_in(SignInQuestion question, Done done) override {
        core_.show_sign_in(std::move(question), std::move(done));
    }
    void find_sign_in(SignInQuestion question, std::function<void(SignInAnswer)> done) override {
        core_.find_sign_in(std::move(question), std::move(done));
    }
    live::ListenerPtr listen(std::string account, live::EventWish wish, std::function<void()> wake)
        override {
        return hub_->listen(std::move(account), std::move(wish), std::move(wake));
    }
    void leave(const live::ListenerPtr& listener) override { hub_->leave(listener); }
    void ask_file(FileQuestion question, FileDone done) override;
    void complete_file(FileQuestion question, std::string hash, FileDone done) override;
    void begin_transfer(
        FileQuestion question, FileGrant grant, Cut cut, std::function<void(bulk::Begun)> done
    ) override;
    void end_transfer(const bulk::RunningPtr& running, bulk::State why, std::string detail)
        override;

    void ask_history(HistoryQuestion question, HistoryDone done) override;
    void begin_history(
        HistoryQuestion question, HistoryGrant grant, Cut cut, std::function<void(bulk::Begun)> done
    ) override;
    std::shared_ptr<bulk::HistoryReader> read_history(HistoryGrant grant) override;

    /// Without, there are no backups. Before the first request.
    void attach(backup::Backups& backups) { backups_ = &backups; }
    void open_backup(std::string name, std::function<void(std::shared_ptr<backup::Archive>)> done)
        override {
        if (backups_ == nullptr) return done(nullptr);
        backups_->open(name, std::move(done));
    }

    Readiness ready() override {
        Readiness ready;
        auto status = store_.status();
        if (!status.writable) {
            ready.is_ready = false;
            ready.problems.push_back(
                "the store takes no writes: " + status.reason + "; " + controller::advice(status)
            );
        }
        if (const auto* cluster = info_.cluster(); cluster != nullptr) {
            const controller::ClusterView view = cluster->view();
            if (view.is_cut_off || view.is_draining) ready.is_ready = false;
            // A member that hears etcd refuses as long as others may not know of it.
            constexpr std::uint64_t heard_lately_ms = 1'000;
            if (view.is_cut_off && view.heard_ms < heard_lately_ms)
                ready.problems.emplace_back(
                    "the other members do not wait for this one yet: it takes requests a second "
                    "after etcd says that they have to"
                );
            else if (view.is_cut_off)
                ready.problems.push_back(
                    "cut off from the cluster: etcd was not heard for " +
                    std::to_string(view.heard_ms) + " ms"
                );
            else if (view.leader.empty()) {
                ready.is_ready = false;
                ready.problems.emplace_back("no member of the cluster leads yet");
            }
            if (view.is_draining) ready.problems.emplace_back("this member is being drained");
            if (!view.no_link.empty()) ready.problems.push_back(view.no_link);
        }
        // The server serves all the same; names of files and receivers are for administrators.
        const controller::ServerFacts facts = info_.facts();
        if (!facts.problems.empty())
            ready.problems.emplace_back(
                "a source of revocation lists (tls.crl, cluster.crl) has a fault: see gridctl "
                "status"
            );
        if (auto text = controller::export_problem(facts, false); !text.empty())
            ready.problems.push_back(text + ": see gridctl status");
        return ready;
    }

private:
    Core& core_;
    storage::Store& store_;
    const controller::ServerInfo& info_;
    const metrics::Collector& metrics_;
    const std::shared_ptr<live::Hub> hub_;
    controller::Rest rest_;
    backup::Backups* backups_ = nullptr;
};

}   // namespace grid::server::http
