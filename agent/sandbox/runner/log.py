"""Lines in, a masked and timed log on disk out: one file a job and one a step."""

from datetime import UTC, datetime
from pathlib import Path
from typing import IO


class Log:
    """The log of one job. What `mask` was told never reaches the disk."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / "job.log"
        self._folder = folder
        self._job = self.path.open("w", encoding="utf-8")
        self._step: IO[str] | None = None
        self._masks: set[str] = set()

    def mask(self, secret: str) -> None:
        """Hide `secret`, and each of its lines, from now on."""
        self._masks |= {part for part in (secret, *secret.splitlines()) if part.strip()}

    def masked(self, text: str) -> str:
        for secret in sorted(self._masks, key=len, reverse=True):
            text = text.replace(secret, "***")
        return text

    def begin(self, number: int) -> None:
        """What follows belongs to step `number`."""
        self._end_step()
        self._step = (self._folder / f"{number}.log").open("w", encoding="utf-8")

    def write(self, text: str) -> None:
        for line in self.masked(text).split("\n"):
            stamped = f"{datetime.now(UTC).strftime('%Y-%m-%dT%H:%M:%S.%f')}0Z {line.rstrip(chr(13))}\n"
            for file in (self._job, self._step):
                if file is not None:
                    file.write(stamped)
                    file.flush()

    def close(self) -> None:
        self._end_step()
        self._job.close()

    def _end_step(self) -> None:
        if self._step is not None:
            self._step.close()
            self._step = None
