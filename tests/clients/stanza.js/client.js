// tests/clients/stanza.js/client.js: example: a Grid client on stanza.js over WebSocket, in Node.
//
//     node client.js HOST PORT JID CERTS NODE
//
// Logs in with a certificate, subscribes, publishes, receives, and comes back when it is cut off.
// The arguments and the output are those of all examples: see ../README.md. In a browser the same
// code runs without the first step: the browser itself shows the user's certificate.
"use strict";

const { readFileSync } = require("node:fs");
const { join } = require("node:path");
const WebSocket = require("ws");

const [host, port, jid, certs, node] = process.argv.slice(2);
const [me, domain] = jid.split("@");

// Step 1: the certificate. On a WebSocket it is part of the TLS connection below HTTP; stanza.js
// gives its sockets no options, so it gets a class that adds the files. The server's certificate
// must be of our CA and name the domain.
const tls = {
    cert: readFileSync(join(certs, `${me}.crt`)),
    key: readFileSync(join(certs, `${me}.key`)),
    ca: readFileSync(join(certs, "ca.crt")),
    servername: domain,
};
require.cache[require.resolve("ws")].exports = class extends WebSocket {
    constructor(url, protocol) {
        super(url, protocol, tls);
    }
};
const { createClient, JXT } = require("stanza");

// Step 2: the broker is a service of the domain (disco#items of the domain lists it).
const broker = `pubsub.${domain}`;
const client = createClient({
    jid,
    server: domain,
    // Where it is stands in https://DOMAIN/.well-known/host-meta (XEP-0156), too.
    transports: { websocket: `wss://${host}:${port}/xmpp-websocket`, bosh: false },
    // Step 7: come back, at growing intervals; stanza.js does so by itself. With stream management,
    // which it uses where the server offers it, it resumes the stream.
    autoReconnect: true,
});
// EXTERNAL alone: no other mechanism, whatever the server offers.
for (const { name } of client.sasl.mechanisms) if (name !== "EXTERNAL") client.sasl.disable(name);
// stanza.js has to know a payload before it can write or read it.
client.stanzas.define({
    aliases: JXT.pubsubItemContentAliases(),
    element: "alert",
    fields: { text: JXT.text() },
    namespace: "urn:example:alert",
    type: "urn:example:alert",
});

let logins = 0;
let isLeaving = false;

// Step 5: the answer means that the item is on the server's disk.
async function publish(id) {
    await client.publish(broker, node, { itemType: "urn:example:alert", text: "here" }, id);
    console.log("published", id);
}

async function onOnline(isResumed) {
    console.log(isResumed ? "resumed" : "online");
    logins += 1;
    // Step 3: presence. At this the broker replays what the account missed; a session that was
    // resumed is still present.
    if (!isResumed) client.sendPresence();
    if (logins === 1) {
        // Step 4: subscribe once: the subscription is the account's and outlives sessions.
        await client.subscribeToNode(broker, { node, useBareJID: true });
        console.log("subscribed");
    }
    await publish(`${me}-${logins}`);
}

function start(isResumed) {
    onOnline(isResumed).catch((error) => {
        console.error(error);   // a cut, or a refusal of the broker
        if (logins === 1) process.exit(2);
    });
}

client.on("session:started", () => start(false));
client.on("stream:management:resumed", () => start(true));
// Step 6: items. Without stream management the last ones before a cut may come twice.
client.on("pubsub:published", (message) => {
    for (const item of message.pubsub.items.published) {
        console.log("item", item.id);
        if (item.id === "bye") {
            isLeaving = true;
            client.disconnect();
        }
    }
});
client.on("auth:failed", () => process.exit(2));
client.on("disconnected", () => {
    if (isLeaving) process.exit(0);
    console.log("offline");
});
client.connect();
