"""What is asked of a load balancer, by what HAProxy 2.6 answers."""

import socket
import threading
from pathlib import Path

import pytest

from scripts.cutover.rehearse.runtime import NEW, OLD, Runtime, ask, sides_in, weight_in

STATES = """\
1
# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight srv_iweight
3 split 1 old - 2 0 90 100
3 split 2 new - 2 0 10 0

"""
STAT = """\
# pxname,svname,scur,status,check_status,hrsp_1xx,hrsp_2xx,hrsp_3xx,hrsp_4xx,hrsp_5xx,hrsp_other,
users,FRONTEND,3,OPEN,,0,200,0,0,7,0,
split,old,2,no check,,0,190,0,1,0,0,
split,new,1,no check,,0,10,0,0,6,1,
split,BACKEND,3,UP,,0,200,0,0,7,0,
old,FRONTEND,2,OPEN,,0,190,0,0,0,0,
old,1,1,UP,L7OK,0,95,0,0,0,0,
old,2,1,UP,* L7OK,0,95,0,0,0,0,
old,3,0,MAINT,,0,0,0,0,0,0,
old,BACKEND,2,UP,,0,190,0,0,0,0,
new,1,1,UP 1/3,L7TOUT,0,10,0,0,6,0,
new,2,0,DOWN,L4CON,0,0,0,0,0,0,
new,BACKEND,1,UP,,0,10,0,0,6,0,

"""


def test_the_weight_is_what_the_balancer_says_that_it_is() -> None:
    """In percent of both, also while only one of the two has changed."""
    assert weight_in(STATES) == 10
    assert weight_in(STATES.replace("2 0 90 100", "2 0 100 100")) == 9


def test_a_side_is_its_instances_and_what_became_of_its_requests() -> None:
    """An instance is up once a check has said so, also while the next one runs."""
    sides = sides_in(STAT)
    assert (sides[OLD].answered, sides[OLD].failed, sides[OLD].under_way) == (191, 0, 2)
    assert (sides[NEW].answered, sides[NEW].failed) == (17, 7)
    assert [each.is_up for each in sides[OLD].instances] == [True, True, False]
    assert [each.is_in for each in sides[OLD].instances] == [True, True, False]
    assert (sides[OLD].healthy, sides[NEW].healthy) == (2, 0)
    assert [each.is_down for each in sides[NEW].instances] == [False, True]


def test_a_balancer_that_is_gone_is_a_time_out(tmp_path: Path) -> None:
    """It may have done what it was told: who asks looks again."""
    with pytest.raises(TimeoutError, match=r"gone\.sock does not answer"):
        Runtime(tmp_path / "gone.sock").weight()


def test_what_a_balancer_does_not_understand_is_a_defect(tmp_path: Path) -> None:
    """It is not asked again and again."""
    path = tmp_path / "one.sock"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen()
        heard: list[bytes] = []

        def serve() -> None:
            for said in (b"IP changed from '127.0.0.1' to '127.0.0.1'\n\n", b"No such server.\n"):
                connection, _ = server.accept()
                with connection:
                    heard.append(connection.recv(1000))
                    connection.sendall(said)

        thread = threading.Thread(target=serve)
        thread.start()
        Runtime(path).add(NEW, 1, 4711)
        with pytest.raises(ValueError, match="No such server"):
            Runtime(path).set_weight(10)
        thread.join()
    assert heard == [
        (
            b"set server new/1 addr 127.0.0.1 port 4711;set server new/1 state ready;"
            b"enable health new/1\n"
        ),
        b"set server split/new weight 10;set server split/old weight 90\n",
    ]


def test_asks_no_longer_than_it_says(tmp_path: Path) -> None:
    """One that listens and says nothing is given up."""
    path = tmp_path / "silent.sock"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen()
        with pytest.raises(TimeoutError):
            ask(path, "show stat", 0.05)
