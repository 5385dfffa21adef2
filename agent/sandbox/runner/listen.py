"""A line that a step printed -> log, mask or annotation."""

from agent.sandbox.runner.bench import Bench
from agent.sandbox.runner.commands import annotation, read_command, refuse_removed


class Listener:
    """Hears one step's output; `::stop-commands::` holds until its token is printed again."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._stopped = ""

    def __call__(self, line: str) -> None:
        if self._stopped:
            if line.strip() == f"::{self._stopped}::":
                self._stopped = ""
            self._bench.log.write(line)
            return
        command = read_command(line)
        if command is None:
            self._bench.log.write(line)
            return
        refuse_removed(command)
        note = annotation(command)
        if note is not None:
            self._bench.note(note.level, note.message, path=note.path, line=note.line, title=note.title)
        elif command.name == "add-mask":
            self._bench.log.mask(command.message)
            self._bench.log.write("::add-mask::***")
        elif command.name == "stop-commands":
            self._stopped = command.message.strip()
            self._bench.log.write(line)
        elif command.name in ("group", "endgroup", "debug"):
            self._bench.log.write(f"##[{command.name}]{command.message}")
        else:
            self._bench.log.write(line)
