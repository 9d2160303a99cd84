/* tests/clients/libstrophe/client.c: example: a Grid client on libstrophe, in C. */
/*
 *     libstrophe_client HOST PORT JID CERTS NODE
 *
 * Logs in with a certificate, subscribes, publishes, receives, and comes back when it is cut off.
 * The arguments and the output are those of all examples: see ../README.md.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strophe.h>
#include <unistd.h>

static const char pubsub_ns[] = "http://jabber.org/protocol/pubsub";
static const char event_ns[] = "http://jabber.org/protocol/pubsub#event";

struct client {
    const char *host, *jid, *node;
    unsigned short port;
    char broker[256], cert[4096], key[4096], ca[4096];
    xmpp_ctx_t* ctx;
    xmpp_sm_state_t* sm; /* with it the library resumes a stream that was cut */
    char* bound;         /* the full JID of the last session */
    int carries_sm, is_sm_stale;
    int logins, delay, is_leaving, is_refused;
};

static void say(const char* what, const char* which) {
    printf("%s%s%s\n", what, which ? " " : "", which ? which : "");
    fflush(stdout);
}

/* An iq to the broker; `inner` is the request inside <pubsub/>. */
static void request(
    struct client* client, xmpp_conn_t* conn, const char* id, const char* inner, xmpp_handler done
) {
    char text[4096];
    snprintf(
        text, sizeof(text), "<iq type='set' id='%s' to='%s'><pubsub xmlns='%s'>%s</pubsub></iq>",
        id, client->broker, pubsub_ns, inner
    );
    xmpp_stanza_t* iq = xmpp_stanza_new_from_string(client->ctx, text);
    xmpp_id_handler_add(conn, done, id, client);
    xmpp_send(conn, iq);
    xmpp_stanza_release(iq);
}

static int is_result(xmpp_stanza_t* stanza) {
    const char* type = xmpp_stanza_get_type(stanza);
    return type && strcmp(type, "result") == 0;
}

static int on_published(xmpp_conn_t* conn, xmpp_stanza_t* stanza, void* data) {
    (void)conn;
    (void)data;
    if (is_result(stanza)) say("published", xmpp_stanza_get_id(stanza));
    return 0;
}

/* Step 5: the answer means that the item is on the server's disk. */
static void publish(struct client* client, xmpp_conn_t* conn) {
    char id[256], inner[1024];
    const int length = (int)strcspn(client->jid, "@");
    snprintf(id, sizeof(id), "%.*s-%d", length, client->jid, client->logins);
    snprintf(
        inner, sizeof(inner),
        "<publish node='%s'><item id='%s'><alert xmlns='urn:example:alert'>a client is here</alert>"
        "</item></publish>",
        client->node, id
    );
    request(client, conn, id, inner, on_published);
}

static int on_subscribed(xmpp_conn_t* conn, xmpp_stanza_t* stanza, void* data) {
    if (is_result(stanza)) {
        say("subscribed", NULL);
        publish(data, conn);
    } else {
        xmpp_disconnect(conn);
    }
    return 0;
}

/* Step 6: an item. Without stream management the last ones before a cut may come twice. */
static int on_message(xmpp_conn_t* conn, xmpp_stanza_t* stanza, void* data) {
    struct client* client = data;
    xmpp_stanza_t* event = xmpp_stanza_get_child_by_ns(stanza, event_ns);
    xmpp_stanza_t* items = event ? xmpp_stanza_get_child_by_name(event, "items") : NULL;
    xmpp_stanza_t* item = items ? xmpp_stanza_get_children(items) : NULL;
    for (; item; item = xmpp_stanza_get_next(item)) {
        const char *name = xmpp_stanza_get_name(item), *id = xmpp_stanza_get_id(item);
        if (!name || strcmp(name, "item") != 0 || !id) continue;
        say("item", id);
        if (strcmp(id, "bye") == 0) {
            client->is_leaving = 1;
            xmpp_disconnect(conn);
        }
    }
    return 1;
}

