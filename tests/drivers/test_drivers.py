"""Both drivers on the same flows, over a wire that is a plain object."""

from __future__ import annotations

import asyncio
import contextvars
import os
import signal
import threading
from datetime import UTC, datetime

import pytest

from atsbridge.drivers.aio import AsyncDriver
from atsbridge.drivers.sync import SyncDriver
from atsbridge.errors import Unavailable, UnsupportedPair
from atsbridge.wire.effects import (
    Done,
    Failed,
    Perform,
    Permit,
    Purpose,
    Request,
    Response,
    await_,
    once,
    perform,
    request,
    send,
    sleep,
    together,
)

PERMIT = Permit(intent_id="i", write="move", digest="", send_by=0.0, nonce="n")


def get(path, purpose=Purpose.READ):
    return Request(operation="get", method="GET", url=path, purpose=purpose)


class Log:
    def __init__(self):
        self.calls, self.threads, self.closed = [], [], False

    def answer(self, asked, permit):
        self.calls.append((asked.url, permit))
        if asked.url == "/down":
            raise Unavailable("down")
        return Response(status=200, body=asked.url.encode(), sent_at=datetime.now(UTC))


class Wire(Log):
    def exchange(self, asked, permit=None):
        self.threads.append(threading.current_thread())
        return self.answer(asked, permit)

    def close(self):
        self.closed = True


class AWire(Log):
    async def exchange(self, asked, permit=None):
        await asyncio.sleep(0)
        return self.answer(asked, permit)

    async def aclose(self):
        self.closed = True


def run_sync(flow):
    wire = Wire()
    driver = SyncDriver(wire, width=4)
    try:
        return driver.run(flow), wire
    finally:
        driver.close()


def run_async(flow):
    wire = AWire()

    async def main():
        driver = AsyncDriver(wire)
        try:
            return await driver.run(flow)
        finally:
            await driver.aclose()

    return asyncio.run(main()), wire


both = pytest.mark.parametrize("run", [run_sync, run_async])


@both
def test_requests_one_after_another_and_side_by_side(run):
    def flow():
        first = yield from request(get("/a"))
        rest = yield from together([request(get(f"/{n}")) for n in range(20)], 6)
        return [first.body, *(one.value.body for one in rest)]

    bodies, wire = run(flow())
    assert bodies == [b"/a", *(f"/{n}".encode() for n in range(20))]
    assert len(wire.calls) == 21
    assert wire.closed


@both
def test_a_failed_request_is_raised_in_its_flow_and_nowhere_else(run):
    def flow():
        with pytest.raises(Unavailable):
            yield from request(get("/down"))
        return (yield from together([request(get("/down")), request(get("/up"))], 2))

    (bad, good), _ = run(flow())
    assert isinstance(bad, Failed) and isinstance(bad.error, Unavailable)
    assert isinstance(good, Done)


@both
def test_a_flow_that_fails_raises_its_own_error(run):
    def flow():
        yield from request(get("/down"))

    with pytest.raises(Unavailable, match="down"):
        run(flow())


@both
def test_a_send_reaches_the_wire_once_with_its_permit(run):
    answer, wire = run(send(get("/write", Purpose.WRITE), PERMIT))
    assert answer.status == 200
    assert wire.calls == [("/write", PERMIT)]


@both
def test_sleeps_run_side_by_side_in_order_of_their_ends(run):
    ended = []

    def nap(seconds):
        yield from sleep(seconds)
        ended.append(seconds)

    def flow():
        yield from together([nap(0.06), nap(0.0), nap(0.03), nap(-1)], 4)
        yield from sleep(0)

    run(flow())
    assert sorted(ended[:2]) == [-1, 0.0]
    assert ended[2:] == [0.03, 0.06]


@both
def test_performs_all_run_on_one_thread_in_order(run):
    seen = []

    def note(n):
        seen.append((n, threading.current_thread()))
        return n

    flows = [perform(lambda n=n: note(n)) for n in range(50)]
    outcomes, _ = run(together(flows, 10))
    assert [one.value for one in outcomes] == list(range(50))
    assert [n for n, _ in seen] == list(range(50))
    assert len({thread for _, thread in seen}) == 1
    assert (seen[0][1] is threading.current_thread()) == (run is run_sync)


@both
def test_performs_see_the_callers_context(run):
    tenant = contextvars.ContextVar("tenant", default="none")
    tenant.set("acme")

    def flow():
        yield from request(get("/a"))
        return (yield from perform(tenant.get))

    assert run(flow())[0] == "acme"


