"""Two stacks that start together never take one port."""

import gc

from axiru.dev.ports import Ports


def test_a_port_stays_reserved_after_whoever_chose_it_is_gone() -> None:
    port = Ports().free()
    gc.collect()

    assert Ports().prefer(port) != port