static void on_online(struct client* client, xmpp_conn_t* conn) {
    const char* bound = xmpp_conn_get_bound_jid(conn);
    /* libstrophe resumes by itself, and does not say so: the full JID is then the old one. */
    const int is_resumed = client->bound && bound && strcmp(client->bound, bound) == 0;
    say(is_resumed ? "resumed" : "online", NULL);
    client->is_sm_stale = client->carries_sm && !is_resumed;
    free(client->bound);
    client->bound = bound ? strdup(bound) : NULL;
    client->logins++;
    client->delay = 1;
    xmpp_handler_add(conn, on_message, NULL, "message", NULL, client);
    if (!is_resumed) {
        /* Step 3: presence. At this the broker replays what the account missed. */
        xmpp_stanza_t* presence = xmpp_presence_new(client->ctx);
        xmpp_send(conn, presence);
        xmpp_stanza_release(presence);
    }
    if (client->logins > 1) {
        publish(client, conn);
        return;
    }
    /* Step 4: subscribe once: the subscription is the account's and outlives sessions. */
    char inner[1024];
    snprintf(inner, sizeof(inner), "<subscribe node='%s' jid='%s'/>", client->node, client->jid);
    request(client, conn, "subscribe", inner, on_subscribed);
}

static void on_connection(
    xmpp_conn_t* conn,
    xmpp_conn_event_t event,
    int error,
    xmpp_stream_error_t* stream_error,
    void* data
) {
    struct client* client = data;
    if (event == XMPP_CONN_CONNECT) {
        on_online(client, conn);
        return;
    }
    /* A login that ends without an error of the connection was refused. */
    if (client->logins == 0 && error == 0) client->is_refused = 1;
    if (stream_error && stream_error->text) fprintf(stderr, "%s\n", stream_error->text);
    xmpp_stop(xmpp_conn_get_context(conn));
}

/* One connection, from the login to its end. */
static void stay_online(struct client* client) {
    xmpp_conn_t* conn = xmpp_conn_new(client->ctx);
    xmpp_conn_set_flags(conn, XMPP_CONN_FLAG_MANDATORY_TLS);
    /* Step 1: the certificate, and no password: libstrophe takes EXTERNAL, and sends no
       authorization identity when the certificate has one xmppAddr and it is this JID. */
    xmpp_conn_set_client_cert(conn, client->cert, client->key);
    xmpp_conn_set_cafile(conn, client->ca);
    xmpp_conn_set_jid(conn, client->jid);
    client->carries_sm = client->sm != NULL;
    if (client->sm) xmpp_conn_set_sm_state(conn, client->sm);
    client->sm = NULL;
    if (xmpp_connect_client(conn, client->host, client->port, on_connection, client) == XMPP_EOK)
        xmpp_run(client->ctx);
    client->sm = xmpp_conn_get_sm_state(conn);
    /* After a resumption that was refused, libstrophe 0.12 goes on with the old stream's count of
       what it sent, and would send all that again: it must not be resumed. */
    if (client->sm && client->is_sm_stale) {
        xmpp_free_sm_state(client->sm);
        client->sm = NULL;
    }
    xmpp_conn_release(conn);
}

int main(int argc, char** argv) {
    if (argc != 6) return 1;
    struct client client = {
        .delay = 1,
        .host = argv[1],
        .port = (unsigned short)atoi(argv[2]),
        .jid = argv[3],
        .node = argv[5]
    };
    const int length = (int)strcspn(client.jid, "@");
    snprintf(client.cert, sizeof(client.cert), "%s/%.*s.crt", argv[4], length, client.jid);
    snprintf(client.key, sizeof(client.key), "%s/%.*s.key", argv[4], length, client.jid);
    snprintf(client.ca, sizeof(client.ca), "%s/ca.crt", argv[4]);
    /* Step 2: the broker is a service of the domain (disco#items of the domain lists it). */
    snprintf(client.broker, sizeof(client.broker), "pubsub.%s", strchr(client.jid, '@') + 1);
    signal(SIGPIPE, SIG_IGN); /* libstrophe also writes to a connection that has just been cut */
    xmpp_initialize();
    client.ctx = xmpp_ctx_new(NULL, NULL);
    stay_online(&client);
    /* Step 7: come back, at growing intervals; not when the first login was refused. */
    while (!client.is_leaving && !client.is_refused) {
        say("offline", NULL);
        sleep((unsigned)client.delay);
        client.delay = client.delay < 16 ? 2 * client.delay : 30;
        stay_online(&client);
    }
    if (client.sm) xmpp_free_sm_state(client.sm);
    free(client.bound);
    xmpp_ctx_free(client.ctx);
    xmpp_shutdown();
    return client.is_leaving ? 0 : 2;
}
