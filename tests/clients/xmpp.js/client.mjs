// tests/clients/xmpp.js/client.mjs: example: a Grid client on @xmpp/client with a password, in Node.
//
//     NODE_EXTRA_CA_CERTS=CERTS/ca.crt GRID_PASSWORD=… node client.mjs HOST PORT JID CERTS NODE
//
// Logs in by SCRAM, subscribes, publishes, receives, and comes back when it is cut off. The
// arguments and the output are those of all examples: see ../README.md. Passwords are for a grid
// whose operator has switched them on; a certificate is the better identity.
import { client, jid, xml } from "@xmpp/client";

const [host, port, address, , node] = process.argv.slice(2);
const me = jid(address);
const PUBSUB = "http://jabber.org/protocol/pubsub";
const EVENT = `${PUBSUB}#event`;

// Step 1: the login. The server's certificate must be of a CA that Node knows (the variable above),
// and name the domain. PLAIN would show the password to the server: SCRAM alone is left.
const xmpp = client({
    service: `xmpp://${host}:${port}`,
    domain: me.domain,
    timeout: 30_000,   // ms for each step of a login; its own two seconds are few on a busy machine
    credentials: (authenticate, mechanisms) => {
        const mechanism = mechanisms.find((name) => name.startsWith("SCRAM-"));
        if (!mechanism) throw new Error("the server offers no SCRAM that this library knows");
        return authenticate(
            { username: me.local, password: process.env.GRID_PASSWORD }, mechanism);
    },
});
// @xmpp/client 0.14 resumes a stream that was cut, but does not count the answers to its own requests
// among what it has got, so that the server would send as many stanzas again. They are counted here.
xmpp.prependListener("element", (stanza) => {
    if (stanza.is("iq") && xmpp.iqCaller.handlers.has(stanza.attrs.id))
        xmpp.streamManagement.inbound += 1;
});
// Step 2: the broker is a service of the domain (disco#items of the domain lists it).
const broker = `pubsub.${me.domain}`;
let logins = 0;
let isLeaving = false;

// A request that waits when the connection is cut fails after half a minute.
const request = (payload) =>
    xmpp.iqCaller.request(xml("iq", { type: "set", to: broker }, xml("pubsub", PUBSUB, payload)));

// Step 5: the answer means that the item is on the server's disk.
async function publish(id) {
    const alert = xml("alert", "urn:example:alert", "a client is here");
    await request(xml("publish", { node }, xml("item", { id }, alert)));
    console.log("published", id);
}

async function onOnline(isResumed) {
    console.log(isResumed ? "resumed" : "online");
    logins += 1;
    // Step 3: presence. At this the broker replays what the account missed; a session that was
    // resumed is still present.
    if (!isResumed) await xmpp.send(xml("presence"));
    if (logins === 1) {
        // Step 4: subscribe once: the subscription is the account's and outlives sessions.
        await request(xml("subscribe", { node, jid: me.bare().toString() }));
        console.log("subscribed");
    }
    await publish(`${me.local}-${logins}`);
}

function start(isResumed) {
    onOnline(isResumed).catch((error) => {
        console.error(String(error));   // a cut, or a refusal of the broker
        if (logins === 1) process.exit(2);
    });
}

xmpp.on("online", () => start(false));
xmpp.streamManagement.on("resumed", () => start(true));
// Step 6: items. Without stream management the last ones before a cut may come twice.
xmpp.on("stanza", async (stanza) => {
    const items = stanza.getChild("event", EVENT)?.getChild("items");
    for (const item of items?.getChildren("item") ?? []) {
        console.log("item", item.attrs.id);
        if (item.attrs.id === "bye") {
            isLeaving = true;
            await xmpp.stop();
        }
    }
});
// Step 7: come back. @xmpp/client does so by itself, every second.
xmpp.on("disconnect", () => {
    if (!isLeaving) console.log("offline");
});
xmpp.on("error", (error) => {
    console.error(String(error));
    if (error.name === "SASLError") process.exit(2);   // refused: to try again would not help
});
xmpp.start().catch((error) => {
    console.error(String(error));
    process.exit(2);
});