@both
def test_an_awaitable_out_of_a_perform_is_an_error(run):
    async def coroutine():
        pass

    with pytest.raises(UnsupportedPair, match="awaitable"):
        run(perform(coroutine))


@both
def test_one_asker_of_a_key_is_enough(run):
    def ask():
        return (yield from once("token", lambda: request(get("/token", Purpose.TOKEN)))).body

    outcomes, wire = run(together([ask() for _ in range(10)], 10))
    assert outcomes == [Done(b"/token")] * 10
    assert len(wire.calls) == 1


@both
def test_flows_that_wait_for_each_other_end_with_an_error(run):
    with pytest.raises(RuntimeError, match="wait for each other"):
        run(once("k", lambda: once("k", lambda: sleep(0))))


@both
def test_keyboard_interrupt_in_a_flow_closes_the_others(run):
    closed = []

    def other():
        try:
            yield from sleep(60)
        except GeneratorExit:
            closed.append(1)
            raise

    def stop():
        raise KeyboardInterrupt

    def flow():
        yield from sleep(0)
        stop()

    with pytest.raises(KeyboardInterrupt):
        run(together([other(), flow()], 2))
    assert closed == [1]


def test_the_async_driver_awaits_coroutines():
    async def coroutine():
        await asyncio.sleep(0)
        return threading.current_thread()

    thread, _ = run_async(await_(coroutine))
    assert thread is threading.current_thread()


def test_the_sync_driver_refuses_coroutines_before_they_begin():
    with pytest.raises(UnsupportedPair, match="async bridge"):
        run_sync(await_(lambda: pytest.fail("begun")))


def test_a_read_that_is_alone_stays_on_the_calling_thread_and_a_write_does_not():
    def flow():
        yield from request(get("/read"))
        yield from request(get("/token", Purpose.TOKEN))
        yield from send(get("/write", Purpose.WRITE), PERMIT)

    _, wire = run_sync(flow())
    here = threading.current_thread()
    assert [thread is here for thread in wire.threads] == [True, False, False]


def test_never_more_requests_at_a_time_than_the_width():
    class Slow(Wire):
        now = most = 0
        lock = threading.Lock()
        full = threading.Barrier(4)

        def exchange(self, asked, permit=None):
            with self.lock:
                self.now += 1
                self.most = max(self.most, self.now)
            self.full.wait(10)
            with self.lock:
                self.now -= 1
            return super().exchange(asked, permit)

    wire = Slow()
    driver = SyncDriver(wire, width=4)
    driver.run(together([request(get(f"/{n}")) for n in range(16)], 16))
    driver.close()
    assert wire.most == 4


def test_answers_that_are_there_get_their_turn_before_an_fsync_that_they_share():
    class AtOnce:
        def submit(self, function, *arguments):
            function(*arguments)

        def shutdown(self, wait):
            pass

    done = []

    def lane(name):
        yield from request(get(f"/{name}"))
        yield from perform(lambda: done.append(name))
        yield from once("fsync", lambda: perform(lambda: done.append("fsync")))

    driver = SyncDriver(Wire())
    driver.pool.shutdown()
    driver.pool = AtOnce()
    driver.run(together([lane(name) for name in "abc"], 3))
    driver.close()
    assert done == ["a", "b", "c", "fsync"]


def test_ctrl_c_awaits_the_request_on_the_wire_and_sends_no_other():
    order, both_handed_over, interrupted = [], threading.Event(), threading.Event()

    def interrupt(*_):
        if not interrupted.is_set():
            interrupted.set()
            raise KeyboardInterrupt

    class Slow(Wire):
        def exchange(self, asked, permit=None):
            if asked.url == "/first":
                both_handed_over.wait(10)
                # A signal just before the main thread begins to wait does not end that wait.
                while not interrupted.is_set():
                    os.kill(os.getpid(), signal.SIGINT)
                    interrupted.wait(0.1)
                threading.Event().wait(0.2)
            order.append(asked.url)
            return super().exchange(asked, permit)

    def write(path):
        try:
            yield from send(get(path, Purpose.WRITE), PERMIT)
        except GeneratorExit:
            order.append(f"closed {path}")
            raise

    driver = SyncDriver(Slow(), width=1)
    before = signal.signal(signal.SIGINT, interrupt)
    try:
        with pytest.raises(KeyboardInterrupt):
            driver.run(together([write("/first"), write("/second"), perform(both_handed_over.set)], 3))
    finally:
        signal.signal(signal.SIGINT, before)
    driver.close()
    assert order == ["/first", "closed /second", "closed /first"]


