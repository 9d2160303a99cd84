// tests/clients/strophe.js/client.mjs: example: a Grid client on strophe.js over WebSocket, in Node.
//
//     node client.mjs HOST PORT JID CERTS NODE
//
// Logs in with a certificate, subscribes, publishes, receives, and comes back when it is cut off.
// The arguments and the output are those of all examples: see ../README.md. In a browser the same
// code runs without the first step: the browser itself shows the user's certificate.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { $iq, $pres, Strophe } from "strophe.js";
import WebSocket from "ws";

const [host, port, jid, certs, node] = process.argv.slice(2);
const me = Strophe.getNodeFromJid(jid);
const domain = Strophe.getDomainFromJid(jid);
const PUBSUB = "http://jabber.org/protocol/pubsub";
const EVENT = `${PUBSUB}#event`;

// Step 1: the certificate. On a WebSocket it is part of the TLS connection below HTTP; strophe.js
// makes its sockets by the global class, so a class that adds the files is put there. The server's
// certificate must be of our CA and name the domain.
const tls = {
    cert: readFileSync(join(certs, `${me}.crt`)),
    key: readFileSync(join(certs, `${me}.key`)),
    ca: readFileSync(join(certs, "ca.crt")),
    servername: domain,
};
let socket = null;   // the last one
globalThis.WebSocket = class extends WebSocket {
    constructor(url, protocol) {
        super(url, protocol, tls);
        socket = this;
        // strophe.js says nothing when a server closes the socket in good order before the stream is
        // open, as one does that stops.
        this.on("close", () => setTimeout(() => socket === this && comeBack(), 0));
        // strophe.js may give a socket up before it is open; in Node an error that nobody listens
        // for ends the program.
        this.on("error", () => {});
    }
};

// What stream management keeps from one connection to the next. A stream that was cut before the
// server's <enabled/> has nothing to go on with, and must not be kept: strophe.js would take the next
// one for a stream on which it has said <enable/> already, and so all that follow.
class Storage extends Strophe.MemoryStorageBackend {
    save(key, state) {
        if (state.id) super.save(key, state);
        else super.clear(key);
    }
}

// Step 2: the broker is a service of the domain (disco#items of the domain lists it).
const broker = `pubsub.${domain}`;
// Where the server is for WebSockets stands in https://DOMAIN/.well-known/host-meta (XEP-0156).
const connection = new Strophe.Connection(`wss://${host}:${port}/xmpp-websocket`, {
    mechanisms: [Strophe.SASLExternal],
    enableStreamManagement: true,   // where the server offers it, a stream that was cut is resumed
    // strophe.js asks what has been handled after every fifth stanza, and says all of them again where
    // the session is gone, as after a restart of the server: items would be published twice.
    streamManagement: { storage: new Storage(), maxUnacked: 1 },
});
Strophe.setLogLevel(Strophe.LogLevel.ERROR);
let logins = 0;
let delay = 500;
let attempt = null;   // the timer of the next one
let isLeaving = false;

function request(payload) {
    const iq = $iq({ type: "set", to: broker }).c("pubsub", { xmlns: PUBSUB });
    return new Promise((done, failed) => connection.sendIQ(payload(iq), done, failed));
}

// Step 5: the answer means that the item is on the server's disk.
async function publish(id) {
    await request((iq) =>
        iq.c("publish", { node }).c("item", { id })
            .c("alert", { xmlns: "urn:example:alert" }).t("a client is here"));
    console.log("published", id);
}

// Step 6: items. Without stream management the last ones before a cut may come twice.
function onMessage(message) {
    for (const item of message.getElementsByTagNameNS(EVENT, "item")) {
        console.log("item", item.getAttribute("id"));
        if (item.getAttribute("id") === "bye") {
            isLeaving = true;
            connection.disconnect();
        }
    }
    return true;   // the handler stays
}

async function onOnline() {
    const isResumed = connection.hasResumed();
    console.log(isResumed ? "resumed" : "online");
    delay = 500;
    logins += 1;
    connection.addHandler(onMessage, null, "message");   // handlers end with a connection
    // Step 3: presence. At this the broker replays what the account missed; a session that was
    // resumed is still present.
    if (!isResumed) connection.send($pres());
    if (logins === 1) {
        // Step 4: subscribe once: the subscription is the account's and outlives sessions.
        await request((iq) => iq.c("subscribe", { node, jid }));
        console.log("subscribed");
    }
    await publish(`${me}-${logins}`);
}

// Step 7: come back, at growing intervals: when a server restarts, all its clients do.
function comeBack() {
    if (isLeaving) process.exit(0);
    // strophe.js tells the end of a connection that never was open twice. A second attempt would end
    // the connection that the first one made, and leave its handlers behind.
    if (attempt !== null) return;
    console.log("offline");
    attempt = setTimeout(open, delay);
    delay = Math.min(2 * delay, 30_000);
}

function onStatus(status) {
    if (status === Strophe.Status.CONNECTED) {
        onOnline().catch((error) => {
            console.error(String(error));   // a cut, or a refusal of the broker
            if (logins === 1) process.exit(2);
        });
    } else if (status === Strophe.Status.AUTHFAIL) {
        process.exit(2);
    } else if (status === Strophe.Status.DISCONNECTED) {
        comeBack();
    }
}

function open() {
    attempt = null;
    connection.reset();   // what waited to be sent; what stream management counted is sent again
    // No password. strophe.js sends the JID with EXTERNAL, which must be that of the certificate.
    connection.connect(jid, "", onStatus);
}

open();
