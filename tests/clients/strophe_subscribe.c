/* tests/clients/strophe_subscribe.c: a libstrophe client: certificate login, subscribe, print. */
/*
 * strophe_subscribe CERT KEY CA HOST PORT SERVICE NODE COUNT
 *
 * Logs in by SASL EXTERNAL as the one xmppAddr of the certificate, subscribes its bare JID to NODE
 * at SERVICE, prints every event with items on a line of its own and ends after COUNT of them. Exit
 * code: 0 all arrived, 2 login failed, 3 subscription refused, 4 the stream ended early.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strophe.h>

static const char pubsub_ns[] = "http://jabber.org/protocol/pubsub";
static const char event_ns[] = "http://jabber.org/protocol/pubsub#event";

struct state {
    const char *service, *node;
    int wanted, seen, exit_code;
};

static void print_stanza(xmpp_ctx_t* ctx, const char* label, xmpp_stanza_t* stanza) {
    char* text;
    size_t size;
    if (xmpp_stanza_to_text(stanza, &text, &size) != XMPP_EOK) return;
    printf("%s %s\n", label, text);
    fflush(stdout);
    xmpp_free(ctx, text);
}

static int on_event(xmpp_conn_t* conn, xmpp_stanza_t* stanza, void* data) {
    struct state* state = data;
    xmpp_stanza_t* event = xmpp_stanza_get_child_by_ns(stanza, event_ns);
    if (!event || !xmpp_stanza_get_child_by_name(event, "items")) return 1;
    print_stanza(xmpp_conn_get_context(conn), "event", stanza);
    if (++state->seen == state->wanted) {
        state->exit_code = 0;
        xmpp_disconnect(conn);
    }
    return 1;
}

static int on_subscribed(xmpp_conn_t* conn, xmpp_stanza_t* stanza, void* data) {
    struct state* state = data;
    const char* type = xmpp_stanza_get_type(stanza);
    print_stanza(xmpp_conn_get_context(conn), "subscription", stanza);
    if (!type || strcmp(type, "result") != 0) {
        state->exit_code = 3;
        xmpp_disconnect(conn);
    }
    return 0;
}

static xmpp_stanza_t* child(xmpp_ctx_t* ctx, xmpp_stanza_t* parent, const char* name) {
    xmpp_stanza_t* stanza = xmpp_stanza_new(ctx);
    xmpp_stanza_set_name(stanza, name);
    xmpp_stanza_add_child(parent, stanza);
    xmpp_stanza_release(stanza);
    return stanza;
}

static void subscribe(xmpp_conn_t* conn, struct state* state) {
    xmpp_ctx_t* ctx = xmpp_conn_get_context(conn);
    xmpp_stanza_t* iq = xmpp_iq_new(ctx, "set", "subscribe-1");
    xmpp_stanza_t* pubsub = child(ctx, iq, "pubsub");
    xmpp_stanza_t* request = child(ctx, pubsub, "subscribe");
    char* jid = xmpp_jid_bare(ctx, xmpp_conn_get_bound_jid(conn));
    xmpp_stanza_set_to(iq, state->service);
    xmpp_stanza_set_ns(pubsub, pubsub_ns);
    xmpp_stanza_set_attribute(request, "node", state->node);
    xmpp_stanza_set_attribute(request, "jid", jid);
    xmpp_id_handler_add(conn, on_subscribed, "subscribe-1", state);
    xmpp_send(conn, iq);
    xmpp_free(ctx, jid);
    xmpp_stanza_release(iq);
}

static void on_connection(
    xmpp_conn_t* conn,
    xmpp_conn_event_t event,
    int error,
    xmpp_stream_error_t* stream_error,
    void* data
) {
    struct state* state = data;
    if (event != XMPP_CONN_CONNECT) {
        if (stream_error && stream_error->text) fprintf(stderr, "%s\n", stream_error->text);
        if (error) fprintf(stderr, "connection error %d\n", error);
        xmpp_stop(xmpp_conn_get_context(conn));
        return;
    }
    xmpp_stanza_t* presence = xmpp_presence_new(xmpp_conn_get_context(conn));
    printf("online %s secured=%d\n", xmpp_conn_get_bound_jid(conn), xmpp_conn_is_secured(conn));
    fflush(stdout);
    state->exit_code = 4;
    xmpp_handler_add(conn, on_event, NULL, "message", NULL, state);
    xmpp_send(conn, presence);
    xmpp_stanza_release(presence);
    subscribe(conn, state);
}

int main(int argc, char** argv) {
    if (argc != 9) {
        fprintf(stderr, "usage: %s CERT KEY CA HOST PORT SERVICE NODE COUNT\n", argv[0]);
        return 1;
    }
    struct state state = {argv[6], argv[7], atoi(argv[8]), 0, 2};
    xmpp_initialize();
    xmpp_log_t* log = getenv("STROPHE_DEBUG") ? xmpp_get_default_logger(XMPP_LEVEL_DEBUG) : NULL;
    xmpp_ctx_t* ctx = xmpp_ctx_new(NULL, log);
    xmpp_conn_t* conn = xmpp_conn_new(ctx);
    xmpp_conn_set_flags(conn, XMPP_CONN_FLAG_MANDATORY_TLS);
    xmpp_conn_set_client_cert(conn, argv[1], argv[2]);
    xmpp_conn_set_cafile(conn, argv[3]);
    /* No JID and no password: libstrophe takes the JID from the certificate and uses EXTERNAL. */
    if (xmpp_connect_client(conn, argv[4], (unsigned short)atoi(argv[5]), on_connection, &state) ==
        XMPP_EOK)
        xmpp_run(ctx);
    xmpp_conn_release(conn);
    xmpp_ctx_free(ctx);
    xmpp_shutdown();
    return state.exit_code;
}