def keeper(done):
    """A `Once` that keeps what it gets, tries for more, and tidies up: as the flow of a token does."""

    def flow():
        got = yield from request(get("/token", Purpose.TOKEN))
        yield from perform(lambda: done.append(got.body))
        (more,) = yield from together([sleep(60)], 1)
        yield from perform(lambda: done.append(type(more)))

    return once("token", flow)


def asker(done):
    try:
        yield from keeper(done)
        done.append("went on")
    except GeneratorExit:
        done.append("closed")
        raise


def interrupted_often(count=5):
    """Ctrl-C and SIGTERM so many times, each seen by the main thread before the next."""
    for _ in range(count):
        for number in (signal.SIGINT, signal.SIGTERM):
            os.kill(os.getpid(), number)
            threading.Event().wait(0.01)


@pytest.fixture
def ends_like_ctrl_c():
    both = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, signal.default_int_handler) for number in both]
    yield
    assert signal.getsignal(signal.SIGTERM) is signal.getsignal(signal.SIGINT) is signal.default_int_handler
    for number, handler in zip(both, before, strict=True):
        signal.signal(number, handler)


def test_no_number_of_interrupts_loses_a_token_that_is_asked_for(ends_like_ctrl_c, caplog):
    done = []

    class Slow(Wire):
        def exchange(self, asked, permit=None):
            interrupted_often()
            return super().exchange(asked, permit)

    driver = SyncDriver(Slow())
    with pytest.raises(KeyboardInterrupt):
        driver.run(together([asker(done), sleep(60)], 2))
    driver.close()
    assert done == [b"/token", Failed, "closed"]
    assert len(caplog.records) == 2, "one word for each signal"
    assert "the answer is awaited and saved first" in caplog.records[0].getMessage()


def test_no_number_of_interrupts_loses_a_token_while_it_is_saved(ends_like_ctrl_c):
    done = []

    def flow():
        got = yield from request(get("/token", Purpose.TOKEN))
        yield from perform(interrupted_often)
        yield from perform(lambda: done.append(got.body))
        yield from request(get("/other"))
        done.append("went on")

    driver = SyncDriver(Wire())
    with pytest.raises(KeyboardInterrupt):
        driver.run(once("token", flow))
    driver.close()
    assert done == [b"/token"]


def test_no_number_of_interrupts_loses_a_token_that_is_asked_for_on_a_loop(ends_like_ctrl_c, caplog):
    """The first asks `asyncio.run` to cancel, each further one would end its loop."""
    done = []

    class Slow(AWire):
        async def exchange(self, asked, permit=None):
            await asyncio.to_thread(interrupted_often)
            return await super().exchange(asked, permit)

    async def main():
        driver = AsyncDriver(Slow())
        try:
            await driver.run(together([asker(done), sleep(60)], 2))
        finally:
            await driver.aclose()

    before = signal.signal(signal.SIGTERM, lambda number, frame: done.append("told"))
    try:
        with pytest.raises(KeyboardInterrupt):
            asyncio.run(main())
    finally:
        signal.signal(signal.SIGTERM, before)
    assert done == [b"/token", "told", "closed", Failed]
    assert [record.name for record in caplog.records].count("atsbridge") == 2


def test_no_number_of_cancellations_loses_a_token_that_is_asked_for():
    async def main():
        wire, done = Gate(), []
        driver = AsyncDriver(wire)

        async def bridge():
            try:
                try:
                    await driver.run(asker(done))
                finally:
                    await driver.perform(Perform(lambda: done.append("given back")))
            finally:
                await driver.aclose()

        task = asyncio.create_task(bridge())
        await wire.arrived.wait()
        for _ in range(50):
            task.cancel()
            await asyncio.sleep(0)
        wire.open.set()
        await asyncio.wait([task])
        assert done == ["closed", "given back", b"/token", Failed]
        assert wire.closed

    asyncio.run(main())


def test_closing_does_not_drop_a_token_that_waits_for_its_turn_to_be_saved():
    async def main():
        wire, done, go, begun = Gate(), [], threading.Event(), threading.Event()

        def busy():
            begun.set()
            go.wait(10)

        driver = AsyncDriver(wire)
        task = asyncio.create_task(driver.run(together([asker(done), perform(busy)], 2)))
        await wire.arrived.wait()
        await asyncio.to_thread(begun.wait, 10)
        wire.open.set()
        while not wire.calls:
            await asyncio.sleep(0)
        for _ in range(5):  # the Perform that saves it has got in line
            await asyncio.sleep(0)
        closing = asyncio.create_task(driver.aclose())
        await asyncio.sleep(0)
        go.set()
        await closing
        assert done == [b"/token", Failed, "closed"] or done == ["closed", b"/token", Failed]
        task.cancel()

    asyncio.run(main())


