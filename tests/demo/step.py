"""The steps of a story."""

import time


class Step:
    """A headline, and how long what follows took."""

    count = 0

    def __init__(self, title):
        Step.count += 1
        self.title, self.start = title, time.monotonic()

    def __enter__(self):
        print(f"\n{Step.count}. {self.title}", flush=True)

    def __exit__(self, kind, *_):
        if kind is None:
            print(f"   ({time.monotonic() - self.start:.1f} s)", flush=True)
