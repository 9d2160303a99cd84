// tests/clients/smack/Upload.java: example: a file is uploaded by HTTPS (XEP-0363) with Smack.
//
//     java -cp 'lib/*' Upload.java HOST PORT JID CERTS FILE
//
// Logs in with a certificate, finds the service, asks for a slot, and fills it with the same
// certificate. Prints the URL.
import java.io.File;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyFactory;
import java.security.KeyStore;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.Base64;
import javax.net.ssl.KeyManager;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;
import javax.net.ssl.X509TrustManager;
import org.jivesoftware.smack.tcp.XMPPTCPConnection;
import org.jivesoftware.smack.tcp.XMPPTCPConnectionConfiguration;
import org.jivesoftware.smackx.httpfileupload.HttpFileUploadManager;
import org.jxmpp.jid.EntityBareJid;
import org.jxmpp.jid.impl.JidCreate;

public final class Upload {
    private static final char[] NO_PASSWORD = {};

    private static Certificate certificate(Path path) throws Exception {
        try (InputStream file = Files.newInputStream(path)) {
            return CertificateFactory.getInstance("X.509").generateCertificate(file);
        }
    }

    private static KeyManager[] identity(Path certs, String name) throws Exception {
        String pem = Files.readString(certs.resolve(name + ".key"));
        byte[] key = Base64.getMimeDecoder().decode(pem.replaceAll("-----[^-]*-----", ""));
        Certificate[] chain = {certificate(certs.resolve(name + ".crt"))};
        KeyStore mine = KeyStore.getInstance("PKCS12");
        mine.load(null, null);
        mine.setKeyEntry(
            "me",
            KeyFactory.getInstance(chain[0].getPublicKey().getAlgorithm())
                .generatePrivate(new PKCS8EncodedKeySpec(key)),
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

    public static void main(String[] given) throws Exception {
        EntityBareJid me = JidCreate.entityBareFrom(given[2]);
        Path certs = Path.of(given[3]);
        KeyManager[] keys = identity(certs, me.getLocalpart().toString());
        X509TrustManager trust = trust(certs.resolve("ca.crt"));
        XMPPTCPConnection connection =
            new XMPPTCPConnection(XMPPTCPConnectionConfiguration.builder()
                .setXmppDomain(me.asDomainBareJid())
                .setHost(given[0])
                .setPort(Integer.parseInt(given[1]))
                .performSaslExternalAuthentication(SSLContext.getInstance("TLS"))
                .setKeyManagers(keys)
                .setCustomX509TrustManager(trust)
                .build());
        connection.connect().login();
        // The client's certificate is shown to the HTTPS server, too.
        SSLContext https = SSLContext.getInstance("TLS");
        https.init(keys, new X509TrustManager[] {trust}, null);
        HttpFileUploadManager uploads = HttpFileUploadManager.getInstanceFor(connection);
        uploads.setTlsContext(https);
        if (!uploads.discoverUploadService()) throw new IllegalStateException("no service");
        System.out.println(uploads.uploadFile(new File(given[4])));
        connection.disconnect();
        System.exit(0);
    }
}