def test_ctrl_c_in_a_perform_breaks_off_the_once_that_wanted_it():
    done = []

    def flow():
        (kept,) = yield from together([perform(interrupt)], 1)
        yield from perform(lambda: done.append(type(kept)))

    def interrupt():
        raise KeyboardInterrupt

    driver = SyncDriver(Wire())
    with pytest.raises(KeyboardInterrupt):
        driver.run(once("token", flow))
    driver.close()
    assert done == [Failed]


def test_closing_lets_a_once_keep_what_it_has_asked_for():
    async def main():
        wire, done = Gate(), []
        driver = AsyncDriver(wire)
        task = asyncio.create_task(driver.run(asker(done)))
        await wire.arrived.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert done == ["closed"]
        closing = asyncio.create_task(driver.aclose())
        await asyncio.sleep(0)
        wire.open.set()
        await closing
        assert done == ["closed", b"/token", Failed]

    asyncio.run(main())


class Gate(AWire):
    """Answers when told to."""

    def __init__(self):
        super().__init__()
        self.arrived, self.open = asyncio.Event(), asyncio.Event()

    async def exchange(self, asked, permit=None):
        self.arrived.set()
        await self.open.wait()
        return self.answer(asked, permit)


def test_cancellation_awaits_the_request_on_the_wire_then_closes_the_flow():
    seen = []

    def flow():
        try:
            yield from send(get("/write", Purpose.WRITE), PERMIT)
            seen.append("went on")
        except GeneratorExit:
            seen.append("closed")
            raise

    async def main():
        wire = Gate()
        driver = AsyncDriver(wire)
        task = asyncio.create_task(driver.run(together([flow(), sleep(60)], 2)))
        await wire.arrived.wait()
        for _ in range(3):  # a second Ctrl-C changes nothing
            task.cancel()
            await asyncio.sleep(0)
        assert not task.done()
        assert seen == []
        wire.open.set()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert wire.calls == [("/write", PERMIT)]
        assert seen == ["closed"]
        assert await driver.run(perform(lambda: "still of use")) == "still of use"
        await driver.aclose()

    asyncio.run(main())


def test_a_cancelled_asker_leaves_the_answer_to_the_others():
    async def main():
        wire = Gate()
        driver = AsyncDriver(wire)

        def ask():
            return (yield from once("token", lambda: request(get("/token"))))

        first = asyncio.create_task(driver.run(ask()))
        second = asyncio.create_task(driver.run(ask()))
        await wire.arrived.wait()
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        wire.open.set()
        assert (await second).body == b"/token"
        assert len(wire.calls) == 1
        await driver.aclose()

    asyncio.run(main())


def test_cancellation_awaits_the_perform_under_way_and_drops_those_behind_it():
    begun, go, ran = threading.Event(), threading.Event(), []

    def slow():
        begun.set()
        go.wait(10)
        ran.append("slow")

    async def main():
        driver = AsyncDriver(AWire())
        flows = [perform(slow), perform(lambda: ran.append("behind"))]
        task = asyncio.create_task(driver.run(together(flows, 2)))
        await asyncio.to_thread(begun.wait, 10)
        task.cancel()
        await asyncio.sleep(0)
        assert not task.done()
        go.set()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert ran == ["slow"]
        await driver.aclose()

    asyncio.run(main())


def test_a_coroutine_cancelled_from_within_is_a_failure_of_the_crm():
    async def coroutine():
        raise asyncio.CancelledError

    from atsbridge.errors import CrmError

    with pytest.raises(CrmError):
        run_async(await_(coroutine))


def test_the_thread_of_the_performs_can_be_used_between_flows():
    async def main():
        driver = AsyncDriver(AWire())
        inside = await driver.run(perform(threading.current_thread))
        assert await driver.perform(Perform(threading.current_thread)) is inside
        with pytest.raises(ZeroDivisionError):
            await driver.perform(Perform(lambda: 1 // 0))
        await driver.aclose()

    asyncio.run(main())


def test_an_action_in_line_is_done_though_its_asker_is_cancelled():
    async def main():
        driver, done, go = AsyncDriver(AWire()), [], threading.Event()
        busy = asyncio.create_task(driver.perform(Perform(lambda: go.wait(10))))
        asker = asyncio.create_task(driver.perform(Perform(lambda: done.append("given back"))))
        await asyncio.sleep(0)
        for _ in range(3):
            asker.cancel()
            await asyncio.sleep(0)
        go.set()
        with pytest.raises(asyncio.CancelledError):
            await asker
        assert done == ["given back"]
        await busy
        await driver.aclose()

    asyncio.run(main())
