// server/gridctl/bundle_readme.hpp: the text of README.txt in a client's bundle, with
// @PLACEHOLDERS@.
#pragma once

#include <string_view>

namespace grid::gridctl {

/// By which gridctl knows its own README again.
inline constexpr std::string_view bundle_readme_head = "XMPP-Grid client bundle\n";

inline constexpr std::string_view bundle_readme =
    R"README(XMPP-Grid client bundle
@JID@ on the grid @DOMAIN@

  @FILE@.crt   the certificate: who this client is (id-on-xmppAddr @JID@)
  @FILE@.key   its private key: keep it readable by this client alone
  ca.crt       the CA that the server's certificate is checked against

Server: @HOST@, port @PORT@ (STARTTLS) or @TLSPORT@ (direct TLS), domain @DOMAIN@,
SASL EXTERNAL, no password. A new account may have to wait for an administrator:

  gridctl accounts approve '@JID@'

1. Does TLS work? It should print "Verification: OK" and the server's stream features:

  (printf "<stream:stream to='@DOMAIN@' version='1.0' xmlns='jabber:client'\
 xmlns:stream='http://etherx.jabber.org/streams'>"; sleep 1) |
  openssl s_client -connect @ADDRESS@:@TLSPORT@ -alpn xmpp-client -brief \
      -cert @FILE@.crt -key @FILE@.key -CAfile ca.crt \
      -verify_hostname @NAME@ -verify_return_error

2. Log in with slixmpp (Debian: apt install python3-slixmpp); save as connect.py beside the files:

import asyncio
import slixmpp

class Client(slixmpp.ClientXMPP):
    def __init__(self):
        super().__init__(r"@JID@/example", "")
        self.certfile, self.keyfile, self.ca_certs = "@FILE@.crt", "@FILE@.key", "ca.crt"
        self.register_plugin("xep_0030")
        self.register_plugin("xep_0060")
        self.add_event_handler("session_start", self.start)
        self.add_event_handler("failed_all_auth", lambda _: print("refused: see gridd's log"))

    async def start(self, _):
        print("connected as", self.boundjid)
        try:
            topics = await self["xep_0030"].get_items(jid="pubsub.@DOMAIN@")
            for _, node, name in topics["disco_items"]["items"]:
                print("topic", node, name or "")
        except slixmpp.exceptions.IqError as error:
            print("refused:", error.condition, error.text)
        self.disconnect()

client = Client()
client.connect(("@HOST@", @PORT@))
asyncio.get_event_loop().run_until_complete(client.disconnected)
)README";

}   // namespace grid::gridctl
