// tests/clients/qxmpp/client.cpp: example: a Grid client on QXmpp with a password, in C++ with Qt.
//
//     GRID_PASSWORD=… qxmpp_client HOST PORT JID CERTS NODE
//
// Logs in by SCRAM, subscribes, publishes, receives, and comes back when it is cut off. The
// arguments and the output are those of all examples: see ../README.md. Passwords are for a grid
// whose operator has switched them on; a certificate is the better identity.
#include <QXmppClient.h>
#include <QXmppClientExtension.h>
#include <QXmppConfiguration.h>
#include <QXmppIq.h>
#include <QXmppUtils.h>
#include <QCoreApplication>
#include <QDomElement>
#include <QSslCertificate>
#include <QTimer>
#include <QXmlStreamWriter>
#include <algorithm>
#include <iostream>

namespace {

const QString pubsub_ns = "http://jabber.org/protocol/pubsub";
const QString event_ns = pubsub_ns + "#event";

void say(const QString& what) { std::cout << what.toStdString() << '\n' << std::flush; }

/// A request to the broker. QXmpp 1.4 has no public calls for XEP-0060.
class Request : public QXmppIq {
public:
    /// `write` makes what is inside <pubsub/>.
    explicit Request(std::function<void(QXmlStreamWriter&)> write) : write_(std::move(write)) {
        setType(Set);
    }

protected:
    void toXmlElementFromChild(QXmlStreamWriter* writer) const override {
        writer->writeStartElement("pubsub");
        writer->writeDefaultNamespace(pubsub_ns);
        write_(*writer);
        writer->writeEndElement();
    }

private:
    std::function<void(QXmlStreamWriter&)> write_;
};

class Client : public QXmppClientExtension {
public:
    Client(const QStringList& words, QXmppClient& xmpp) : xmpp_(xmpp), node_(words[5]) {
        // Step 1: the login. TLS is a must, the server's certificate must be of our CA and name the
        // domain. PLAIN would show the password to the server, so the mechanism is named.
        config_.setHost(words[1]);
        config_.setPort(words[2].toInt());
        config_.setJid(words[3]);
        config_.setPassword(qEnvironmentVariable("GRID_PASSWORD"));
        config_.setSaslAuthMechanism("SCRAM-SHA-256");
        config_.setUseNonSASLAuthentication(false);
        config_.setStreamSecurityMode(QXmppConfiguration::TLSRequired);
        config_.setCaCertificates(QSslCertificate::fromPath(words[4] + "/ca.crt"));
        // QXmpp comes back by itself, after ten seconds and more; here it is done by hand.
        config_.setAutoReconnectionEnabled(false);
        // Step 2: the broker is a service of the domain (disco#items of the domain lists it).
        broker_ = "pubsub." + config_.domain();
        connect(&xmpp_, &QXmppClient::connected, this, [this] { on_online(); });
        connect(&xmpp_, &QXmppClient::disconnected, this, [this] { on_disconnected(); });
    }

    /// Step 3: QXmpp sends presence; at that the broker replays what the account missed.
    void open() { xmpp_.connectToServer(config_); }

    /// Each stanza comes here before QXmpp looks at it.
    bool handleStanza(const QDomElement& stanza) override {
        if (stanza.tagName() == "iq") return on_answer(stanza);
        if (stanza.tagName() == "message") on_message(stanza);
        return false;
    }

private:
    void on_online() {
        const bool is_resumed = xmpp_.streamManagementState() == QXmppClient::ResumedStream;
        say(is_resumed ? "resumed" : "online");
        delay_ = 500;
        if (++logins_ > 1) {
            publish();
            return;
        }
        // Step 4: subscribe once: the subscription is the account's and outlives sessions.
        request("subscribed", [this](QXmlStreamWriter& writer) {
            writer.writeStartElement("subscribe");
            writer.writeAttribute("node", node_);
            writer.writeAttribute("jid", config_.jidBare());
            writer.writeEndElement();
        });
    }

    /// Step 5: the answer means that the item is on the server's disk.
    void publish() {
        const QString item = QXmppUtils::jidToUser(config_.jid()) + "-" + QString::number(logins_);
        request("published " + item, [this, item](QXmlStreamWriter& writer) {
            writer.writeStartElement("publish");
            writer.writeAttribute("node", node_);
            writer.writeStartElement("item");
            writer.writeAttribute("id", item);
            writer.writeStartElement("alert");
            writer.writeDefaultNamespace("urn:example:alert");
            writer.writeCharacters("a client is here");
            writer.writeEndElement();
            writer.writeEndElement();
            writer.writeEndElement();
        });
    }

    /// `says` is printed when the answer is a result.
    void request(const QString& says, std::function<void(QXmlStreamWriter&)> write) {
        Request iq(std::move(write));
        iq.setId(QXmppUtils::generateStanzaUuid());
        iq.setTo(broker_);
        waiting_.insert(iq.id(), says);
        xmpp_.sendPacket(iq);
    }

    bool on_answer(const QDomElement& iq) {
        const QString says = waiting_.take(iq.attribute("id"));
        if (says.isEmpty()) return false;
        if (iq.attribute("type") != "result") {
            QCoreApplication::exit(2);
            return true;
        }
        say(says);
        if (says == "subscribed") publish();
        return true;
    }

    /// Step 6: items. Without stream management the last ones before a cut may come twice.
    void on_message(const QDomElement& message) {
        const QDomElement event = message.firstChildElement("event");
        if (event.namespaceURI() != event_ns) return;
        const QDomElement items = event.firstChildElement("items");
        for (auto item = items.firstChildElement("item"); !item.isNull();
             item = item.nextSiblingElement("item")) {
            say("item " + item.attribute("id"));
            if (item.attribute("id") != "bye") continue;
            is_leaving_ = true;
            xmpp_.disconnectFromServer();
        }
    }

    void on_disconnected() {
        if (is_leaving_ || logins_ == 0) {
            QCoreApplication::exit(is_leaving_ ? 0 : 2);
            return;
        }
        // Step 7: come back, at growing intervals: when a server restarts, all its clients do.
        say("offline");
        QTimer::singleShot(delay_, this, [this] { open(); });
        delay_ = std::min(2 * delay_, 30'000);
    }

    QXmppClient& xmpp_;
    QXmppConfiguration config_;
    QString broker_, node_;
    QHash<QString, QString> waiting_;   // id of a request → what its answer means
    int logins_ = 0, delay_ = 500;
    bool is_leaving_ = false;
};

}   // namespace

int main(int argc, char** argv) {
    QCoreApplication app(argc, argv);
    if (QCoreApplication::arguments().size() != 6) return 1;
    QXmppClient xmpp;
    auto* client = new Client(QCoreApplication::arguments(), xmpp);
    xmpp.insertExtension(0, client);   // xmpp owns it
    client->open();
    return QCoreApplication::exec();
}
