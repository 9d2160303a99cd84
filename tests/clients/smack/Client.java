// tests/clients/smack/Client.java: example: a Grid client on Smack, in Java.
//
//     java -cp 'lib/*' Client.java HOST PORT JID CERTS NODE
//
// Logs in with a certificate, subscribes, publishes, receives, and comes back when it is cut off.
// The arguments and the output are those of all examples: see ../README.md.
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyFactory;
import java.security.KeyStore;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.Base64;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import javax.net.ssl.KeyManager;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;
import javax.net.ssl.X509TrustManager;
import org.jivesoftware.smack.ConnectionListener;
import org.jivesoftware.smack.ReconnectionManager;
import org.jivesoftware.smack.XMPPConnection;
import org.jivesoftware.smack.packet.StandardExtensionElement;
import org.jivesoftware.smack.provider.ProviderManager;
import org.jivesoftware.smack.tcp.XMPPTCPConnection;
import org.jivesoftware.smack.tcp.XMPPTCPConnectionConfiguration;
import org.jivesoftware.smackx.pubsub.Item;
import org.jivesoftware.smackx.pubsub.LeafNode;
import org.jivesoftware.smackx.pubsub.PayloadItem;
import org.jivesoftware.smackx.pubsub.PubSubManager;
import org.jivesoftware.smackx.pubsub.listener.ItemEventListener;
import org.jivesoftware.smackx.pubsub.packet.PubSubNamespace;
import org.jivesoftware.smackx.pubsub.provider.SubscriptionProvider;
import org.jxmpp.jid.EntityBareJid;
import org.jxmpp.jid.impl.JidCreate;

public final class Client {
    private static final char[] NO_PASSWORD = {};

    private final EntityBareJid me;
    private final String nodeName;
    private final XMPPTCPConnection connection;
    // Smack calls its listeners on threads of its own, where no answer may be awaited.
    private final BlockingQueue<String> happened = new LinkedBlockingQueue<>();
    private int logins;

    private Client(String host, int port, String jid, Path certs, String nodeName) throws Exception {
        me = JidCreate.entityBareFrom(jid);
        this.nodeName = nodeName;
        // Step 1: SASL EXTERNAL. The certificate says who the client is: no user name, no password,
        // and "=" for the authorization identity. Smack checks that the server's certificate is
        // the domain's, wherever it connects to.
        connection = new XMPPTCPConnection(XMPPTCPConnectionConfiguration.builder()
            .setXmppDomain(me.asDomainBareJid())
            .setHost(host)
            .setPort(port)
            // Smack 4.4 makes the context anew with the managers that it is given beside it.
            .performSaslExternalAuthentication(SSLContext.getInstance("TLS"))
            .setKeyManagers(identity(certs, me.getLocalpart().toString()))
            .setCustomX509TrustManager(trust(certs.resolve("ca.crt")))
            .setSendPresence(false)   // not before somebody listens: see step 3
            .build());
        connection.addConnectionListener(new ConnectionListener() {
            @Override
            public void authenticated(XMPPConnection connection, boolean resumed) {
                happened.add(resumed ? "resumed" : "online");
            }

            @Override
            public void connectionClosedOnError(Exception e) {
                happened.add("offline");
            }
        });
        // A broker may tell a client of its subscriptions by a message, too. Smack 4.4 has no parser
        // for this one kind of event, and ends the connection.
        ProviderManager.addExtensionProvider(
            "subscription", PubSubNamespace.event.getXmlns(), new SubscriptionProvider());
        // Step 7: come back. Smack logs in again by itself. Its default is a random, growing
        // interval from ten seconds on, right for thousands of clients and long for a test.
        ReconnectionManager reconnection = ReconnectionManager.getInstanceFor(connection);
        reconnection.setFixedDelay(1);
        reconnection.enableAutomaticReconnection();
    }

    private static KeyManager[] identity(Path certs, String name) throws Exception {
        String pem = Files.readString(certs.resolve(name + ".key"));
        byte[] key = Base64.getMimeDecoder().decode(pem.replaceAll("-----[^-]*-----", ""));
        Certificate[] chain = {certificate(certs.resolve(name + ".crt"))};
        String algorithm = chain[0].getPublicKey().getAlgorithm();
        KeyStore mine = KeyStore.getInstance("PKCS12");
        mine.load(null, null);
        mine.setKeyEntry(
            "me", KeyFactory.getInstance(algorithm).generatePrivate(new PKCS8EncodedKeySpec(key)),
            NO_PASSWORD, chain);
        KeyManagerFactory keys = KeyManagerFactory.getInstance("PKIX");
        keys.init(mine, NO_PASSWORD);
        return keys.getKeyManagers();
    }

    private static X509TrustManager trust(Path ca) throws Exception {
        KeyStore trusted = KeyStore.getInstance("PKCS12");
        trusted.load(null, null);
        trusted.setCertificateEntry("ca", certificate(ca));
        TrustManagerFactory trust = TrustManagerFactory.getInstance("PKIX");
        trust.init(trusted);
        return (X509TrustManager) trust.getTrustManagers()[0];
    }

    private static Certificate certificate(Path path) throws Exception {
        try (InputStream file = Files.newInputStream(path)) {
            return CertificateFactory.getInstance("X.509").generateCertificate(file);
        }
    }

    private void run() throws Exception {
        connection.connect().login();
        // Step 2: the broker is a service of the domain (PubSubManager.getPubSubService finds it).
        LeafNode node = PubSubManager
            .getInstanceFor(connection, JidCreate.bareFrom("pubsub." + me.getDomain()))
            .getLeafNode(nodeName);
        // Step 6: items. Without stream management the last ones before a cut may come twice.
        ItemEventListener<Item> listener = event -> {
            for (Item item : event.getItems()) happened.add("item " + item.getId());
        };
        node.addItemEventListener(listener);
        for (String what = ""; !what.equals("item bye");) {
            what = happened.take();
            System.out.println(what);
            if (what.equals("online") || what.equals("resumed")) {
                ++logins;
                // Step 3: presence. At this the broker replays what the account missed. A session
                // that was resumed is still present, and misses nothing.
                if (what.equals("online")) {
                    connection.sendStanza(
                        connection.getStanzaFactory().buildPresenceStanza().build());
                }
                // Step 4: subscribe once: the subscription is the account's and outlives sessions.
                if (logins == 1) {
                    node.subscribe(me);
                    System.out.println("subscribed");
                }
                publish(node, me.getLocalpart() + "-" + logins);
            }
        }
        connection.disconnect();
    }

    /** Step 5: when this returns, the item is on the server's disk. */
    private static void publish(LeafNode node, String id) throws Exception {
        StandardExtensionElement alert =
            StandardExtensionElement.builder("alert", "urn:example:alert")
                .setText("a client is here")
                .build();
        node.publish(new PayloadItem<>(id, alert));
        System.out.println("published " + id);
    }

    public static void main(String[] words) throws Exception {
        new Client(words[0], Integer.parseInt(words[1]), words[2], Path.of(words[3]), words[4]).run();
        System.exit(0);
    }
}
