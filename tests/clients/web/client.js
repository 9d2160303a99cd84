// tests/clients/web/client.js: example: a Grid client on strophe.js in a browser, over WebSocket or
// BOSH.
//
// gridd serves this page itself (http.static_dir: this folder with strophe.esm.js beside it), so
// that the browser shows the user's certificate to it, for the page and for the stream alike. There
// is no password, no key and no name in here: the certificate says which user it is.
//
//     https://DOMAIN:8443/?node=alerts            over WebSocket
//     https://DOMAIN:8443/?node=alerts&over=bosh  over BOSH, where no WebSocket gets through
//
// The steps are those of all examples: see ../README.md.
import { $iq, $pres, Strophe } from "./strophe.esm.js";

const query = new URLSearchParams(location.search);
const node = query.get("node") ?? "alerts";
const way = query.get("over") === "bosh" ? "xbosh" : "websocket";
const domain = location.hostname;
const PUBSUB = "http://jabber.org/protocol/pubsub";
const EVENT = `${PUBSUB}#event`;

// Step 1: the certificate. The browser has shown it already; the server takes the address from it.
// strophe.js would name an address of its own, which a page does not know.
class Certificate extends Strophe.SASLExternal {
    onChallenge() {
        return "";
    }
}

// What stream management keeps from one connection, or page, to the next. A stream that was cut before
// the server's <enabled/> has nothing to go on with, and must not be kept: strophe.js would take the
// next one for a stream on which it has said <enable/> already, and so all that follow.
class Storage extends Strophe.SessionStorageBackend {
    save(key, state) {
        if (state.id) super.save(key, state);
        else super.clear(key);
    }
}

// Step 2: the broker is a service of the domain (disco#items of the domain lists it).
const broker = `pubsub.${domain}`;
let connection;
let logins = 0;
let delay = 500;
let attempt = null;   // the timer of the next one

const at = (id) => document.getElementById(id);

// What comes from the network is shown as text, never as HTML.
function show(list, text) {
    const line = document.createElement("li");
    line.textContent = text;
    at(list).append(line);
}

function request(payload) {
    const iq = $iq({ type: "set", to: broker }).c("pubsub", { xmlns: PUBSUB });
    return new Promise((done, failed) => connection.sendIQ(payload(iq), done, failed));
}

// Step 5: the answer means that the item is on the server's disk.
async function publish(id, text) {
    await request((iq) =>
        iq.c("publish", { node }).c("item", { id })
            .c("alert", { xmlns: "urn:example:alert" }).t(text));
    show("log", `published ${id}`);
}

// Step 6: items. Without stream management the last ones before a cut may come twice.
function onMessage(message) {
    for (const item of message.getElementsByTagNameNS(EVENT, "item")) {
        show("log", `item ${item.getAttribute("id")}`);
        show("items", item.textContent);
    }
    return true;   // the handler stays
}

async function onOnline() {
    const isResumed = connection.hasResumed();
    show("log", `${isResumed ? "resumed" : "online"} ${connection.jid}`);
    at("me").value = Strophe.getBareJidFromJid(connection.jid);
    delay = 500;
    logins += 1;
    connection.addHandler(onMessage, null, "message");   // handlers end with a connection
    // Step 3: presence. At this the broker replays what the account missed; a session that was
    // resumed is still present.
    if (!isResumed) connection.send($pres());
    if (logins === 1) {
        // Step 4: subscribe once: the subscription is the account's and outlives sessions.
        const jid = Strophe.getBareJidFromJid(connection.jid);
        await request((iq) => iq.c("subscribe", { node, jid }));
        show("log", "subscribed");
    }
}

function onStatus(status, reason) {
    if (status === Strophe.Status.CONNECTED) {
        onOnline().catch((error) => show("log", `refused ${text_of(error)}`));
    } else if (status === Strophe.Status.AUTHFAIL) {
        show("log", `refused ${reason}`);
    } else if (status === Strophe.Status.DISCONNECTED) {
        comeBack();
    }
}

// Step 7: come back, at growing intervals: when a server restarts, all its clients do. strophe.js
// tells the end of a connection that never was open twice.
function comeBack() {
    if (attempt !== null) return;
    show("log", "offline");
    at("me").value = "not logged in";
    attempt = setTimeout(open, delay);
    delay = Math.min(2 * delay, 30_000);
}

// strophe.js says nothing when a server closes the socket in good order before the stream is open, as
// one does that stops.
let socket = null;   // the last one
globalThis.WebSocket = class extends WebSocket {
    constructor(url, protocol) {
        super(url, protocol);
        socket = this;
        this.addEventListener("close", () => setTimeout(() => socket === this && comeBack(), 0));
    }
};

// A refusal is an iq of type error, or null where no answer came.
const text_of = (error) => error?.querySelector?.("error")?.firstElementChild?.localName ?? error;

function open() {
    attempt = null;
    connection.reset();
    connection.connect(domain, "", onStatus);
}

// Where the server is for WebSockets and BOSH (XEP-0156).
async function find() {
    const answer = await fetch("/.well-known/host-meta.json");
    const { links } = await answer.json();
    return links.find((link) => link.rel === `urn:xmpp:alt-connections:${way}`).href;
}

at("publish").addEventListener("submit", (event) => {
    event.preventDefault();
    publish(crypto.randomUUID(), at("text").value).catch((error) => show("log", `refused ${text_of(error)}`));
});

Strophe.setLogLevel(Strophe.LogLevel.ERROR);
connection = new Strophe.Connection(await find(), {
    mechanisms: [Certificate],
    enableStreamManagement: true,   // where the server offers it, a stream that was cut is resumed
    streamManagement: { storage: new Storage() },
});
open();
