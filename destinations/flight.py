"""Calls of a tool that takes rows one by one: several are in the air at once.

How many is the destination's `parallel`, or DESTINATIONS__<NAME>__PARALLEL. The tool's rate holds
for all of them together, and no two of them are about the same row.
"""

from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from destinations.answers import Reply
from destinations.api import BROKEN, Api, Said
from destinations.asking import Content, as_content
from destinations.errors import About, DestinationError, Refused
from destinations.login import Headers
from destinations.wire import BrokenOff, Line

LOGIN: tuple[About, ...] = ("login",)


class Call(NamedTuple):
    """One call about the row of that key."""

    key: str
    method: str
    path: str
    body: Any = None
    headers: Headers | None = None
    is_text: bool = False

    @property
    def content(self) -> Content:
        return as_content(self.body, None, self.headers)


@dataclass
class Flight:
    """What is in the air, and what came down otherwise than hoped."""

    api: Api
    stops: Container[About]
    flying: dict[Line, Call] = field(default_factory=dict)
    troubled: list[tuple[Call, Said | None]] = field(default_factory=list)
    stopped: DestinationError | None = None

    @property
    def is_halted(self) -> bool:
        return bool(self.troubled or self.stopped)

    def launch(self, call: Call) -> None:
        api = self.api
        signed = api.sign(call.content)
        # All that there is room for goes out at once; but it does not wait for what has to.
        if api.pace.pause_s() > 0:
            api.wire.push()
        api.pace.wait()
        try:
            line = api.wire.launch(api.asked(call.method, call.path, signed))
        except BROKEN as error:
            self.troubled.append((call, api.in_the_way(error)))
        else:
            self.flying[line] = call

    def land(self) -> Iterator[tuple[Call, Any]]:
        for line, came in self.api.wire.land(self.flying.keys()):
            yield from self._landed(self.flying.pop(line), came)

    def _landed(self, call: Call, came: Reply | BrokenOff) -> Iterator[tuple[Call, Any]]:
        if not isinstance(came, Reply):
            self.troubled.append((call, self.api.in_the_way(came)))
        elif self.api.is_busy(came) or self.api.has_expired(came):
            self.troubled.append((call, came))
        else:
            self.api.note_room(came)
            yield from self._answered(call, came)

    def ask_again(self) -> Iterator[tuple[Call, Any]]:
        """One by one, as patiently as any call; what stops that leaves the others in doubt."""
        while self.troubled and not self.stopped:
            call, said = self.troubled.pop(0)
            try:
                response = self.api.signed(call.method, call.path, call.content, said)
            except DestinationError as error:
                self.stopped = error
            else:
                yield from self._answered(call, response)

    def _answered(self, call: Call, response: Reply) -> Iterator[tuple[Call, Any]]:
        try:
            answer = self.api.taken(response, call.is_text)
        except Refused as refusal:
            answer = refusal
        except DestinationError as error:
            self.stopped = self.stopped or error
            return
        if isinstance(answer, Refused) and answer.about in self.stops:
            self.stopped = self.stopped or answer
        else:
            yield call, answer

    def end(self) -> None:
        """Raise what stopped it, if anything did."""
        if self.stopped:
            doubts = (said for _, said in self.troubled if said is not None)
            self.stopped.is_unsure = self.stopped.is_unsure or any(map(self.api.is_unsure, doubts))
            raise self.stopped


def attempt_each(
    api: Api, calls: Iterable[Call], stops: Container[About] = LOGIN
) -> Iterator[tuple[Call, Any]]:
    """Calls and their answers, as they come. A refusal that stops nothing is an answer.

    1. What there is room for in the air is sent.
    2. What is answered is told at once.
    3. Where the tool is busy, its login has expired, a connection broke or a refusal stops the run,
       nothing more is sent until all else in the air has come down and is told.
    4. Then what was not answered goes again, one by one, and the rest after it.
    """
    flight, left = Flight(api, stops), iter(calls)
    room = api.parameter("parallel", from_1_to_100, str(api.parallel))
    while True:
        while not flight.is_halted and len(flight.flying) < room and (call := next(left, None)):
            if api.wire.is_direct:
                flight.launch(call)
            else:
                yield from _alone(flight, call)
        if flight.flying:
            yield from flight.land()
        elif flight.is_halted:
            yield from flight.ask_again()
            flight.end()
        else:
            return


def _alone(flight: Flight, call: Call) -> Iterator[tuple[Call, Any]]:
    """By a transport of its own one is in the air at a time."""
    flight.troubled = [(call, None)]
    yield from flight.ask_again()


def from_1_to_100(told: str) -> int:
    count = int(told)
    if not 1 <= count <= 100:
        raise ValueError(f"{told} is not from 1 to 100")
    return count
