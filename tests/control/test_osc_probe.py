"""Ports that nobody listens on any more: their subscriptions end, and nobody else's."""

from __future__ import annotations

import socket
import time

from control.oscdesk import Desk
from ghostnote.control.osc_probe import DEAD_AFTER, PortProbe


def test_a_dead_port_loses_its_subscription_with_one_message(make_free_port):
    desk = Desk(PortProbe())
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as alive:
        alive.bind(("127.0.0.1", 0))
        dead = make_free_port()
        for port in (alive.getsockname()[1], dead):
            desk.say("/gn/subscribe", port, "/gn/part1/gain", 30.0, 0.0)
        for _ in range(600):
            desk.ticks(5)
            time.sleep(0.001)
            if len(desk.feedback.subscriptions) == 1:
                break
        (left,) = desk.feedback.subscriptions.all()
        assert left.dest == alive.getsockname()
        desk.ticks(300)
        alive.setblocking(False)
        assert alive.recv(2000).startswith(b"/gn/part1/gain\0")
    reports = [r.text for r in desk.telemetry.take_reports()]
    assert [str(dead) in text for text in reports] == [True]
    assert desk.telemetry.snapshot()["osc_subscriber_gone"] == 1


def test_one_refusal_is_not_the_end(make_free_port):
    """A program that starts again on the same port goes on hearing."""
    desk = Desk(PortProbe())
    port = make_free_port()
    desk.say("/gn/subscribe", port, "/gn/part1/gain", 30.0, 0.0)
    (subscriber,) = desk.feedback.subscriptions.all()
    while not subscriber.refused:
        desk.ticks(5)
        time.sleep(0.001)
    assert subscriber.refused < DEAD_AFTER
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as back:
        back.bind(("127.0.0.1", port))
        for _ in range(100):
            desk.ticks(5)
            time.sleep(0.001)
        assert subscriber.refused == 0
    assert len(desk.feedback.subscriptions) == 1
