"""The inputs of the children of a Map Run, read as they are needed."""

from collections import deque
from collections.abc import Awaitable, Callable

from sfn_local.dataflow.fields import ItemTemplate
from sfn_local.distributed.batcher import Batches, Input, Singles
from sfn_local.distributed.items import STATE_DATA, Item, chunks, items_of
from sfn_local.distributed.reader import Opening
from sfn_local.document import Document, Json
from sfn_local.executions.line import Visit
from sfn_local.executions.map_run import MapRun
from sfn_local.scheduler import Pending, Scheduler

ITEMS_AT_A_TIME = 500

ReadSome = Callable[[], Awaitable[list[Item]]]


class Inputs:
    """Items, made into inputs by an ItemSelector and an ItemBatcher."""

    def __init__(
        self,
        read: ReadSome,
        select: Callable[[Json], Json] | None,
        batches: Batches | Singles,
        total: int | None,
    ) -> None:
        """Read answers an empty list at the end; total is None while it is unknown."""
        self.total = total
        self._read = read
        self._select = select
        self._batches = batches
        self._ready: deque[Input] = deque()
        self._read_items = 0
        self._is_exhausted = False
        self._run: MapRun | None = None

    @classmethod
    def of_data(
        cls,
        visit: Visit,
        document: Document,
        data: Json,
        selector: ItemTemplate | None,
        batches: Batches | Singles,
    ) -> "Inputs":
        """Inputs of the elements of a list, or of the values of an object."""
        some = chunks(items_of(data, STATE_DATA), ITEMS_AT_A_TIME)

        async def read() -> list[Item]:
            return some()

        return cls(read, _selection(visit, document, selector), batches, len(data))

    @classmethod
    def of_files(
        cls,
        visit: Visit,
        document: Document,
        opening: Opening,
        selector: ItemTemplate | None,
        batches: Batches | Singles,
    ) -> "Inputs":
        """Inputs of what is read from S3."""
        runtime = visit.runtime
        some = chunks(opening.read(runtime.services), ITEMS_AT_A_TIME)
        read = _Background(runtime.scheduler, some)
        return cls(read, _selection(visit, document, selector), batches, None)

    @property
    def are_all_read(self) -> bool:
        """Whether none is left to be read."""
        return self._is_exhausted

    def count_in(self, run: MapRun | None) -> None:
        """Count what is read as pending in this Map Run, or in none."""
        self._run = run

    async def skip(self, used: int) -> None:
        """Go on after so many that were used before.

        Raises:
            StateFailure: the items cannot be read.
        """
        for _ in range(used):
            if await self.next() is None:
                break

    def count_from_here(self, run: MapRun) -> None:
        """Count in this Map Run what is left, and what is read from now on."""
        run.executions.pending += len(self._ready)
        run.items.pending += sum(each.item_count for each in self._ready) + self._batches.held
        self._run = run

    async def next(self) -> Input | None:
        """The next input; None when all are used.

        Raises:
            StateFailure: the items cannot be read, or an item lacks what the selector takes.
        """
        while not self._ready:
            if self._is_exhausted:
                return None
            await self._read_more()
        return self._ready.popleft()

    async def _read_more(self) -> None:
        items = await self._read()
        for item in items:
            self._ready.extend(self._batches.add(self._value(item)))
        if not items:
            self._is_exhausted = True
            self.total = self._read_items
            self._ready.extend(self._batches.flush())
        self._count(len(items))

    def _value(self, item: Item) -> Json:
        index = self._read_items
        self._read_items += 1
        if self._select is None:
            return item.value if item.key is None else {"Key": item.key, "Value": item.value}
        shown: dict[str, Json] = {"Index": index, "Value": item.value, "Source": item.source}
        if item.key is not None:
            shown["Key"] = item.key
        return self._select(shown)

    def _count(self, items: int) -> None:
        if self._run is not None:
            self._run.items.pending += items
            self._run.executions.pending += len(self._ready)


def _selection(
    visit: Visit, document: Document, selector: ItemTemplate | None
) -> Callable[[Json], Json] | None:
    if selector is None:
        return None
    return lambda item: selector(visit, document, item)


class _Background:
    """Reads on another thread; items for a strand that ended meanwhile are not lost."""

    def __init__(self, scheduler: Scheduler, some: Callable[[], list[Item]]) -> None:
        self._scheduler = scheduler
        self._some = some
        self._reading: Pending[list[Item]] | None = None

    async def __call__(self) -> list[Item]:
        if self._reading is None:
            self._reading = self._scheduler.begin(self._some)
        try:
            items = await self._reading
        except Exception:
            self._reading = None
            raise
        self._reading = None
        return items
