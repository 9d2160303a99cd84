# tests/integration/test_rates.py: limits.stanzas_per_second and bytes_per_second: a client that
# sends more is slowed down, and cut off when it goes on.
import re
import time
import unittest

from gridd import BROKER, DOMAIN, Operated
from policies import EVERYTHING
from raw import Raw


# Stanzas that are answered before their time is drawn: a turn's.
TURN = 64


def seconds_of(sent, burst, rate, sessions=1):
    """The least time until the last answer: the last turn of each session is answered first."""
    return (sent - burst - sessions * TURN) / rate


def pings(first, count):
    return "".join(f"<iq type='get' id='p{number}'><ping xmlns='urn:xmpp:ping'/></iq>"
                   for number in range(first, first + count))


class Rated(unittest.TestCase):
    settings = {}

    def setUp(self):
        settings = {"accounts.auto_approve": "true"} | self.settings
        self.server = Operated(EVERYTHING, settings).start().stay()   # each member counts
        self.addCleanup(self.server.close)

    def log_in(self, name, resource="raw"):
        bundle = self.server.authority.client(f"{name}@{DOMAIN}")
        client = Raw(self.server.c2s, DOMAIN).login(bundle, resource)
        self.addCleanup(lambda: client.socket.close())
        return client

    def floods(self):
        return self.server.admin_json("status")["floods"]

    def answers_quietly(self, client):
        client.send("<iq type='get' id='there'><ping xmlns='urn:xmpp:ping'/></iq>")
        client.expect("<iq type='result' id='there'", 2)


class Slowed(Rated):
    settings = {"limits.stanzas_per_second": "200", "limits.burst_seconds_max": "1",
                "limits.flood_seconds_max": "0"}

    def test_more_stanzas_than_the_rate_are_answered_in_their_time(self):
        eager, quiet = self.log_in("eager"), self.log_in("quiet")
        begin = time.monotonic()
        eager.send(pings(0, 800))   # 200 at once, the others in three seconds
        self.answers_quietly(quiet)
        eager.expect("id='p799'", 20)
        self.assertGreaterEqual(time.monotonic() - begin, seconds_of(800, 200, 200))
        self.assertEqual({"slowed": 1, "cut": 0}, self.floods())
        self.assertRegex(self.server.log(), r"session_slowed.*eager@")

    def test_refusals_draw_on_the_rate_as_answers_do(self):
        eager = self.log_in("eager")
        begin = time.monotonic()
        eager.send("".join(f"<iq type='get' id='r{n}' to='{BROKER}'/>" for n in range(600)))
        eager.expect("id='r599'", 20)
        self.assertGreaterEqual(time.monotonic() - begin, seconds_of(600, 200, 200))

    def test_a_client_that_keeps_to_the_rate_is_not_slowed(self):
        client = self.log_in("client")
        for number in range(20):
            client.send(pings(10 * number, 10))
            client.expect(f"id='p{10 * number + 9}'")
            time.sleep(0.05)
        self.assertEqual({"slowed": 0, "cut": 0}, self.floods())

    def test_the_sessions_of_an_account_share_four_times_the_rate(self):
        eager = [self.log_in("eager", f"r{number}") for number in range(8)]
        begin = time.monotonic()
        for client in eager:
            client.send(pings(0, 300))   # 2400: 800 at once, the others at 800 a second
        for client in eager:
            client.expect("id='p299'", 20)
        self.assertGreaterEqual(time.monotonic() - begin, seconds_of(2_400, 800, 800, 8))

    def test_a_new_stream_is_no_new_burst_for_its_account(self):
        for number in range(4):
            client = self.log_in("eager", f"r{number}")
            client.send(pings(0, 200))
            client.expect("id='p199'", 20)
            client.socket.close()
        begin = time.monotonic()
        client = self.log_in("eager")
        client.send(pings(0, 1_000))   # 200 of its own; what its account has left is less
        client.expect("id='p999'", 20)
        self.assertGreaterEqual(time.monotonic() - begin, seconds_of(1_000, 200, 200))


class SlowedBytes(Rated):
    settings = {"limits.bytes_per_second": "20000", "limits.burst_seconds_max": "1",
                "limits.idle_seconds_max": "2"}

    def test_a_large_stanza_is_paid_for_before_the_next_and_the_pause_is_no_silence(self):
        """The pause is longer than limits.idle_seconds_max, and the client is not asked."""
        client = self.log_in("client")
        begin = time.monotonic()
        client.send(f"<message to='{BROKER}' id='m'><body>{'x' * 120_000}</body></message>")
        client.send(pings(0, 1))
        client.expect("id='p0'", 20)
        # The last read, of 16 KiB at most, brings the ping along: its bytes are paid afterwards.
        self.assertGreaterEqual(
            time.monotonic() - begin, seconds_of(120_000 - 16_384, 20_000, 20_000))
        self.assertNotIn("id='ping-", client.seen)


class Cut(Rated):
    settings = {"limits.stanzas_per_second": "500", "limits.burst_seconds_max": "1",
                "limits.flood_seconds_max": "2"}

    def test_a_flood_that_goes_on_is_cut_off_and_says_why(self):
        flooder, quiet = self.log_in("flooder"), self.log_in("quiet")
        begin = time.monotonic()
        sent = 0
        while not flooder.closed and time.monotonic() - begin < 20:
            flooder.send_quietly(pings(sent, 100))
            sent += 100
            try:
                flooder.receive(time.monotonic() + 0.05)
            except AssertionError:
                pass
        self.assertTrue(flooder.closed, "never cut off")
        self.assertGreaterEqual(time.monotonic() - begin, 2)
        self.assertRegex(flooder.seen, r"<policy-violation .*limits\.flood_seconds_max")
        # All that was taken is answered: answers come without a gap up to the error.
        numbers = re.findall(r"<iq type='result' id='p(\d+)'", flooder.seen)
        self.assertEqual([str(number) for number in range(len(numbers))], numbers)
        self.answers_quietly(quiet)
        self.assertEqual(1, self.floods()["cut"])

    def test_a_client_that_pauses_is_slowed_and_stays(self):
        client = self.log_in("client")
        for number in range(3):
            client.send(pings(1_500 * number, 1_500))
            client.expect(f"id='p{1_500 * number + 1_499}'", 20)
            time.sleep(1.1)
        self.answers_quietly(client)
        self.assertEqual(0, self.floods()["cut"])


class Unbounded(Rated):
    settings = {"limits.stanzas_per_second": "0", "limits.bytes_per_second": "0"}

    def test_without_rates_nobody_is_slowed(self):
        client = self.log_in("client")
        client.send(pings(0, 20_000))
        client.expect("id='p19999'", 20)
        self.assertEqual({"slowed": 0, "cut": 0}, self.floods())


if __name__ == "__main__":
    unittest.main()
