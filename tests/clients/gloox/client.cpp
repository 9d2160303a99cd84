// tests/clients/gloox/client.cpp: example: a Grid client on gloox, in C++.
//
//     gloox_client HOST PORT JID CERTS NODE
//
// Logs in with a certificate, subscribes, publishes, receives, and comes back when it is cut off.
// The arguments and the output are those of all examples: see ../README.md.
#include <gloox/client.h>
#include <gloox/connectionlistener.h>
#include <gloox/error.h>
#include <gloox/iqhandler.h>
#include <gloox/message.h>
#include <gloox/messagehandler.h>
#include <gloox/pubsubevent.h>
#include <gloox/tlsdefault.h>
#include <algorithm>
#include <chrono>
#include <iostream>
#include <string>
#include <thread>
#include <utility>

namespace {

const std::string pubsub_ns = "http://jabber.org/protocol/pubsub";

void say(const std::string& what) { std::cout << what << '\n' << std::flush; }

/// <pubsub/> with the request inside. gloox's PubSub::Manager has this too, with a handler of two
/// dozen methods.
class Request : public gloox::StanzaExtension {
public:
    explicit Request(gloox::Tag* inner)
        : StanzaExtension(gloox::ExtUser), tree_(new gloox::Tag("pubsub", "xmlns", pubsub_ns)) {
        tree_->addChild(inner);
    }
    Request(const Request& other) : StanzaExtension(gloox::ExtUser), tree_(other.tree_->clone()) {}
    Request& operator=(const Request&) = delete;
    ~Request() override { delete tree_; }
    const std::string& filterString() const override { return gloox::EmptyString; }
    StanzaExtension* newInstance(const gloox::Tag*) const override { return nullptr; }
    gloox::Tag* tag() const override { return tree_->clone(); }
    StanzaExtension* clone() const override { return new Request(*this); }

private:
    gloox::Tag* tree_;
};

class Client : gloox::ConnectionListener, gloox::MessageHandler, gloox::IqHandler {
public:
    Client(
        const std::string& host,
        int port,
        const gloox::JID& jid,
        const std::string& certs,
        std::string node
    )
        : jid_(jid),
          broker_("pubsub." + jid.server()),
          node_(std::move(node)),
          gloox_(jid, "", port) {
        // Step 1: the certificate; gloox then takes EXTERNAL, and sends the JID with it, which must
        // be that of the certificate. Step 2: the broker is a service of the domain
        // (disco#items of the domain lists it).
        base_ = certs + "/" + jid.username();
        ca_ = certs + "/ca.crt";
        gloox_.setClientCert(base_ + ".key", base_ + ".crt");
        gloox_.setTls(gloox::TLSRequired);
        gloox_.setSASLMechanisms(gloox::SaslMechExternal);
        gloox_.setServer(host);
        gloox_.disableRoster();
        gloox_.setPresence(gloox::Presence::Available, 0);
        // Stream management: where the server offers it, gloox resumes a stream that was cut.
        gloox_.setStreamManagement(true, true);
        gloox_.registerStanzaExtension(new gloox::PubSub::Event);
        gloox_.registerConnectionListener(this);
        gloox_.registerMessageHandler(this);
    }

