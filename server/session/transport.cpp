// server/session/transport.cpp: the names of transports, for people and programs.
#include "server/session/transport.hpp"

namespace grid::server {

const char* to_string(TransportKind kind) {
    switch (kind) {
        case TransportKind::StartTls:
            return "c2s";
        case TransportKind::DirectTls:
            return "c2s-tls";
        case TransportKind::WebSocket:
            return "websocket";
        case TransportKind::Bosh:
            return "bosh";
        case TransportKind::Component:
            return "component";
    }
    return "";
}

}   // namespace grid::server
