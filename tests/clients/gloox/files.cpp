// tests/clients/gloox/files.cpp: example: a file from one client to another with gloox, in C++.
//
//     gloox_files HOST PORT JID CERTS receive
//     gloox_files HOST PORT JID CERTS s5b|ibb TO BYTES PROXY_HOST PROXY_PORT
//
// The receiver says "online", accepts one file, and says "got BYTES SUM". The sender offers it
// (XEP-0096) over SOCKS5 (XEP-0065) or in band (XEP-0047), says "sent BYTES SUM", and leaves.
#include <gloox/bytestream.h>
#include <gloox/bytestreamdatahandler.h>
#include <gloox/client.h>
#include <gloox/connectionlistener.h>
#include <gloox/siprofileft.h>
#include <gloox/siprofilefthandler.h>
#include <gloox/tlsdefault.h>

#include <algorithm>
#include <cstdint>
#include <iostream>
#include <memory>
#include <string>
#include <utility>

namespace {

void say(const std::string& what) { std::cout << what << '\n' << std::flush; }

/// Of the bytes in their order.
class Sum {
public:
    void add(const std::string& bytes) {
        for (const char byte : bytes) value_ = value_ * 31 + static_cast<unsigned char>(byte);
        size_ += bytes.size();
    }
    std::size_t size() const { return size_; }
    std::string text() const { return std::to_string(size_) + " " + std::to_string(value_); }

private:
    std::uint32_t value_ = 0;
    std::size_t size_ = 0;
};

class Client : gloox::ConnectionListener, gloox::SIProfileFTHandler, gloox::BytestreamDataHandler {
public:
    Client(const std::string& host, int port, const gloox::JID& jid, const std::string& certs)
        : gloox_(jid, "", port), files_(&gloox_, this) {
        const std::string base = certs + "/" + jid.username();
        // gloox 1.0.24 hands no files to GnuTLS by itself.
        auto* tls = new gloox::TLSDefault(&gloox_, jid.server());
        tls->init();
        tls->setCACerts({certs + "/ca.crt"});
        tls->setClientCert(base + ".key", base + ".crt");
        gloox_.setEncryptionImpl(tls);
        gloox_.setClientCert(base + ".key", base + ".crt");
        gloox_.setTls(gloox::TLSRequired);
        gloox_.setSASLMechanisms(gloox::SaslMechExternal);
        gloox_.setServer(host);
        gloox_.disableRoster();
        gloox_.registerConnectionListener(this);
    }

    void offer(
        gloox::JID to, std::size_t size, bool is_in_band, const std::string& proxy, int proxy_port
    ) {
        to_ = std::move(to);
        left_ = size;
        is_in_band_ = is_in_band;
        // Service discovery of the domain finds it, and the proxy tells its address.
        files_.addStreamHost(gloox::JID("proxy." + gloox_.jid().server()), proxy, proxy_port);
    }

    /// The exit code: 0 when the file is through.
    int run() {
        if (!gloox_.connect(false)) return 1;
        int after_close = 0;
        while (!is_done_) {
            // The answer to the close of an in-band stream is told to no handler.
            if (is_good_ && ++after_close > answer_turns) break;
            if (gloox_.recv(wait_us) != gloox::ConnNoError) return 1;
            if (stream_ == nullptr) continue;
            const auto state = stream_->recv(wait_us);
            // The other side is done when the stream ends.
            if (state != gloox::ConnNoError && !is_in_band_) finish();
            if (stream_->isOpen() && left_ > 0) send_some();
        }
        gloox_.disconnect();
        return is_good_ ? 0 : 1;
    }

private:
    static constexpr int wait_us = 5'000, answer_turns = 100;
    static constexpr std::size_t block_bytes = 4'096;

    bool onTLSConnect(const gloox::CertInfo& info) override { return info.status == gloox::CertOk; }
    void onDisconnect(gloox::ConnectionError) override {}
    void onConnect() override {
        say("online");
        if (left_ == 0) return;
        files_.requestFT(
            to_, "file", static_cast<long>(left_), "", "", "", "",
            is_in_band_ ? gloox::SIProfileFT::FTTypeIBB : gloox::SIProfileFT::FTTypeS5B
        );
    }

    void handleFTRequest(
        const gloox::JID& from,
        const gloox::JID&,
        const std::string& sid,
        const std::string&,
        long,
        const std::string&,
        const std::string&,
        const std::string&,
        const std::string&,
        int types
    ) override {
        is_in_band_ = (types & gloox::SIProfileFT::FTTypeS5B) == 0;
        files_.acceptFT(
            from, sid, is_in_band_ ? gloox::SIProfileFT::FTTypeIBB : gloox::SIProfileFT::FTTypeS5B
        );
    }
    void handleFTRequestError(const gloox::IQ&, const std::string&) override {
        say("refused");
        is_done_ = true;
    }
    void handleFTBytestream(gloox::Bytestream* stream) override {
        stream_ = stream;
        stream->registerBytestreamDataHandler(this);
        stream->connect();
    }
    const std::string
    handleOOBRequestResult(const gloox::JID&, const gloox::JID&, const std::string&) override {
        return {};
    }

    void send_some() {
        std::string block(std::min(left_, block_bytes), '\0');
        for (std::size_t i = 0; i < block.size(); ++i)
            block[i] = static_cast<char>((sum_.size() + i) * 7);
        if (!stream_->send(block)) return;
        sum_.add(block);
        left_ -= block.size();
        if (left_ > 0) return;
        say("sent " + sum_.text());
        is_good_ = true;
        // In band the close is an iq, which the other side answers.
        stream_->close();
        is_done_ = !is_in_band_;
    }
    void finish() {
        if (std::exchange(is_done_, true) || is_good_) return;
        say("got " + sum_.text());
        is_good_ = true;
    }

    void handleBytestreamData(gloox::Bytestream*, const std::string& data) override {
        sum_.add(data);
    }
    void handleBytestreamError(gloox::Bytestream*, const gloox::IQ&) override {
        say("broken");
        is_done_ = true;
    }
    void handleBytestreamOpen(gloox::Bytestream*) override {}
    void handleBytestreamClose(gloox::Bytestream*) override { finish(); }

    gloox::Client gloox_;
    gloox::SIProfileFT files_;
    gloox::Bytestream* stream_ = nullptr;   // `files_` has it
    gloox::JID to_;
    Sum sum_;
    std::size_t left_ = 0;
    bool is_in_band_ = false, is_done_ = false, is_good_ = false;
};

}   // namespace

int main(int argc, char** argv) {
    if (argc != 6 && argc != 10) return 1;
    Client client(argv[1], std::stoi(argv[2]), gloox::JID(argv[3]), argv[4]);
    if (argc == 10)
        client.offer(
            gloox::JID(argv[6]), std::stoul(argv[7]), std::string(argv[5]) == "ibb", argv[8],
            std::stoi(argv[9])
        );
    return client.run();
}