    /// The exit code: 0 after "bye", 2 when the first login was refused.
    int run() {
        for (std::chrono::milliseconds delay{500}; !is_leaving_;
             delay = std::min(2 * delay, delay_max)) {
            const int before = logins_;
            prepare_tls();
            gloox_.connect(false);
            while (gloox_.recv(wait_us) == gloox::ConnNoError)
                if (std::exchange(is_due_, false)) publish();
            if (logins_ == 0) return 2;
            if (logins_ > before) delay = std::chrono::milliseconds(500);
            if (is_leaving_) break;
            // Step 7: come back, at growing intervals: when a server restarts, all its clients do.
            say("offline");
            std::this_thread::sleep_for(delay);
        }
        return 0;
    }

private:
    enum Context { subscribing, publishing };
    static constexpr std::chrono::milliseconds delay_max{30'000};
    static constexpr int wait_us = 50'000;

    /// gloox 1.0.24 does not hand the files of setClientCert and setCACerts to GnuTLS, and forgets
    /// those that TLS was given itself when a connection ends.
    void prepare_tls() {
        auto* tls = new gloox::TLSDefault(&gloox_, jid_.server());
        tls->init();
        tls->setCACerts({ca_});
        tls->setClientCert(base_ + ".key", base_ + ".crt");
        gloox_.setEncryptionImpl(tls);
    }

    /// Any certificate of our CA for the domain is good; gloox has checked both.
    bool onTLSConnect(const gloox::CertInfo& info) override { return info.status == gloox::CertOk; }

    /// Step 3: gloox has sent presence; at that the broker replays what the account missed. A
    /// stream that was resumed comes here too, and needs neither.
    void onConnect() override {
        if (!gloox_.authed()) {   // refused: gloox goes on where no mechanism is left
            gloox_.disconnect();
            return;
        }
        say(std::exchange(is_resumed_, false) ? "resumed" : "online");
        if (++logins_ > 1) {
            // Not from here: gloox sends again what is not acknowledged after this, that as well.
            is_due_ = true;
            return;
        }
        // Step 4: subscribe once: the subscription is the account's and outlives sessions.
        auto* subscribe = new gloox::Tag("subscribe", "node", node_);
        subscribe->addAttribute("jid", jid_.bare());
        request(subscribe, subscribing);
    }

    void onStreamEvent(gloox::StreamEvent event) override {
        if (event == gloox::StreamEventSMResumed) is_resumed_ = true;
    }

    /// `run` goes on when the connection has ended.
    void onDisconnect(gloox::ConnectionError) override {}

    void request(gloox::Tag* inner, Context context) {
        gloox::IQ iq(gloox::IQ::Set, broker_, gloox_.getID());
        iq.addExtension(new Request(inner));
        gloox_.send(iq, this, context);
    }

    std::string item_id() const { return jid_.username() + "-" + std::to_string(logins_); }

    /// Step 5: the answer means that the item is on the server's disk.
    void publish() {
        auto* publish = new gloox::Tag("publish", "node", node_);
        auto* item = new gloox::Tag(publish, "item", "id", item_id());
        auto* alert = new gloox::Tag(item, "alert", "xmlns", "urn:example:alert");
        alert->setCData("a client is here");
        request(publish, publishing);
    }

    bool handleIq(const gloox::IQ&) override { return false; }

    void handleIqID(const gloox::IQ& iq, int context) override {
        if (iq.subtype() != gloox::IQ::Result) {
            gloox_.disconnect();
        } else if (context == subscribing) {
            say("subscribed");
            publish();
        } else {
            say("published " + item_id());
        }
    }

    /// Step 6: an item. Without stream management the last ones before a cut may come twice.
    void handleMessage(const gloox::Message& message, gloox::MessageSession*) override {
        const auto* event = message.findExtension<gloox::PubSub::Event>(gloox::ExtPubSubEvent);
        if (event == nullptr || event->type() != gloox::PubSub::EventItems) return;
        for (const auto* operation : event->items()) {
            if (operation->retract) continue;
            say("item " + operation->item);
            if (operation->item == "bye") {
                is_leaving_ = true;
                gloox_.disconnect();
            }
        }
    }

    gloox::JID jid_, broker_;
    std::string node_, base_, ca_;
    gloox::Client gloox_;
    int logins_ = 0;
    bool is_leaving_ = false, is_resumed_ = false, is_due_ = false;
};

}   // namespace

int main(int argc, char** argv) {
    if (argc != 6) return 1;
    return Client(argv[1], std::stoi(argv[2]), gloox::JID(argv[3]), argv[4], argv[5]).run();
}
