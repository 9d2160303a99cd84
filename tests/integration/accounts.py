# tests/integration/accounts.py: the common parts of the tests of accounts.
"""A server with a CA that can do everything, requests about accounts, their notifications."""

import os
import unittest

from slixmpp.exceptions import IqError

from gridd import CONTROLLER, DOMAIN, Operated
from policies import EVERYTHING
from revoking import RevokingAuthority, set_up
from stock import Client

CTRL = "com.domain.gi.gcl.controller"
GI_ERRORS = "{gi#errors}"
REGISTER_NS = "jabber:iq:register"


def account_query(inside):
    query = f"<AccountQuery xmlns='{CTRL}'>{inside}</AccountQuery>"
    return f"<grid xmlns='gi' type='request'>{query}</grid>"


def find(element, name):
    """The first descendant of that local name."""
    return next((e for e in element.iter() if e.tag.rpartition("}")[2] == name), None)


def texts(element, name):
    return [e.text for e in element.iter() if e.tag.rpartition("}")[2] == name]


class AccountCase(unittest.IsolatedAsyncioTestCase):
    """One server for each test, since accounts stay."""

    policy = EVERYTHING

    def serve(self, **settings):
        self.server = Operated(self.policy)
        self.addCleanup(self.server.close)
        self.authority = RevokingAuthority(os.path.join(self.server.folder, "root"))
        set_up(self.server, self.authority)
        self.server.settings.update({key.replace("__", "."): v for key, v in settings.items()})
        self.server.start()
        return self.server

    async def log_in(self, bundle, resource="test", presence=True):
        client = Client(bundle, resource)
        await client.login(self.server.c2s, presence=presence)
        self.addAsyncCleanup(client.leave)
        return client

    def client(self, name, **how):
        return self.authority.client(f"{name}@{DOMAIN}", **how)

    async def ask(self, client, inside):
        return await client.send_iq(CONTROLLER, "get", account_query(inside))

    async def fails(self, request):
        """(condition, type, the gi#errors condition or None)"""
        with self.assertRaises(IqError) as caught:
            await request
        error = caught.exception.iq.xml.find("{jabber:client}error")
        own = [e.tag[len(GI_ERRORS) :] for e in error if e.tag.startswith(GI_ERRORS)]
        return caught.exception.condition, error.get("type"), own[0] if own else None

    async def notification(self, client, seconds=10):
        """The next AccountNotification: (state, groups, message)."""
        while True:
            message = await client.next_message(seconds)
            found = find(message, "AccountNotification")
            if found is not None:
                return texts(found, "state")[0], texts(found, "group"), message

    def ctl(self, *arguments):
        return self.server.admin_ctl("accounts", *arguments)

    def shown(self, bundle):
        return self.server.admin_json("accounts", "show", bundle.jid)
