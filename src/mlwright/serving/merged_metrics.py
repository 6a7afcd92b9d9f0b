"""The metrics of several processes as those of one: series of the same name and labels are added.

Counters of a worker that ended are kept, so that they never fall; its gauges are not.
"""

from __future__ import annotations

from collections.abc import Iterable

_AS_ONE = "mlwright_model_info"
"""Its value is 1 for each model, however many workers say so."""


class Totals:
    """What ended workers had counted, and sums with those that live.

    >>> totals = Totals()
    >>> totals.depart(b"# TYPE a counter\\na 2\\n# TYPE b gauge\\nb 5\\n")
    >>> totals.with_all([b"# TYPE a counter\\na 1\\n# TYPE b gauge\\nb 1\\n"])
    b'# TYPE a counter\\na 3\\n# TYPE b gauge\\nb 1\\n'
    """

    def __init__(self) -> None:
        self._departed: dict[str, float] = {}

    def depart(self, text: bytes) -> None:
        """Keeps the counters of a worker that ended, as it last told them."""
        kinds = _kinds(text)
        for series, value in _series(text):
            if kinds.get(_family_of(series, kinds)) in ("counter", "histogram"):
                self._departed[series] = self._departed.get(series, 0.0) + value

    def with_all(self, texts: Iterable[bytes]) -> bytes:
        """The texts as one, in the order of the first that has a series."""
        sums: dict[str, float] = dict(self._departed)
        heads: dict[str, dict[str, None]] = {}
        layout: dict[str, dict[str, None]] = {}
        every: dict[str, str] = {}
        for text in texts:
            kinds = _kinds(text)
            every |= kinds
            for line in text.decode().splitlines():
                if line.startswith("#"):
                    heads.setdefault(line.split()[2], {})[line] = None
            for series, value in _series(text):
                layout.setdefault(_family_of(series, kinds), {})[series] = None
                sums[series] = value if series.startswith(_AS_ONE) else sums.get(series, 0.0) + value
        for series in self._departed:
            layout.setdefault(_family_of(series, every), {})[series] = None
        lines: list[str] = []
        for family, head in heads.items():
            lines += head
            lines += [f"{series} {sums[series]:.15g}" for series in layout.get(family, ())]
        return ("\n".join(lines) + "\n").encode()


def _series(text: bytes) -> Iterable[tuple[str, float]]:
    for line in text.decode().splitlines():
        if line and not line.startswith("#"):
            series, _, value = line.rpartition(" ")
            yield series, float(value)


def _kinds(text: bytes) -> dict[str, str]:
    lines = (line.split() for line in text.decode().splitlines() if line.startswith("# TYPE "))
    return {words[2]: words[3] for words in lines}


def _family_of(series: str, kinds: dict[str, str]) -> str:
    name = series.partition("{")[0]
    if name in kinds:
        return name
    for end in ("_bucket", "_sum", "_count"):
        if name.endswith(end) and name.removesuffix(end) in kinds:
            return name.removesuffix(end)
    return name
