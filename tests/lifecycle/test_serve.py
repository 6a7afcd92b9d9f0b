"""A model file is served from its path, and whoever started it is told when requests are answered."""

import signal
import threading
import urllib.request

import mlwright as mw


def test_it_is_told_where_it_listens_and_ends_when_told(tmp_path):
    table = {"age": [*range(40)], "y": ["no", "yes"] * 20}
    mw.fit(table, target="y", max_trials=2).save(tmp_path / "m.mlw")
    health = []

    def ask(url):
        try:
            with urllib.request.urlopen(f"{url}/health", timeout=20) as answer:
                health.append(answer.status)
        finally:
            signal.raise_signal(signal.SIGTERM)

    def started(url):
        asking.append(threading.Thread(target=ask, args=(url,)))
        asking[0].start()  # the server answers in this thread: it cannot be asked from here

    asking = []
    mw.serve(tmp_path / "m.mlw", port=0, started=started)
    asking[0].join()
    assert health == [200]
